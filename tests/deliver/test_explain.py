"""The picture of an explanation: every label can be read."""

from __future__ import annotations

import numpy as np
import pytest

from vx_detectron.deliver.explain import explanation
from vx_detectron.structures import Candidate, Instances, Subject

ORANGE = (255, 170, 0)


@pytest.mark.parametrize("top", [0, 100, 190])
def test_labels_of_things_in_one_place_stand_apart_in_the_photo(top: int) -> None:
    count = 6
    image = np.full((200, 240, 3), 255, dtype=np.uint8)
    found = Instances(
        image_size=(200, 240),
        boxes=np.tile(np.array([[50, top, 90, top + 10]], dtype=np.float32), (count, 1)),
        scores=np.linspace(0.9, 0.5, count, dtype=np.float32),
        classes=np.zeros(count, dtype=np.int64),
        mask_grids=np.zeros((count, 28, 28), dtype=np.float32),  # no outlines in the way
        class_names=("dog",),
    )
    ranking = tuple(Candidate(index, "dog", 0.1, {}, {}, "small") for index in range(count))
    picture = explanation(image, found, Subject((), ranking, "no subject", "ranking"))
    column = (picture[:200, 50] == ORANGE).all(axis=-1)  # left of the letters
    starts = np.flatnonzero(np.diff(column.astype(int), prepend=0) == 1)
    ends = np.flatnonzero(np.diff(column.astype(int), append=0) == -1)
    assert len(starts) == count
    assert len(set(ends - starts)) == 1  # none is cut off
