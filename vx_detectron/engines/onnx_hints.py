"""A network that listens: the eye's features of the photo, and a decoder that reads the hints.

The photo is seen once. A hint costs one run of the decoder; where what is meant is small, one more
over its window, which is seen once as well. From nothing, it begins with the detected thing that
the marks lie in. Both networks are ONNX files and run without torch.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from fvcore.common.config import CfgNode

from vx_detectron.config import exported
from vx_detectron.engines import looks, sessions
from vx_detectron.engines.eye_input import EyeInput, sigmoid
from vx_detectron.engines.sessions import open_session
from vx_detectron.errors import CheckpointError, ConfigError
from vx_detectron.interactive.hint_maps import NEAR_DROP, NEAR_KEEP, hint_maps, marks_at
from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances, Window
from vx_detectron.weights import catalog

_SIDE = 384  # short side at which the eye sees the photo, or a window of it
_MULTIPLE = 32  # of both sides
_MARGIN, _LEAST_MARGIN = 0.3, 8  # around what is meant, in shares of its box, and in pixels
_LARGEST_WINDOW = 0.45  # as a share of the photo: a larger one would show hardly more
_HOLD = 4.0  # log-odds by which the cut so far stands, far from any mark
_EDGE, _OUTSIDE = 0.5, 0.4  # probabilities
_SURE = 0.4  # detection score from which a thing may be meant
_STEPS = 12  # of the photo's sides, in which the window moves

Features = dict[str, FloatArray]


class HintNetwork:
    """See ``InteractiveSegmenter``.

    It brings the eye that it was trained with, whatever eye the configuration looks with.

    Args:
        cfg: VX.HINTS names the files; MODEL.DEVICE and VX.ONNX say where they run.

    Raises:
        CheckpointError: a file that is missing, damaged or of another kind, or a decoder that was
            trained with another eye.
        EngineError: ONNX Runtime or the device is not available.
    """

    name = "network"
    redraws = True

    def __init__(self, cfg: CfgNode) -> None:
        eye, decoder = (_exported(cfg, key) for key in ("EYE", "WEIGHTS"))
        about_eye = _metadata(eye, exported.EYE)
        about = _metadata(decoder, exported.HINTS)
        if about.get(exported.EYE_SHA256) != about_eye.get(exported.WEIGHTS_SHA256):
            raise CheckpointError(
                f"{decoder} was trained with another eye than {eye}: their features do not fit; "
                "set VX.HINTS.EYE and VX.HINTS.WEIGHTS to two files of one export"
            )
        self._input = EyeInput.from_text(about_eye[exported.INPUT])
        self._eye = open_session(catalog.resolve(eye), cfg)
        self._decoder = open_session(catalog.resolve(decoder), cfg)
        if missing := set(exported.FEATURES) - set(self._eye.outputs):
            raise CheckpointError(
                f"{eye} does not give {', '.join(sorted(missing))}, which the hint decoder reads; "
                "export the eye again"
            )

    def open(self, image: ByteArray, instances: Instances | None) -> SeenByNetwork:
        """See ``InteractiveSegmenter``."""
        return SeenByNetwork(self, image, instances)

    def features(self, image: ByteArray) -> tuple[Features, tuple[int, int]]:
        """What the decoder reads of a photo or a window, and the size it was seen at."""
        size = looks.input_size(image.shape[0], image.shape[1], _SIDE, _MULTIPLE)
        seen = self._input.prepare(looks.resize_photo(image, size))
        found = self._eye.run({exported.PHOTO: seen}, exported.FEATURES)
        return dict(zip(exported.FEATURES, found, strict=True)), size

    def decode(self, features: Features, maps: FloatArray) -> FloatArray:
        """Probabilities, float32 (h, w), at half the size of the hint maps (8, H, W)."""
        (logits,) = self._decoder.run({**features, exported.HINT_MAPS: maps[None]})
        return sigmoid(logits[0, 0])


class SeenByNetwork:
    """See ``Segmentation``."""

    def __init__(
        self, network: HintNetwork, image: ByteArray, instances: Instances | None = None
    ) -> None:
        self._network, self._image = network, np.ascontiguousarray(image)
        self._instances = instances
        self._whole, self._size = network.features(self._image)
        self._near: tuple[Window, Features, tuple[int, int]] | None = None
        # A window has as many features as the whole.
        self.nbytes = image.nbytes + 2 * sum(one.nbytes for one in self._whole.values())

    def segment(self, keep: BoolArray, drop: BoolArray, previous: FloatArray | None) -> FloatArray:
        """See ``Segmentation``."""
        known = self._known(keep, drop) if previous is None else None
        window = None if known is None else _window_around(known >= _EDGE)
        if known is not None and window is not None:
            mask = known
        else:
            whole = slice(0, keep.shape[0]), slice(0, keep.shape[1])
            start = known if previous is None else previous
            mask = self._answer(whole, self._whole, self._size, (keep, drop), start, previous)
            if previous is None:
                _forget_unmarked(mask, keep)
            window = _window_around(mask >= _EDGE)
        if window is not None:
            window, features, size = self._seen(window)
            mask[window] = self._answer(window, features, size, (keep, drop), mask, previous)
        if previous is None:
            _forget_unmarked(mask, keep)
        return mask

    def _known(self, keep: BoolArray, drop: BoolArray) -> FloatArray | None:
        """The smallest thing that the detector saw and that agrees with the marks, if any.

        Returns:
            float32 (H, W), 0..1, as coarse as the detector draws it.
        """
        rows, columns = np.nonzero(keep)
        if self._instances is None or not len(rows):
            return None
        things, best, least = self._instances, None, math.inf
        for index in np.flatnonzero((things.scores >= _SURE) & ~things.is_region):
            mask = things.soft_mask(int(index), keep.shape)
            inside = mask >= _EDGE
            area = int(np.count_nonzero(inside))
            if area < least and inside[rows, columns].all() and not (inside & drop).any():
                best, least = mask, area
        return best

    def _answer(
        self,
        window: Window,
        features: Features,
        size: tuple[int, int],
        marks: tuple[BoolArray, BoolArray],
        start: FloatArray | None,
        previous: FloatArray | None,
    ) -> FloatArray:
        """What the decoder makes of the marks within a window that was seen at ``size``.

        Args:
            window: rows and columns of the image.
            features: of the window.
            size: height and width at which it was seen.
            marks: keep and drop, of the whole image.
            start: the mask that the decoder is told, of the whole image; None for none.
            previous: the cut so far, which stands far from any mark; None for none.

        Returns:
            float32, of the window's height and width, 0..1.
        """
        keep, drop = (one[window] for one in marks)
        maps = _maps(keep, drop, None if start is None else start[window], size)
        mask = self._network.decode(features, maps)
        if previous is not None:
            mask = _held_to(_resized(previous[window], mask.shape), mask, maps)
        return _resized(mask, keep.shape)

    def _seen(self, window: Window) -> tuple[Window, Features, tuple[int, int]]:
        """The window with its features; only the very same one will do again."""
        if self._near is None or self._near[0] != window:
            self._near = (window, *self._network.features(self._image[window]))
        return self._near


def _maps(
    keep: BoolArray, drop: BoolArray, previous: FloatArray | None, size: tuple[int, int]
) -> FloatArray:
    """The hints as the decoder reads them, at the size that the eye saw."""
    sofar = None if previous is None else _resized(previous, size)
    return hint_maps(*marks_at(keep, drop, size), sofar)


def _held_to(previous: FloatArray, mask: FloatArray, maps: FloatArray) -> FloatArray:
    """The mask, where the cut so far stands unless a mark is near or the decoder is sure.

    Args:
        previous: float32 (h, w), 0..1, the cut so far.
        mask: float32 (h, w), 0..1, what the decoder makes of the marks.
        maps: float32 (8, H, W), see ``hint_maps``.
    """
    inside = previous >= _EDGE
    near_drop, near_keep = (_resized(maps[one], mask.shape) for one in (NEAR_DROP, NEAR_KEEP))
    far = 1 - np.where(inside, near_drop, near_keep)
    bounded = mask.clip(1e-4, 1 - 1e-4)
    logits = np.log(bounded / (1 - bounded)) + np.where(inside, _HOLD, -_HOLD) * far
    return sigmoid(np.asarray(logits, dtype=np.float32))


def _forget_unmarked(mask: FloatArray, keep: BoolArray) -> None:
    """Where there was nothing before, let only parts stand that hold a mark; in place."""
    _, parts = cv2.connectedComponents((mask >= _EDGE).astype(np.uint8), connectivity=8)
    marked = np.unique(parts[keep])
    if marked.any():  # 0 is what lies outside
        mask[(parts > 0) & ~np.isin(parts, marked)] = _OUTSIDE


def _window_around(inside: BoolArray) -> Window | None:
    """Rows and columns around what is inside; None where looking closer would show little more.

    It moves in steps, so that a hint that changes little can be answered from what was seen.
    """
    height, width = inside.shape
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    spans = []
    for places, length in ((rows, height), (columns, width)):
        step = max(length // _STEPS, 1)
        margin = _MARGIN * (places[-1] + 1 - places[0]) + _LEAST_MARGIN
        start = max(math.floor((places[0] - margin) / step) * step, 0)
        stop = min(math.ceil((places[-1] + 1 + margin) / step) * step, length)
        spans.append(slice(start, stop))
    area = (spans[0].stop - spans[0].start) * (spans[1].stop - spans[1].start)
    return (spans[0], spans[1]) if area < _LARGEST_WINDOW * height * width else None


def is_there(cfg: CfgNode) -> bool:
    """Whether ONNX Runtime is installed and both files have an exported form."""
    named = cfg.VX.HINTS.EYE, cfg.VX.HINTS.WEIGHTS
    return all(map(catalog.exported_form, named)) and sessions.can_run(cfg)


def _exported(cfg: CfgNode, key: str) -> str:
    """The ONNX file of VX.HINTS.``key``."""
    asked: str = cfg.VX.HINTS[key]
    form = catalog.exported_form(asked)
    if form is None:
        raise CheckpointError(
            f"VX.HINTS.{key} is {asked!r}, but hints are read by exported networks; write one "
            f"with `vx export {'--eye' if key == 'EYE' else '--hints'} -o NAME.onnx`"
        )
    return form


def _metadata(weights: str, kind: str) -> dict[str, str]:
    """What an exported file says of itself, if it is of this kind."""
    path = catalog.resolve(weights)
    try:
        metadata = exported.read_metadata(path)
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    if metadata.get(exported.KIND) != kind:
        raise CheckpointError(f"{path} does not state that it is of kind {kind!r}; see `vx export`")
    return metadata


def _resized(mask: FloatArray, size: tuple[int, ...]) -> FloatArray:
    resized = cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.float32)
