"""Opened photos: bounded in bytes and in time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from skimage.data import astronaut
from web_photos import half

from vx_detectron.image_io import Photo
from vx_detectron.pipeline import Isolator, OpenPhoto
from vx_detectron.subject import Choice
from web.errors import ClientGoneError, PhotoGoneError
from web.opened import Opened, OpenedPhotos

MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def found(isolator: Isolator) -> OpenPhoto:
    return isolator.open(np.zeros((32, 32, 3), dtype=np.uint8))


def opened(found: OpenPhoto, height: int = 32) -> Opened:
    photo = Photo(np.zeros((height, 1000, 3), dtype=np.uint8), "x", "PNG")
    return Opened(OpenPhoto(found.isolator, photo, found.instances, {}))


def test_ids_are_long_and_differ(found: OpenPhoto) -> None:
    photos = OpenedPhotos(100 * MEBIBYTE, 60)
    names = {photos.add(opened(found)) for _ in range(20)}
    assert len(names) == 20 and min(map(len, names)) >= 32


def test_the_least_used_goes_when_memory_is_short(found: OpenPhoto) -> None:
    photos = OpenedPhotos(2 * MEBIBYTE, 60)  # even a small one counts as one
    first, second = photos.add(opened(found)), photos.add(opened(found))
    photos.get(first)
    third = photos.add(opened(found))
    assert photos.get(first) and photos.get(third)
    with pytest.raises(PhotoGoneError):
        photos.get(second)


def test_a_large_photo_counts_for_what_it_takes(found: OpenPhoto) -> None:
    photos = OpenedPhotos(8 * MEBIBYTE, 60)
    small = photos.add(opened(found))
    photos.add(opened(found, height=1100))  # 1.1 megapixels: 7.7 MB
    assert len(photos) == 1
    with pytest.raises(PhotoGoneError):
        photos.get(small)


def test_time_takes_photos_away_without_a_request(found: OpenPhoto) -> None:
    photos = OpenedPhotos(8 * MEBIBYTE, 0.2)
    name = photos.add(opened(found))
    gone = threading.Event()
    for _ in range(100):
        if len(photos) == 0:
            gone.set()
            break
        threading.Event().wait(0.05)
    assert gone.is_set()
    with pytest.raises(PhotoGoneError):
        photos.get(name)


def test_the_same_question_is_answered_once(isolator: Isolator) -> None:
    pixels = half("chelsea.png")
    one = Opened(isolator.open(pixels))
    options = isolator.refine_options
    first = one.cut(Choice(), options, None, still_there)
    assert one.cut(Choice(), options, None, still_there) is first
    assert one.cut(Choice(rank=2), options, None, still_there) is not first
    small = one.cut(Choice(), options, 0.01, still_there)
    assert small.alpha.size <= 10_000 and small.photo.pixels.shape[:2] == small.alpha.shape


def test_who_waits_for_another_cut_of_the_photo_may_leave(isolator: Isolator) -> None:
    one = Opened(isolator.open(half("chelsea.png")))
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        done.wait(30)

    first = threading.Thread(target=one.cut, args=(Choice(), isolator.refine_options, None, work))
    first.start()
    assert begun.wait(30)
    try:
        with pytest.raises(ClientGoneError):
            one.cut(Choice(rank=2), isolator.refine_options, None, hang_up)
    finally:
        done.set()
        first.join(30)


def test_a_cut_that_nobody_waits_for_ends_at_any_step(isolator: Isolator) -> None:
    found = isolator.open(half("chelsea.png"))
    options = replace(isolator.refine_options, matting=True)
    calls: list[int] = []
    whole = found.cut(Choice(), options, check=lambda: calls.append(0))
    assert len(whole.provenance.refinement) == 5
    assert len(calls) > 5 + 10  # between the steps, and while the longest one is solved
    for last in (1, 3, 5, len(calls)):
        left = iter(range(last - 1))

        def hang_up_then(left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise ClientGoneError

        with pytest.raises(ClientGoneError):
            found.cut(Choice(), options, check=hang_up_then)


def test_a_preview_is_the_whole_cut_made_smaller(isolator: Isolator) -> None:
    found = isolator.open(astronaut())
    whole, small = found.cut(), found.cut(megapixels=0.066)
    assert small.alpha.shape == (256, 256) == small.photo.pixels.shape[:2]
    averaged = whole.alpha.reshape(256, 2, 256, 2).mean(axis=(1, 3))
    assert np.abs(averaged - small.alpha).mean() < 0.01
    assert small.subject == whole.subject
    assert found.cut(megapixels=100).alpha.shape == (512, 512)


def still_there() -> None:
    """A client that waits."""


def hang_up() -> None:
    raise ClientGoneError
