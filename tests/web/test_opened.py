"""Opened photos: bounded in bytes and in time."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from web_photos import half

from vx_detectron.image_io import Photo
from vx_detectron.pipeline import Isolator, OpenPhoto
from vx_detectron.subject import Choice
from web.errors import PhotoGoneError
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
    first = one.cut(Choice(), isolator.refine_options)
    assert one.cut(Choice(), isolator.refine_options) is first
    assert one.cut(Choice(rank=2), isolator.refine_options) is not first
