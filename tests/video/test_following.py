"""Following, by networks of a few lines whose answers are known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from vx_detectron import Choice, load_cfg
from vx_detectron.errors import ConfigError, SubjectError
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import ByteArray, FloatArray, Instances
from vx_detectron.video.following import Follower, Marks
from vx_detectron.video.motion import MotionFinder, own_motion
from vx_detectron.video.order import parse_pointed, parse_time

SIZE = (120, 160)
RED, BLUE = (230, 20, 20), (20, 20, 230)
NAMES = ("person", "dog")


class _Sees:
    """Finds red squares as persons and blue ones as dogs."""

    name = engine = device = "test"
    weights = weights_sha256 = ""
    class_names = NAMES

    def __init__(self) -> None:
        self.runs = 0

    def predict(self, image: ByteArray) -> Instances:
        self.runs += 1
        boxes, scores, classes = [], [], []
        for kind, colour in enumerate((RED, BLUE)):
            close = np.abs(image.astype(int) - colour).sum(axis=2) < 90
            _, _, stats, _ = cv2.connectedComponentsWithStats(close.astype(np.uint8))
            for x, y, w, h, area in stats[1:]:
                if area > 60:
                    boxes.append([x, y, x + w, y + h])
                    scores.append(0.9 - 0.1 * kind - 0.0001 * x)
                    classes.append(kind)
        count = len(boxes)
        return Instances(
            image_size=(image.shape[0], image.shape[1]),
            boxes=np.array(boxes, np.float32).reshape(count, 4),
            scores=np.array(scores, np.float32),
            classes=np.array(classes, np.int64),
            mask_grids=np.ones((count, 28, 28), np.float32),
            class_names=NAMES,
        )

    def look(self, image: ByteArray) -> FloatArray:
        red = np.abs(image.astype(int) - RED).sum(axis=2) < 90
        blue = np.abs(image.astype(int) - BLUE).sum(axis=2) < 90
        return np.where(red | blue, 0.97, 0.03).astype(np.float32)


def scene(red: int | None = None, blue: int | None = None, seed: int = 1) -> ByteArray:
    """Textured ground with a red square at x = red, and a blue one lower at x = blue."""
    random = np.random.default_rng(seed)
    ground = cv2.resize(random.integers(60, 180, (15, 20), np.uint8), SIZE[::-1])
    frame = np.dstack([ground] * 3)
    if red is not None:
        frame[20:60, max(red, 0) : red + 40] = RED
    if blue is not None:
        frame[75:110, max(blue, 0) : blue + 35] = BLUE
    return np.ascontiguousarray(frame)


@pytest.fixture
def isolator() -> Isolator:
    sees = _Sees()
    return Isolator(load_cfg(None, ["VX.SUBJECT.MIN_SCORE", "0.0"]), sees, sees)


def square(x: int) -> FloatArray:
    truth = np.zeros(SIZE, bool)
    truth[20:60, x : x + 40] = True
    return truth


def overlap(mask: FloatArray, truth: FloatArray) -> float:
    found = cv2.resize(mask, SIZE[::-1]) >= 0.5
    return np.count_nonzero(found & truth) / np.count_nonzero(found | truth)


def test_a_subject_is_followed(isolator: Isolator) -> None:
    follower = Follower(isolator, Choice(label="person"))
    for number in range(15):
        found = follower.follow(scene(red=10 + 4 * number))
        assert overlap(found.mask, square(10 + 4 * number)) > 0.85, number
        assert found.state == ("chosen" if number == 0 else "followed")
        assert found.labels == ("person",)
    assert isolator.detector.runs == 3  # frames 0, 5 and 10


def test_the_other_thing_stays_out_when_it_passes_by(isolator: Isolator) -> None:
    follower = Follower(isolator, Choice(label="person"))
    blue = np.zeros(SIZE, bool)
    for number in range(12):
        at = 100 - 6 * number
        found = follower.follow(scene(red=60, blue=at))
        blue[:] = False
        blue[75:110, at : at + 35] = True
        inside = cv2.resize(found.mask, SIZE[::-1]) >= 0.5
        assert np.count_nonzero(inside & blue) < 0.05 * np.count_nonzero(blue)


class _MissesTheLeftOne(_Sees):
    """From the second run on it sees the rightmost person only."""

    def predict(self, image: ByteArray) -> Instances:
        found = super().predict(image)
        if self.runs == 1:
            return found
        right = np.flatnonzero(found.boxes[:, 0] == found.boxes[:, 0].max(initial=0))
        return replace(
            found,
            boxes=found.boxes[right],
            scores=found.scores[right],
            classes=found.classes[right],
            mask_grids=found.mask_grids[right],
            is_region=found.is_region[right],
        )


def test_a_double_nearby_is_not_taken_for_a_subject_that_the_detector_missed() -> None:
    sees = _MissesTheLeftOne()
    isolator = Isolator(load_cfg(None, ["VX.SUBJECT.MIN_SCORE", "0.0"]), sees, sees)
    follower = Follower(isolator, Choice(label="person"))
    for number in range(13):
        frame = scene(red=20)
        if number >= 3:
            frame[20:60, 72:112] = RED
        found = follower.follow(frame)
        assert overlap(found.mask, square(20)) > 0.85, number
    assert sees.runs >= 3


def test_a_class_that_is_not_there_yet(isolator: Isolator) -> None:
    follower = Follower(isolator, Choice(label="dog"))
    first = follower.follow(scene(red=20))
    assert first.state == "none"
    assert "no dog" in first.reason
    for _ in range(6):
        later = follower.follow(scene(red=20, blue=90))
    assert later.state in ("chosen", "followed")
    assert later.labels == ("dog",)


def test_hidden_and_found_again(isolator: Isolator) -> None:
    follower = Follower(isolator, Choice(label="person"))
    states = []
    for number in range(24):
        red = None if 6 <= number < 14 else 40
        found = follower.follow(scene(red=red))
        states.append(found.state)
    assert "hidden" in states[8:14]
    assert states[-1] == "followed"
    assert overlap(found.mask, square(40)) > 0.85


def test_a_cut_begins_again(isolator: Isolator) -> None:
    follower = Follower(isolator)
    for number in range(6):
        follower.follow(scene(red=10 + number))
    other = 255 - scene(seed=9) // 3
    other[75:110, 90:125] = BLUE
    found = follower.follow(np.ascontiguousarray(other))
    assert found.cut
    assert found.state == "chosen"
    assert found.labels == ("dog",)


def test_no_cut_where_a_camera_pans(isolator: Isolator) -> None:
    follower = Follower(isolator)
    wide = cv2.resize(np.random.default_rng(3).integers(0, 255, (15, 60, 3), np.uint8), (480, 120))
    for number in range(20):
        part = wide[:, 8 * number : 8 * number + 160].copy()
        part[20:60, 60:100] = RED
        assert not follower.follow(np.ascontiguousarray(part)).cut


def test_pointing(isolator: Isolator) -> None:
    follower = Follower(isolator, Choice(label="person"))
    follower.follow(scene(red=20, blue=100))
    both = follower.follow(scene(red=20, blue=100), marks=Marks(keep=((115, 90),)))
    assert sorted(both.labels) == ["dog", "person"]
    assert cv2.resize(both.mask, SIZE[::-1])[90, 115] > 0.5
    dog = follower.follow(scene(red=20, blue=100), marks=Marks(drop=((40, 40),)))
    assert dog.labels == ("dog",)
    assert cv2.resize(dog.mask, SIZE[::-1])[40, 40] < 0.5
    for _ in range(6):
        later = follower.follow(scene(red=20, blue=100))
    assert cv2.resize(later.mask, SIZE[::-1])[40, 40] < 0.5
    assert cv2.resize(later.mask, SIZE[::-1])[90, 115] > 0.5
    with pytest.raises(SubjectError, match="point"):
        follower.follow(scene(red=20, blue=100), marks=Marks(at=(5, 5)))


def test_going_on_later_is_the_same(isolator: Isolator, tmp_path: Path) -> None:
    first = Follower(isolator, Choice(label="person"))
    for number in range(8):
        first.follow(scene(red=10 + 3 * number))
    np.savez(tmp_path / "known.npz", **first.state())
    second = Follower(isolator, Choice(label="person"))
    with np.load(tmp_path / "known.npz", allow_pickle=False) as known:
        second.restore(known)
    for number in range(8, 14):
        image = scene(red=10 + 3 * number)
        assert np.array_equal(first.follow(image).mask, second.follow(image).mask)


def test_it_needs_an_eye() -> None:
    with pytest.raises(ConfigError, match="eye"):
        Follower(Isolator(load_cfg(), _Sees(), None))


def test_motion_carries_a_mask() -> None:
    def frame(red: int) -> ByteArray:
        picture = scene(red)
        spots = np.random.default_rng(8).integers(0, 3, (10, 10), np.uint8) * 60
        picture[20:60, red : red + 40, 1] = cv2.resize(spots, (40, 40))
        return picture

    finder = MotionFinder()
    assert finder.find(frame(20)) is None
    motion = finder.find(frame(26))
    assert motion is not None
    carried = motion.carry(square(20).astype(np.float32))
    assert overlap(carried, square(26)) > 0.8
    assert overlap(square(20).astype(np.float32), square(26)) < 0.75


def test_what_moves_on_its_own_under_a_camera_that_pans() -> None:
    wide = cv2.resize(np.random.default_rng(5).integers(0, 255, (15, 60), np.uint8), (480, 120))

    def frame(shift: int, red: int) -> ByteArray:
        part = np.dstack([wide[:, 100 + shift : 260 + shift]] * 3).copy()
        spots = cv2.resize(np.random.default_rng(6).integers(0, 90, (6, 6), np.uint8), (40, 40))
        part[20:60, red : red + 40, 0] = 255 - spots
        part[20:60, red : red + 40, 1:] = 0
        return np.ascontiguousarray(part)

    own = own_motion(frame(0, 60), frame(5, 63))
    inside, outside = own[25:55, 65:95], own[80:, 10:150]
    assert np.median(inside) * 160 > 3  # it moves by 8, of which the small flow finds a part
    assert np.median(outside) * 160 < 0.5


@pytest.mark.parametrize(
    ("text", "seconds"), [("12.5", 12.5), ("1:02.5", 62.5), ("1:00:02", 3602.0), ("0", 0.0)]
)
def test_times(text: str, seconds: float) -> None:
    assert math.isclose(parse_time(text), seconds)


@pytest.mark.parametrize("text", ["", "a", "-1", "1:2:3:4", "nan", "1:-2"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a time"):
        parse_time(text)


def test_points_in_time() -> None:
    one = parse_pointed("320,180@1:01.5")
    assert (one.point, one.time) == ((320.0, 180.0), 61.5)
    assert parse_pointed("3,4").time == 0.0
    for text in ("3", "3,4,5", "a,b@1", "3,4@x", "nan,4"):
        with pytest.raises(ConfigError, match="expected"):
            parse_pointed(text)
