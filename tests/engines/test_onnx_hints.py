"""The network that listens to hints, in ONNX Runtime, with the weights that ship."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from vx_detectron import load_cfg
from vx_detectron.engines import build_segmenter
from vx_detectron.engines.onnx_hints import HintNetwork
from vx_detectron.errors import CheckpointError
from vx_detectron.structures import Instances

CENTRE, RADIUS = (470, 90), 60


@pytest.fixture(scope="module")
def network() -> HintNetwork:
    segmenter = build_segmenter(load_cfg())
    assert isinstance(segmenter, HintNetwork)
    return segmenter


def _ball_on_a_table() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The photo of a cup of coffee with a blue ball in its corner, and the ball's mask."""
    photo = data.coffee().copy()
    mask = np.zeros(photo.shape[:2], dtype=np.uint8)
    cv2.circle(mask, CENTRE, RADIUS, 1, -1)
    photo[mask > 0] = (40, 90, 200)
    return photo, mask > 0


def _at(shape: tuple[int, ...], *points: tuple[int, int]) -> NDArray[np.bool_]:
    marks = np.zeros(shape, dtype=np.bool_)
    for x, y in points:
        marks[y, x] = True
    return marks


def _iou(mask: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    inside = mask >= 0.5
    return float((inside & truth).sum() / (inside | truth).sum())


def test_a_click_cuts_a_thing_that_is_no_subject(network: HintNetwork) -> None:
    photo, ball = _ball_on_a_table()
    opened = network.open(photo, None)
    none = np.zeros(ball.shape, dtype=np.bool_)
    mask = opened.segment(_at(ball.shape, CENTRE), none, None)
    assert mask.dtype == np.float32 and mask.shape == ball.shape
    assert _iou(mask, ball) > 0.5
    # The ball touches the cup in the picture, so a second click may be needed to part them.
    click = _at(ball.shape, (250, 130))
    cup = opened.segment(click, none, None)
    if cup[CENTRE[1], CENTRE[0]] >= 0.5:
        cup = opened.segment(click, _at(ball.shape, CENTRE), cup)
    assert cup[130, 250] > 0.5 and (cup[ball] >= 0.5).mean() < 0.2
    assert (cup[60:330, 150:400] >= 0.5).mean() > 0.5  # cup and saucer are still there


def test_it_begins_with_the_smallest_detected_thing_under_the_click(network: HintNetwork) -> None:
    """Drawn as a coarse square by the detector, and cut as the disc that it is."""
    photo, ball = _ball_on_a_table()
    (x, y), side = CENTRE, RADIUS
    boxes = [[0, 0, photo.shape[1], photo.shape[0]], [x - side, y - side, x + side, y + side]]
    found = Instances(
        image_size=(photo.shape[0], photo.shape[1]),
        boxes=np.array(boxes, dtype=np.float32),
        scores=np.array([0.9, 0.8], dtype=np.float32),
        classes=np.array([0, 1], dtype=np.int64),
        mask_grids=np.ones((2, 28, 28), dtype=np.float32),
        class_names=("dining table", "sports ball"),
    )
    none = np.zeros(ball.shape, dtype=np.bool_)
    mask = network.open(photo, found).segment(_at(ball.shape, (x + side // 2, y)), none, None)
    assert _iou(mask, ball) > 0.85


def test_the_same_marks_give_the_same_mask_whatever_came_before(network: HintNetwork) -> None:
    photo, ball = _ball_on_a_table()
    none = np.zeros(ball.shape, dtype=np.bool_)
    opened = network.open(photo, None)
    first = opened.segment(_at(ball.shape, CENTRE), none, None)
    opened.segment(_at(ball.shape, (250, 130)), none, None)
    assert np.array_equal(first, opened.segment(_at(ball.shape, CENTRE), none, None))


def test_what_is_dropped_leaves_the_cut_so_far(network: HintNetwork) -> None:
    photo, ball = _ball_on_a_table()
    opened = network.open(photo, None)
    none = np.zeros(ball.shape, dtype=np.bool_)
    previous = np.asarray(ball, dtype=np.float32)
    previous[130:250, 200:320] = 1  # a part of the cup, which does not belong to it
    mask = opened.segment(none, _at(ball.shape, (260, 190)), previous)
    assert mask[190, 260] < 0.5 and (mask[ball] >= 0.5).mean() > 0.8


@pytest.mark.parametrize(
    ("key", "file", "message"),
    [
        ("WEIGHTS", "bundled://vx_eye.onnx", "does not state that it is of kind 'hints'"),
        ("EYE", "bundled://vx_fbnetv3a.onnx", "does not state that it is of kind 'eye'"),
        ("WEIGHTS", "mine.pth", "VX.HINTS.WEIGHTS is 'mine.pth', but hints are read by exported"),
    ],
)
def test_files_of_another_kind_are_refused(key: str, file: str, message: str) -> None:
    keys = [f"VX.HINTS.{key}", file, "VX.HINTS.SEGMENTER", "network"]
    with pytest.raises(CheckpointError) as found:
        build_segmenter(load_cfg(None, keys))
    assert message in str(found.value)


def test_the_graph_cut_can_be_asked_for() -> None:
    assert build_segmenter(load_cfg(None, ["VX.HINTS.SEGMENTER", "graph cut"])).name == "graph cut"
