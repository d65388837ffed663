"""From the network's pixels to the photo's."""

from __future__ import annotations

import numpy as np

from vx_detectron.engines.output import to_instances
from vx_detectron.structures import Instances


def convert(boxes: object) -> Instances:
    """Detections in an input of 50 x 100, from a photo of 100 x 400."""
    boxes = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    boxes.setflags(write=False)
    count = len(boxes)
    return to_instances(
        boxes,
        np.linspace(0.9, 0.1, count).astype(np.float32),
        np.arange(count) % 2,
        np.stack([np.full((3, 3), n, np.float32) for n in range(count)])
        if count
        else np.zeros((0, 3, 3), np.float32),
        network_size=(50, 100),
        image_size=(100, 400),
        class_names=("cat", "dog"),
    )


def test_boxes_grow_with_the_photo_each_side_by_its_own_factor() -> None:
    assert convert([[10, 5, 20, 15.5]]).boxes.tolist() == [[40, 10, 80, 31]]


def test_boxes_end_at_the_frame() -> None:
    assert convert([[-5, -1, 101, 60]]).boxes.tolist() == [[0, 0, 400, 100]]


def test_what_nothing_is_left_of_goes_with_all_that_belongs_to_it() -> None:
    found = convert([[0, 0, 9, 9], [100, 0, 120, 10], [3, 3, 3, 8], [1, 1, 2, 2]])
    assert found.boxes.tolist() == [[0, 0, 36, 18], [4, 2, 8, 4]]
    assert found.scores.tolist() == np.float32([0.9, 0.1]).tolist()
    assert found.classes.tolist() == [0, 1]
    assert found.mask_grids[:, 0, 0].tolist() == [0, 3]


def test_nothing_found_stays_nothing() -> None:
    found = convert([])
    assert len(found) == 0
    assert found.image_size == (100, 400)
    assert found.mask_grids.shape == (0, 3, 3)
