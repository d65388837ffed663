"""How an eye looks, with networks of which every answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vx_detectron.engines.looks import input_size, look, resize_photo
from vx_detectron.structures import ByteArray, FloatArray


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        ((480, 640), (320, 416)),
        ((640, 480), (416, 320)),
        ((100, 100), (320, 320)),
        ((64, 2000), (32, 512)),  # a panorama: the long side is 1.6 times 320, not 10,000
        ((4000, 1), (512, 32)),
        ((1, 1), (320, 320)),
    ],
)
def test_the_size_of_a_look(photo: tuple[int, int], expected: tuple[int, int]) -> None:
    assert input_size(*photo, 320, 32) == expected


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from([64, 320, 500]))
def test_a_look_costs_no_more_than_a_long_photo(height: int, width: int, shortest: int) -> None:
    size = input_size(height, width, shortest, 32)
    assert all(side % 32 == 0 and side > 0 for side in size)
    assert max(size) <= 1.6 * shortest + 16 and min(size) <= shortest + 16
    assert input_size(width, height, shortest, 32) == size[::-1]


class Redness:
    """A network whose map is what is red, at half its input's size; it remembers what it saw."""

    def __init__(self) -> None:
        self.seen: list[ByteArray] = []

    def __call__(self, seen: ByteArray) -> FloatArray:
        self.seen.append(seen)
        red = (seen[..., 0].astype(np.float32) - seen[..., 1]).clip(0) / 255
        half = cv2.resize(red, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        return np.asarray(0.1 + 0.8 * half, dtype=np.float32)


def seen_by_redness(photo: ByteArray, zoom: bool) -> FloatArray:
    return look(Redness(), photo, (64,), multiple=32, zoom=zoom)


def disc(height: int, width: int, y: float, x: float, radius: float) -> ByteArray:
    """A red disc on blue."""
    photo = np.full((height, width, 3), (0, 0, 200), np.uint8)
    cv2.circle(photo, (round(x), round(y)), round(radius), (255, 0, 0), thickness=-1)
    return photo


def odds(probability: FloatArray) -> FloatArray:
    return np.asarray(np.log(probability / (1 - probability)), dtype=np.float32)


def test_further_looks_are_mirrored_resized_mirrored_back_and_averaged_as_odds() -> None:
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[:, :20] = 255
    seen: list[ByteArray] = []

    def run(image: ByteArray) -> FloatArray:
        seen.append(image)
        if len(seen) == 1:
            return np.full(image.shape[:2], 0.5, np.float32)
        return np.asarray(image[..., 0] / 255 * 0.8 + 0.1, np.float32)  # 0.9 where white

    found = look(run, photo, (40, 20))
    first, mirrored = seen
    assert np.array_equal(first, photo)
    assert mirrored.shape == (20, 30, 3)
    assert mirrored[:, -9:].min() == 255 and mirrored[:, :18].max() == 0
    # The mean of the odds 1 : 1 and 9 : 1 is 3 : 1.
    assert np.allclose(found[:, :15], 0.75, atol=1e-5)
    assert np.allclose(found[:, 25:], 0.25, atol=1e-5)


def test_every_look_counts_alike_and_every_second_is_mirrored() -> None:
    photo = disc(32, 32, 16, 8, 6)
    seen: list[ByteArray] = []

    def run(image: ByteArray) -> FloatArray:
        seen.append(image)
        return np.full(image.shape[:2], (0.9, 0.5, 0.1, 0.9)[len(seen) - 1], np.float32)

    found = look(run, photo, (32, 32, 32, 32))
    assert [bool(one[16, 8, 0]) for one in seen] == [True, False, True, False]
    assert np.allclose(odds(found), np.log(9) / 4, atol=1e-5)


def test_a_sure_look_does_not_silence_the_others() -> None:
    """Probabilities of 1 and 0 have odds without end; they count as much as each other."""
    answers = iter([1.0, 0.0])

    def run(image: ByteArray) -> FloatArray:
        return np.full(image.shape[:2], next(answers), np.float32)

    assert np.allclose(look(run, disc(32, 32, 16, 16, 8), (32, 32)), 0.5, atol=1e-5)


@pytest.mark.parametrize("sizes", [(64,), (64, 64), (64, 32)])
def test_a_mirrored_photo_has_the_mirrored_map(sizes: tuple[int, ...]) -> None:
    photo = disc(128, 192, 50, 60, 30)
    found = look(Redness(), photo, sizes, multiple=32)
    mirrored = look(Redness(), np.ascontiguousarray(photo[:, ::-1]), sizes, multiple=32)
    assert found.max() > 0.8 and found.min() < 0.2
    assert np.allclose(mirrored[:, ::-1], found, atol=1e-4)


def test_a_small_subject_is_looked_at_once_more_and_its_edge_is_finer() -> None:
    photo = disc(800, 1200, 300, 800, 70)
    truth = np.where(photo[..., 0] > 0, 0.9, 0.1)
    plain, zoomed = (seen_by_redness(photo, zoom) for zoom in (False, True))
    assert zoomed.shape[0] > 2 * plain.shape[0]
    errors = [
        np.abs(cv2.resize(one, (1200, 800), interpolation=cv2.INTER_LINEAR) - truth).mean()
        for one in (plain, zoomed)
    ]
    assert errors[1] < 0.8 * errors[0]


def test_the_second_look_is_at_the_subject_with_a_margin() -> None:
    run = Redness()
    look(run, disc(800, 1200, 300, 800, 70), (64,), multiple=32, zoom=True)
    whole, near = ((seen[..., 0] > 128).mean() for seen in run.seen)
    assert whole < 0.03 and 0.2 < near < 0.6
    border = run.seen[1].copy()
    border[4:-4, 4:-4] = 0
    assert border[..., 0].max() < 128


def test_what_lies_outside_the_window_stays_as_it_was() -> None:
    photo = disc(800, 1200, 300, 800, 70)
    plain, zoomed = (seen_by_redness(photo, zoom) for zoom in (False, True))
    coarse = cv2.resize(odds(plain), zoomed.shape[::-1], interpolation=cv2.INTER_LINEAR)
    changed = np.abs(odds(zoomed) - coarse) > 1e-3
    rows, columns = np.nonzero(changed)
    scale = 800 / zoomed.shape[0]
    # The disc with two margins of 15 % of its sides and what the coarse map adds to them.
    assert rows.min() * scale > 300 - 150 and rows.max() * scale < 300 + 150
    assert columns.min() * scale > 800 - 150 and columns.max() * scale < 800 + 150
    assert 0 < changed.mean() < 0.12


def test_a_subject_that_fills_the_photo_needs_no_second_look() -> None:
    run, photo = Redness(), disc(300, 400, 150, 200, 130)
    found = look(run, photo, (64,), multiple=32, zoom=True)
    assert len(run.seen) == 1
    assert np.array_equal(found, look(Redness(), photo, (64,), multiple=32))


def test_a_photo_has_no_more_detail_than_its_pixels() -> None:
    run = Redness()
    look(run, disc(60, 90, 30, 45, 9), (64,), multiple=32, zoom=True)
    assert len(run.seen) == 1


def test_where_there_is_no_subject_there_is_no_window() -> None:
    run, photo = Redness(), np.zeros((800, 1200, 3), np.uint8)
    found = look(run, photo, (64,), multiple=32, zoom=True)
    assert len(run.seen) == 1 and found.max() < 0.2


def test_a_window_that_disagrees_is_not_believed() -> None:
    photo, redness = disc(800, 1200, 300, 800, 70), Redness()

    def run(seen: ByteArray) -> FloatArray:
        found = redness(seen)
        return found if len(redness.seen) == 1 else np.asarray(1 - found)

    found = look(run, photo, (64,), multiple=32, zoom=True)
    assert len(redness.seen) == 2
    assert np.array_equal(found, look(Redness(), photo, (64,), multiple=32))


@pytest.mark.parametrize(
    ("sizes", "mirrored"), [((96,), True), ((96, 96), False), ((96, 64, 96), True)]
)
def test_what_the_frame_cuts_is_looked_at_once_more_from_farther_away(
    sizes: tuple[int, ...], mirrored: bool
) -> None:
    run, photo = Redness(), disc(300, 300, 150, 60, 200)
    look(run, photo, sizes, multiple=32, zoom=True)
    *_, last = run.seen
    assert len(run.seen) == len(sizes) + 1
    assert last.shape == (64, 64, 3)  # two thirds of 96
    assert (last[30, 2, 0] < 128) == mirrored


def test_the_farther_look_counts_as_much_as_each_other_look() -> None:
    answers = iter([0.9, 0.5, 0.1])

    def run(image: ByteArray) -> FloatArray:
        return np.full(image.shape[:2], next(answers), np.float32)

    photo = np.zeros((96, 96, 3), np.uint8)
    assert np.allclose(odds(look(run, photo, (96,), zoom=True)), np.log(9) / 2, atol=1e-5)
    answers = iter([0.9, 0.9, 0.1])
    assert np.allclose(odds(look(run, photo, (96, 96), zoom=True)), np.log(9) / 3, atol=1e-5)


def test_what_touches_the_frame_at_a_point_is_not_cut() -> None:
    run, photo = Redness(), np.zeros((300, 300, 3), np.uint8)
    photo[40:260, 40:260] = photo[:40, 150:153] = (255, 0, 0)  # a box that hangs by a thread
    look(run, photo, (300,), zoom=True)
    assert len(run.seen) == 1


def test_at_the_photos_border_the_window_does_not_fade() -> None:
    """A disc cut by the upper border: there the window is believed as much as in its middle."""
    photo = disc(800, 1200, 0, 600, 100)
    plain, zoomed = (seen_by_redness(photo, zoom) for zoom in (False, True))
    assert zoomed.shape > plain.shape
    middle = zoomed.shape[1] // 2
    assert zoomed[0, middle] > 0.85
    reach = np.flatnonzero(zoomed[0] > 0.5) * 1200 / zoomed.shape[1]
    assert abs(reach[0] - 500) < 20 and abs(reach[-1] - 700) < 20


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 500), st.integers(1, 500)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.floats(0.01, 0.6),
    st.sampled_from([(64,), (64, 32)]),
)
def test_a_map_stays_within_0_and_1_over_the_whole_photo(
    size: tuple[int, int], place: tuple[float, float], radius: float, sizes: tuple[int, ...]
) -> None:
    photo = disc(*size, place[0] * size[0], place[1] * size[1], radius * min(size))
    before = photo.copy()
    plain = look(Redness(), photo, sizes, multiple=32)
    found = look(Redness(), photo, sizes, multiple=32, zoom=True)
    assert np.array_equal(photo, before)
    assert found.dtype == np.float32 and np.isfinite(found).all()
    assert found.min() >= 0.09 and found.max() <= 0.91
    # Finer, but of the same proportions.
    fine = found.shape[0] / plain.shape[0], found.shape[1] / plain.shape[1]
    assert min(fine) >= 1 and max(fine) <= 4.2


def test_a_photo_of_the_right_size_is_not_resized() -> None:
    photo = disc(32, 64, 16, 16, 8)
    assert resize_photo(photo, (32, 64)) is photo
    assert resize_photo(photo, (64, 128)).shape == (64, 128, 3)
    checks = np.indices((32, 64)).sum(axis=0) % 2 * 255
    grey = resize_photo(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8), (16, 32))
    assert np.abs(grey.astype(int) - 127).max() <= 1  # averaged, not picked
