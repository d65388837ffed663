"""What the real Detectron2 answers: the truth that this package's own network is held to.

Every case gives named arrays. ``tests/fixtures/make_detectron2_fixtures.py`` writes them to files,
so that the tests need no Detectron2; where it is installed, a test asks it again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fvcore.common.config import CfgNode
from numpy.typing import NDArray
from small_networks import NETWORKS, fill, small_cfg, uniform
from torch import Tensor

from vx_detectron.config import load_cfg

Arrays = dict[str, NDArray[Any]]

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "detectron2"

# Height, width, shortest and longest side.
SIZES = [
    (h, w, short, longest)
    for h, w in [(480, 640), (640, 480), (427, 640), (333, 333), (100, 3000), (4001, 29), (31, 50)]
    for short, longest in [(800, 1333), (320, 512), (333, 333), (64, 1000), (31, 31)]
]
BOXES = np.array(
    [
        [3.3, 4.7, 30.2, 36.9],
        [-5.0, -3.0, 60.0, 50.0],  # beyond the frame
        [10.25, 12.5, 11.0, 13.0],  # less than a pixel
        [40.0, 2.0, 55.9, 9.5],
    ],
    dtype=np.float32,
)
IMAGE_SIZE = (40, 56)
PROPOSALS = np.array(
    [[2, 3, 90, 60], [10, 10, 25, 21], [0, 0, 400, 300], [50, 40, 52, 41],
     [70.5, 8.25, 140, 150.75], [0, 0, 112, 112], [0, 0, 223.9, 224],
     [0, 0, 224, 224.1], [30, 60, 1000, 900]],
    dtype=np.float32,
)  # fmt: skip
FULL_SIZE = {
    "r18": "COCO-InstanceSegmentation/mask_rcnn_R_18_FPN",
    "r50": "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_1x",
    "x101": "COCO-InstanceSegmentation/mask_rcnn_X_101_32x8d_FPN_3x",
    "fbnet": None,
    "fbnet_fpn": "experiments/mask_rcnn_fbnetv3a_FPN",
}


def stored(name: str) -> Arrays:
    """The answer to one case that a file keeps."""
    with np.load(FIXTURES / f"{name}.npz") as arrays:
        return dict(arrays)


def grids() -> Tensor:
    """A mask grid for each of BOXES: (4, 7, 7), 0..1."""
    return torch.sigmoid(2 * uniform("grids", (len(BOXES), 7, 7)))


def pyramid(levels: int = 5, channels: int = 32) -> dict[str, Tensor]:
    """Features p2, p3, ... of an image of 96 x 160."""
    sizes = {f"p{n}": (-(-96 // 2**n), -(-160 // 2**n)) for n in range(2, 2 + levels)}
    return {name: uniform(name, (1, channels, *size)) for name, size in sizes.items()}


def sizes() -> Arrays:
    from detectron2.data.transforms import ResizeShortestEdge

    return {"sizes": np.array([ResizeShortestEdge.get_output_shape(*one) for one in SIZES])}


def resized(photo: NDArray[np.uint8]) -> Arrays:
    """The photo with a shortest side of 40 pixels."""
    from detectron2.data.transforms import ResizeShortestEdge

    transform = ResizeShortestEdge([40, 40], 60).get_transform(photo)
    return {"photo": transform.apply_image(photo)}


def pasted() -> Arrays:
    """Masks over the whole image, sampled everywhere."""
    from detectron2.layers.mask_ops import _do_paste_mask

    boxes = torch.from_numpy(BOXES)
    masks, _ = _do_paste_mask(grids()[:, None], boxes, *IMAGE_SIZE, skip_empty=False)
    return {"grids": grids().numpy(), "boxes": BOXES, "masks": masks.numpy()}


def anchors() -> Arrays:
    from detectron2.modeling.anchor_generator import DefaultAnchorGenerator

    features = list(pyramid(3, 1).values())
    shared = DefaultAnchorGenerator(
        sizes=[[20, 33.5]], aspect_ratios=[[0.5, 1.0, 2.0]], strides=[4, 8, 16], offset=0.5
    )
    own = DefaultAnchorGenerator(
        sizes=[[32], [64], [128]], aspect_ratios=[[0.3, 1.0]], strides=[4, 8, 16], offset=0.0
    )
    return {
        f"{name}{level}": boxes.tensor.numpy()
        for name, generator in (("shared", shared), ("own", own))
        for level, boxes in enumerate(generator(features))
    }


def deltas() -> Arrays:
    from detectron2.modeling.box_regression import Box2BoxTransform

    transform = Box2BoxTransform(weights=(10.0, 10.0, 5.0, 5.0))
    source, target = torch.from_numpy(PROPOSALS[:-1]), torch.from_numpy(PROPOSALS[1:])
    given = 20 * uniform("deltas", (len(source), 3 * 4))  # some beyond the largest growth
    return {
        "encoded": transform.get_deltas(source, target).numpy(),
        "decoded": transform.apply_deltas(given, source).numpy(),
    }


def image_list(size: tuple[int, int]) -> Any:
    from detectron2.structures import ImageList

    return ImageList(torch.zeros(1, 3, *size), [size])


def shapes(features: dict[str, Tensor], strides: dict[str, int]) -> dict[str, Any]:
    from detectron2.layers import ShapeSpec

    return {
        name: ShapeSpec(channels=value.shape[1], stride=strides[name])
        for name, value in features.items()
    }


STRIDES = {f"p{level}": 2**level for level in range(2, 8)}


def proposals() -> Arrays:
    """The RPN's choice; in the second case some features are infinite."""
    from detectron2.modeling.proposal_generator import RPN

    found = {}
    for name, network in (("r18", "r18"), ("x50", "x50"), ("infinite", "r18")):
        cfg, features = rpn_case(name, network)
        rpn = fill(RPN(cfg, shapes(features, STRIDES)), NETWORKS[network])
        with torch.inference_mode():
            (chosen,), _ = rpn(image_list((90, 150)), features, None)
        found[name] = chosen.proposal_boxes.tensor.numpy()
    return found


def rpn_case(name: str, network: str) -> tuple[CfgNode, dict[str, Tensor]]:
    """The configuration and the features of one case of ``proposals``."""
    features = pyramid()
    if name == "infinite":
        features["p2"][0, 3, 5, 7] = torch.inf
    return small_cfg(network), features


def pooled() -> Arrays:
    from detectron2.modeling.poolers import ROIPooler
    from detectron2.structures import Boxes

    levels = list(pyramid(4, 3).values())
    found = {}
    for kind in ("ROIAlign", "ROIAlignV2"):
        for ratio in (0, 2):
            pooler = ROIPooler(3, [1 / 4, 1 / 8, 1 / 16, 1 / 32], ratio, kind)
            found[f"{kind}{ratio}"] = pooler(levels, [Boxes(torch.from_numpy(PROPOSALS))]).numpy()
    one = ROIPooler(3, [1 / 8], 0, "ROIAlignV2")
    found["one"] = one(levels[1:2], [Boxes(torch.from_numpy(PROPOSALS))]).numpy()
    return found


def detections() -> Arrays:
    """What the ROI heads make of given proposals."""
    from detectron2.modeling.roi_heads import StandardROIHeads
    from detectron2.structures import Boxes, Instances

    found = {}
    features = pyramid()
    for name in ("r18", "x50"):
        given = Instances((90, 150))
        given.proposal_boxes = Boxes(torch.from_numpy(PROPOSALS))
        given.objectness_logits = torch.zeros(len(PROPOSALS))
        heads = StandardROIHeads(small_cfg(name), shapes(features, STRIDES))
        fill(heads, NETWORKS[name])
        with torch.inference_mode():
            (one,), _ = heads(image_list((90, 150)), features, [given], None)
        found[f"{name}_boxes"] = one.pred_boxes.tensor.numpy()
        found[f"{name}_scores"] = one.scores.numpy()
        found[f"{name}_classes"] = one.pred_classes.numpy()
        found[f"{name}_masks"] = one.pred_masks[:, 0].numpy().astype(np.float16)
    return found


def build(cfg: CfgNode) -> Any:
    """The real Detectron2's network; ours are registered with it."""
    from detectron2.modeling import build_model

    import vx_detectron.engines.detectron2.modules  # noqa: F401

    return build_model(cfg).eval()


def names() -> Arrays:
    """Every entry of the full networks' state, as "name shape"."""
    found = {}
    for name, base in FULL_SIZE.items():
        with torch.device("meta"):
            model = build(load_cfg(base, ["MODEL.DEVICE", "meta"]))
        entries = [f"{key} {tuple(value.shape)}" for key, value in model.state_dict().items()]
        found[name] = np.array(sorted(entries))
    return found


def network(name: str, photo: NDArray[np.uint8], nudge: float = 0.0) -> Arrays:
    """A whole small network on a photo, all of it Detectron2's: resizing, network, pasting.

    ``nudge`` changes every weight by that share of itself, to see whether the answer hangs on
    rounding.
    """
    from detectron2.data.transforms import ResizeShortestEdge

    cfg = small_cfg(name)
    model = fill(build(cfg), NETWORKS[name])
    with torch.no_grad():
        for key, value in model.named_parameters():
            value.mul_(1.0 + nudge * uniform("nudge" + key, tuple(value.shape)))
    resize = ResizeShortestEdge([cfg.INPUT.MIN_SIZE_TEST] * 2, cfg.INPUT.MAX_SIZE_TEST)
    image = photo[:, :, ::-1] if cfg.INPUT.FORMAT == "BGR" else photo
    image = resize.get_transform(image).apply_image(np.ascontiguousarray(image))
    tensor = torch.from_numpy(image.astype(np.float32).transpose(2, 0, 1).copy())
    height, width = photo.shape[:2]
    with torch.inference_mode():
        (answer,) = model([{"image": tensor, "height": height, "width": width}])
    found = answer["instances"]
    return {
        "boxes": found.pred_boxes.tensor.numpy(),
        "scores": found.scores.numpy(),
        "classes": found.pred_classes.numpy(),
        "masks": np.packbits(found.pred_masks.numpy(), axis=2),
    }


def cases(photo: NDArray[np.uint8]) -> dict[str, Callable[[], Arrays]]:
    """Name of a file of fixtures to what computes it."""
    return {
        "sizes": sizes,
        "resized": lambda: resized(photo),
        "pasted": pasted,
        "anchors": anchors,
        "deltas": deltas,
        "proposals": proposals,
        "pooled": pooled,
        "detections": detections,
        "names": names,
        **{f"network_{name}": lambda name=name: network(name, photo) for name in NETWORKS},
    }
