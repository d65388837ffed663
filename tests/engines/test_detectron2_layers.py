"""What the torchvision engine is made of, beside the real Detectron2, over many sizes and keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from detectron2_reference import FULL_SIZE, build
from small_networks import small_cfg

from vx_detectron.config import load_cfg
from vx_detectron.config.class_names import COCO, COCO_IDS
from vx_detectron.engines.preprocess import input_size
from vx_detectron.modeling.mask_rcnn import build_model
from vx_detectron.structures import paste_mask

pytest.importorskip("detectron2")
pytestmark = [
    pytest.mark.detectron2,
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning"),
]

R18, R50 = FULL_SIZE["r18"], FULL_SIZE["r50"]


def test_sizes_of_the_input() -> None:
    from detectron2.data.transforms import ResizeShortestEdge

    rng = np.random.default_rng(0)
    for _ in range(2000):
        height, width, shortest, longest = (int(side) for side in rng.integers(1, 2000, 4))
        expected = ResizeShortestEdge.get_output_shape(height, width, shortest, longest)
        assert input_size(height, width, shortest, longest) == tuple(max(s, 1) for s in expected)


def random_boxes(seed: int, count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Boxes in and around an image of 90 x 120, from a fraction of a pixel up."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-40, 110, (count, 2))
    return np.hstack([corner, corner + rng.uniform(0.3, 90, (count, 2))]).astype(np.float32)


def test_masks_over_the_whole_image() -> None:
    from detectron2.layers.mask_ops import _do_paste_mask

    boxes = random_boxes(0, 60)
    grids = np.random.default_rng(1).random((60, 28, 28), dtype=np.float32)
    expected, _ = _do_paste_mask(
        torch.from_numpy(grids)[:, None], torch.from_numpy(boxes), 90, 120, skip_empty=False
    )
    for grid, box, mask in zip(grids, boxes, expected.numpy(), strict=True):
        assert np.abs(paste_mask(grid, box, (90, 120)) - mask).max() < 2e-4


def test_masks_cut_at_one_half() -> None:
    """As Detectron2's postprocessing has them: of boxes that are cut to the frame first.

    On a CPU it leaves what is two pixels beyond the box unsampled, where no mask reaches one half.
    """
    from detectron2.layers import paste_masks_in_image

    boxes = random_boxes(2, 60).clip(0, [120, 90, 120, 90]).astype(np.float32)
    boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]
    assert len(boxes) > 30
    grids = np.random.default_rng(3).random((len(boxes), 28, 28), dtype=np.float32)
    expected = paste_masks_in_image(torch.from_numpy(grids), torch.from_numpy(boxes), (90, 120))
    for grid, box, mask in zip(grids, boxes, expected.numpy(), strict=True):
        ours = paste_mask(grid, box, (90, 120)) >= 0.5
        assert (ours != mask).sum() <= 1 + 1e-3 * mask.sum()


@pytest.mark.parametrize(
    ("base", "overrides"),
    [
        ("COCO-InstanceSegmentation/mask_rcnn_R_34_FPN", []),
        ("COCO-InstanceSegmentation/mask_rcnn_R_101_FPN_3x", []),
        (R18, ["MODEL.RESNETS.NORM", "''"]),
        (R18, ["MODEL.RESNETS.NORM", "FrozenBN"]),
        (R50, ["MODEL.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK", "True"]),
        (R50, ["MODEL.ROI_MASK_HEAD.NUM_CONV", "0", "MODEL.ROI_MASK_HEAD.CONV_DIM", "64"]),
        (R50, ["MODEL.ROI_BOX_HEAD.NUM_CONV", "2", "MODEL.ROI_BOX_HEAD.NUM_FC", "0"]),
        (R50, ["MODEL.FPN.IN_FEATURES", "['res4', 'res5']", "MODEL.FPN.OUT_CHANNELS", "64",
               "MODEL.RPN.IN_FEATURES", "['p4', 'p6']", "MODEL.ROI_HEADS.IN_FEATURES", "['p4']",
               "MODEL.ANCHOR_GENERATOR.SIZES", "[[64, 128], [256, 512]]"]),
    ],
)  # fmt: skip
def test_names_and_shapes_of_the_weights(base: str, overrides: list[str]) -> None:
    with torch.device("meta"):
        ours = build_model(load_cfg(base, overrides)).state_dict()
        theirs = build(load_cfg(base, ["MODEL.DEVICE", "meta", *overrides])).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {
        name: value.shape for name, value in theirs.items()
    }


@pytest.mark.parametrize("name", ["r18", "x50", "fbnet", "fbnet_fpn"])
def test_random_weights_are_drawn_as_wide(name: str) -> None:
    """A weight is drawn from a distribution of the same width; what starts constant is equal."""
    torch.manual_seed(0)
    ours, theirs = build_model(small_cfg(name)).state_dict(), build(small_cfg(name)).state_dict()
    for key, value in ours.items():
        if value.ndim > 1:
            rel = 0.02 + 4 / value.numel() ** 0.5  # what chance allows
            assert value.std().item() == pytest.approx(theirs[key].std().item(), rel=rel), key
        elif value.numel() > 1 and theirs[key].unique().numel() == 1:
            assert torch.allclose(value, theirs[key], atol=1e-4), key


def test_class_names_of_coco() -> None:
    from detectron2.data.datasets.builtin_meta import COCO_CATEGORIES

    things = [one for one in COCO_CATEGORIES if one["isthing"]]
    assert tuple(one["name"] for one in things) == COCO
    assert tuple(one["id"] for one in things) == COCO_IDS
