"""The features of a thing, or a group of things, as the main subject: fifteen numbers 0..1.

A group is measured as if it were one thing, by the union of its masks; a few more numbers say
how well its members go together, and what it leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vx_detectron.structures import BoolArray, FloatArray
from vx_detectron.subject.proposals import PERSON, Group, parts
from vx_detectron.subject.scene import Scene
from vx_detectron.subject.thumbnails import dilate

FEATURES = (
    "saliency",
    "attention",
    "size",
    "centrality",
    "border",
    "focus",
    "confidence",
    "alive",
    "furniture",
    "only_region",
    "equipment",
    "evenness",
    "unrelated",
    "kin_left_out",
    "neighbour_left_out",
)

_FULL_SIZE = 0.7  # square root of the area share from which size counts as full
_RING = 0.15  # width of the ring around a mask, as a share of its square root of area
_EDGE = 0.012  # how near to the photo's border counts as on it, as a share of the long side
_BOTTOM = 0.3  # the lower border cuts nearly every portrait, so it counts less
_FAINT = 0.002  # mean saliency of a photo in which nothing stands out

# COCO's names. Names of other data count as any other thing.
_ALIVE = {"person", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra",
          "giraffe", "teddy bear"}  # fmt: skip
_FURNITURE = {"chair", "couch", "bed", "dining table", "bench"}
_EQUIPMENT = {"bicycle", "motorcycle", "boat", "horse", "elephant", "skis", "snowboard",
              "surfboard", "skateboard", "kite", "frisbee", "sports ball", "baseball bat",
              "baseball glove", "tennis racket", "tie", "cell phone"}  # fmt: skip


def measure(scene: Scene, groups: Sequence[Group]) -> FloatArray:
    """Measure every set of instances.

    As one thing:

    - ``saliency``: mean saliency inside minus the mean in a ring around, at least 0.
    - ``attention``: F-measure between the mask and the saliency map: high where it holds most of
      the photo's saliency and little else.
    - ``size``: square root of the share of the photo it covers, full at about half of it.
    - ``centrality``: exp(-4 d^2), d from the centroid to the photo's centre, in photo sides.
    - ``border``: 1 minus the share of its outline on the photo's border, where the lower border
      counts less.
    - ``focus``: s^2 / (s^2 + t^2), of the sharpness s inside and t outside: 0.5 where both are
      alike, 1 for a sharp thing in front of a blurred background.

    As its members, by their share of its area:

    - ``confidence``: the detection score.
    - ``alive``: how much of it are people and animals.
    - ``furniture``: 1 if there is a chair, couch, bed, table or bench in it, on which subjects
      rest, else 0.
    - ``only_region``: 1 if each of them is a salient region of no known class, else 0.

    As a group; a single thing is even and related:

    - ``equipment``: 1 if a person in it touches what people ride, play with or wear, else 0.
    - ``evenness``: square root of the area of the smallest over that of the largest.
    - ``unrelated``: share of the members that contact and likeness do not bind to the others.
    - ``kin_left_out``: size of another thing of a member's class, compared with the member's.
    - ``neighbour_left_out``: size of another thing that touches it, compared with its own.

    Args:
        scene: the photo and its instances.
        groups: sets of instances, none of them empty.

    Returns:
        float32 (G, 15), 0..1, columns as in ``FEATURES``.
    """
    if not groups:
        return np.zeros((0, len(FEATURES)), dtype=np.float32)
    unions = np.stack([scene.masks[list(group)].any(axis=0) for group in groups])
    columns = {
        **_against_surroundings(unions, scene),
        **_place(unions),
        **_members(scene, groups),
        **_company(scene, groups, unions),
    }
    return np.stack([columns[name] for name in FEATURES], axis=1).astype(np.float32)


def _against_surroundings(unions: BoolArray, scene: Scene) -> dict[str, FloatArray]:
    """Saliency and sharpness inside against outside."""
    inside, rings = _rows(unions), _rows(np.stack([_ring(union) for union in unions]))
    saliency, sharpness = scene.saliency.ravel(), scene.sharpness.ravel()
    count, total = inside.sum(axis=1), saliency.size
    held = inside @ saliency
    precision = held / count
    recall = held / (saliency.sum() + _FAINT * total)
    around = rings @ saliency / np.maximum(rings.sum(axis=1), 1)
    sharp = inside @ sharpness
    within = 1 + sharp / count
    outside = 1 + np.maximum(sharpness.sum() - sharp, 0) / np.maximum(total - count, 1)
    return {
        "saliency": np.maximum(precision - around, 0),
        "attention": 2 * precision * recall / np.maximum(precision + recall, 1e-6),
        "focus": within**2 / (within**2 + outside**2),
    }


def _place(unions: BoolArray) -> dict[str, FloatArray]:
    """Size, and where in the frame."""
    _, height, width = unions.shape
    area = unions.mean(axis=(1, 2))
    rows, columns = unions.sum(axis=2), unions.sum(axis=1)
    y = rows @ ((np.arange(height) + 0.5) / height) / rows.sum(axis=1)
    x = columns @ ((np.arange(width) + 0.5) / width) / columns.sum(axis=1)
    return {
        "size": np.minimum(np.sqrt(area) / _FULL_SIZE, 1),
        "centrality": np.exp(-4 * ((y - 0.5) ** 2 + (x - 0.5) ** 2)),
        "border": np.array([_border(union) for union in unions]),
    }


def _members(scene: Scene, groups: Sequence[Group]) -> dict[str, FloatArray]:
    """What the things are, each by its area."""
    alive = np.array([label in _ALIVE for label in scene.labels], dtype=np.float32)
    furniture = np.array([label in _FURNITURE for label in scene.labels])
    region = scene.is_region
    lists = [list(group) for group in groups]
    weights = [scene.areas[group] / scene.areas[group].sum() for group in lists]
    pairs = list(zip(weights, lists, strict=True))
    return {
        "confidence": np.array([weight @ scene.scores[group] for weight, group in pairs]),
        "alive": np.array([weight @ alive[group] for weight, group in pairs]),
        "furniture": np.array([furniture[group].any() for group in lists]),
        "only_region": np.array([region[group].all() for group in lists]),
    }


def _company(scene: Scene, groups: Sequence[Group], unions: BoolArray) -> dict[str, FloatArray]:
    """How well the members go together, and what is left out."""
    bound = scene.touching | scene.alike
    equipped = _equipped(scene)
    ratio = np.minimum(scene.areas[None, :] / scene.areas[:, None], 1)  # of column to row
    kin = np.where(scene.alike, ratio, 0)
    rows = []
    for group, union in zip(groups, unions, strict=True):
        members = np.array(group)
        others = np.setdiff1d(np.arange(len(scene)), members)
        areas = scene.areas[members]
        touching = others[scene.touching[np.ix_(members, others)].any(axis=0)]
        rows.append(
            (
                equipped[np.ix_(members, members)].any(),
                np.sqrt(areas.min() / areas.max()),
                _unrelated(bound[np.ix_(members, members)]),
                kin[np.ix_(members, others)].max(initial=0.0),
                min(scene.areas[touching].max(initial=0.0) / union.mean(), 1.0),
            )
        )
    names = ("equipment", "evenness", "unrelated", "kin_left_out", "neighbour_left_out")
    return dict(zip(names, np.array(rows).T, strict=True))


def _equipped(scene: Scene) -> BoolArray:
    """Whether a person, in the row, touches their equipment, in the column: bool (N, N)."""
    person = np.array([label == PERSON for label in scene.labels], dtype=np.bool_)
    equipment = np.array([label in _EQUIPMENT for label in scene.labels], dtype=np.bool_)
    return scene.touching & person[:, None] & equipment[None, :]


def _unrelated(bound: BoolArray) -> float:
    """Share of the members outside the largest part that hangs together."""
    return 1.0 - float(np.bincount(parts(bound)).max()) / len(bound)


def _ring(mask: BoolArray) -> BoolArray:
    """The surroundings of the mask; none for one that fills the photo."""
    reach = max(2, round(_RING * float(np.sqrt(np.count_nonzero(mask)))))
    return dilate(mask, reach) & ~mask


def _border(mask: BoolArray) -> float:
    """1 minus the share of the outline on the photo's border."""
    padded = np.pad(mask.astype(np.uint8), 1)  # the photo's border is part of the outline
    inner = cv2.erode(padded, np.ones((3, 3), dtype=np.uint8))
    outline = np.count_nonzero(padded) - np.count_nonzero(inner)
    band = max(1, round(_EDGE * max(mask.shape)))  # soft masks fade just before the border
    top, bottom = mask[:band].any(axis=0), mask[-band:].any(axis=0)
    left, right = mask[:, :band].any(axis=1), mask[:, -band:].any(axis=1)
    cut = float(top.sum() + left.sum() + right.sum()) + _BOTTOM * float(bottom.sum())
    return max(0.0, 1.0 - cut / float(outline))


def _rows(masks: BoolArray) -> FloatArray:
    return masks.reshape(len(masks), -1).astype(np.float32)
