"""What the steps exchange: frozen records of NumPy arrays, validated when they are created."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

ByteArray = NDArray[np.uint8]  # pixels, 0..255, RGB where there are colours
FloatArray = NDArray[np.float32]  # alpha, soft masks, boxes, scores
DoubleArray = NDArray[np.float64]  # statistics, and sums that float32 is too coarse for
RealArray = NDArray[np.floating]  # either of these two
IntArray = NDArray[np.int64]  # counts, classes and positions
BoolArray = NDArray[np.bool_]  # masks

Window = tuple[slice, slice]  # rows and columns, both with start and stop

REGION_LABEL = "salient region"
"""What a region of the saliency map is called where a class name is expected."""

SUBJECT_ID = 1000
"""In COCO files, the category "subject, kind not given": it is never a class."""


@dataclass(frozen=True, eq=False)
class Instances:
    """The things an engine found in one photo. Every array shares the first axis N.

    Attributes:
        image_size: height and width of the photo, in pixels.
        boxes: float32 (N, 4), x0, y0, x1, y1 in pixels of the photo.
        scores: float32 (N,), detection confidence 0..1, in falling order.
        classes: int64 (N,), index into ``class_names``; -1 for a region, which has no class.
        mask_grids: float32 (N, M, M), mask probabilities 0..1 within each box. They stay on the
            head's grid, since N masks of a large photo would fill the memory; see ``soft_mask``.
        class_names: the name of each class.
        saliency: float32 (h, w), probability 0..1 that a pixel belongs to the main subject, over
            the whole photo at the network's own resolution; None where the network has no such
            head.
        is_region: bool (N,), whether the entry is a region of the saliency map, not a detection;
            by default none is.
    """

    image_size: tuple[int, int]
    boxes: FloatArray
    scores: FloatArray
    classes: IntArray
    mask_grids: FloatArray
    class_names: tuple[str, ...]
    saliency: FloatArray | None = None
    is_region: BoolArray = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def __post_init__(self) -> None:
        count = len(self.scores)
        if not len(self.is_region):
            object.__setattr__(self, "is_region", np.zeros(count, dtype=np.bool_))
        _expect("is_region", self.is_region, (count,), np.bool_)
        _expect("boxes", self.boxes, (count, 4), np.float32)
        _expect("scores", self.scores, (count,), np.float32)
        _expect("classes", self.classes, (count,), np.int64)
        _expect("mask_grids", self.mask_grids, (count, None, None), np.float32)
        if self.saliency is not None:
            _expect("saliency", self.saliency, (None, None), np.float32)
        own = self.classes[~self.is_region]
        if len(own) and not 0 <= int(own.min()) <= int(own.max()) < len(self.class_names):
            raise ValueError(
                f"classes must index the {len(self.class_names)} class names, "
                f"got {int(own.min())}..{int(own.max())}"
            )

    def __len__(self) -> int:
        return len(self.scores)

    def label(self, index: int) -> str:
        """The class name of one instance, or ``REGION_LABEL``."""
        if self.is_region[index]:
            return REGION_LABEL
        return self.class_names[int(self.classes[index])]

    def soft_mask(
        self, index: int, size: tuple[int, int] | None = None, window: Window | None = None
    ) -> FloatArray:
        """One instance's mask over the photo, float32 (height, width), 0..1.

        Args:
            index: of the instance.
            size: another height and width than the photo's, or the window's.
            window: rows and columns of a part of the photo. It may cut the instance only at the
                photo's border.
        """
        rows, columns = window or (slice(0, self.image_size[0]), slice(0, self.image_size[1]))
        whole = rows.stop - rows.start, columns.stop - columns.start
        height, width = size or whole
        scale = np.array([width / whole[1], height / whole[0]] * 2, dtype=np.float32)
        start = np.array([columns.start, rows.start] * 2, dtype=np.float32)
        box = (self.boxes[index] - start) * scale
        return paste_mask(self.mask_grids[index], box, (height, width), hold_border=True)

    def mask_cell(self, index: int) -> float:
        """Side of one mask-head cell in pixels of the photo: the mask's own uncertainty."""
        x0, y0, x1, y1 = self.boxes[index]
        area = max(float((x1 - x0) * (y1 - y0)), 1.0)
        return float(np.sqrt(area) / self.mask_grids.shape[-1])

    def take(self, indices: Iterable[int]) -> Instances:
        """The instances at the given positions, in that order."""
        keep = np.asarray(list(indices), dtype=np.int64)
        return Instances(
            image_size=self.image_size,
            boxes=self.boxes[keep],
            scores=self.scores[keep],
            classes=self.classes[keep],
            mask_grids=self.mask_grids[keep],
            class_names=self.class_names,
            saliency=self.saliency,
            is_region=self.is_region[keep],
        )


@dataclass(frozen=True)
class Candidate:
    """One instance as the subject selector sees it.

    Attributes:
        index: position in ``Instances``.
        label: class name, or ``REGION_LABEL``.
        score: 0..1, the probability that it belongs to the subject.
        features: each feature's value, 0..1, of the instance alone.
        contributions: what each feature adds to the log-odds of the instance alone, compared
            with a typical candidate: above 0 for it, below 0 against it.
        reason: the strongest of these, as text.
        is_region: whether it is a region of the saliency map, without a known class.
    """

    index: int
    label: str
    score: float
    features: Mapping[str, float]
    contributions: Mapping[str, float]
    reason: str = ""
    is_region: bool = False


@dataclass(frozen=True)
class Subject:
    """Which instances are the subject, and why.

    Attributes:
        chosen: positions in ``Instances``; empty when there is no subject.
        ranking: every candidate, best first.
        reason: one line of text.
        method: how it was chosen: ``ranking``, or the manual choice, such as ``class person``.
        score: 0..1, the probability that the photo has a subject at all.
    """

    chosen: tuple[int, ...]
    ranking: tuple[Candidate, ...]
    reason: str
    method: str
    score: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.chosen)


@dataclass(frozen=True)
class Provenance:
    """What actually ran, so that nothing falls back silently.

    Attributes:
        engine: such as ``onnx``, ``openvino``, ``torchvision`` or ``detectron2``.
        device: such as ``cpu`` or ``cuda:0``.
        weights: name or path of the weights.
        weights_sha256: their digest, empty for none.
        eye: name of the eye, such as ``vx_eye``; ``none`` where there is none.
        eye_engine: what ran it, such as ``torch``; empty for none.
        eye_weights: name or path of its weights; empty for none.
        eye_sha256: their digest; empty for none.
        mask_source: ``instances``, ``saliency``, ``grabcut fallback``, ``hints`` or
            ``the photo's own cut-out``.
        refinement: the refinement steps that ran, in order, and a note if the DenseCRF was
            left out because it is not installed.
        seconds: wall-clock seconds of each stage.
        hints: what interpreted a person's hints, ``network`` or ``graph cut``; empty without any.
    """

    engine: str
    device: str
    weights: str
    weights_sha256: str
    eye: str
    eye_engine: str
    eye_weights: str
    eye_sha256: str
    mask_source: str
    refinement: tuple[str, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    hints: str = ""


def _expect(
    name: str, array: NDArray[np.generic], shape: tuple[int | None, ...], dtype: type[np.generic]
) -> None:
    """Raise ValueError unless the array has that dtype and shape; None fits any length."""
    fits = array.ndim == len(shape) and all(
        wanted is None or wanted == found for wanted, found in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != dtype:
        wanted = "x".join("?" if side is None else str(side) for side in shape)
        raise ValueError(
            f"{name} must be {np.dtype(dtype).name} of shape {wanted}, "
            f"got {array.dtype.name} of shape {'x'.join(map(str, array.shape))}"
        )


def paste_mask(
    grid: FloatArray, box: FloatArray, image_size: tuple[int, int], *, hold_border: bool = False
) -> FloatArray:
    """Resample one mask-head grid into the photo, bilinearly and with sub-pixel boxes.

    The same function as Detectron2's ``paste_masks_in_image`` before its threshold: pixel
    centres are mapped into the box, samples outside the grid are zero.

    Args:
        grid: float32 (M, M), probabilities 0..1, the mask in its box.
        box: float32 (4,), x0, y0, x1, y1 in pixels of the photo.
        image_size: height and width of the photo, in pixels.
        hold_border: where the box ends at the photo's border, or less than half a cell or a pixel
            from it, go on with the outermost cell's value instead of fading to zero: what the frame
            cuts off has no edge there.

    Returns:
        float32 (height, width), probabilities 0..1, zero outside the box's reach.
    """
    height, width = image_size
    rows, top = _sampling_weights(box[1], box[3], grid.shape[0], height, hold_border)
    columns, left = _sampling_weights(box[0], box[2], grid.shape[1], width, hold_border)
    pasted = np.zeros(image_size, dtype=np.float32)
    patch = rows @ grid.astype(np.float32) @ columns.T
    pasted[top : top + len(rows), left : left + len(columns)] = patch
    return pasted


def _sampling_weights(
    start: float, end: float, cells: int, pixels: int, hold_border: bool
) -> tuple[FloatArray, int]:
    """Bilinear weights (covered pixels, cells) along one axis, and the first covered pixel."""
    start, end = float(start), float(end)
    if not end > start:
        return np.zeros((0, cells), dtype=np.float32), 0
    reach = 0.5 * (end - start) / cells  # half a cell beyond the box still sees its border cell
    first = min(max(int(np.floor(start - reach)), 0), pixels)
    last = min(max(int(np.ceil(end + reach)), first), pixels)
    centres = np.arange(first, last, dtype=np.float64) + 0.5
    position = (centres - start) / (end - start) * cells - 0.5
    near = max(reach, 1.0)
    if hold_border and start < near:
        position = np.maximum(position, 0.0)
    if hold_border and end > pixels - near:
        position = np.minimum(position, cells - 1.0)
    distance = np.abs(position[:, None] - np.arange(cells)[None, :])
    return np.maximum(1.0 - distance, 0.0).astype(np.float32), first
