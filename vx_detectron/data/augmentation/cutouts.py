"""A cut-out of one photo pasted anywhere onto another: its edge soft, its size and light varied.

Unlike ``copy_paste``, which keeps every instance in its place for a detector, this teaches an eye
to see things before any background, and a hint decoder what belongs together.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
import torch
from fvcore.common.config import CfgNode
from torch import Tensor
from torchvision import tv_tensors

from vx_detectron.data.layers import UNKNOWN, Layers
from vx_detectron.data.scene import NO_CLASS, Scene
from vx_detectron.structures import BoolArray, ByteArray, FloatArray

# When what is pasted and what is left of the subject are the subject together: shares of the photo,
# and of each other.
_SMALL, _LARGE = 0.02, 0.05
_LEAST_RATIO, _MOST_RATIO = 0.35, 3.0

_LEAST_SIDE = 8  # pixels of a cut-out
_DOUBT = 2  # pixels around what was pasted, whose share in the subject nobody knows


class CutoutPaste:
    """Pastes the subject of a photo, or any instance where the subject is not known.

    Args:
        cfg: VX.AUGMENT.PASTE_SIZE, PASTE_GAIN and PASTE_SIGMA are read.
    """

    def __init__(self, cfg: CfgNode) -> None:
        node = cfg.VX.AUGMENT
        self.sizes, self.gains, self.sigmas = node.PASTE_SIZE, node.PASTE_GAIN, node.PASTE_SIGMA

    def __call__(self, scene: Scene, donor: Scene) -> Scene:
        """The scene with the cut-out on top, as an instance of no class.

        What it covers is cut out of the scene's own masks. Where the scene's subject is known, both
        are the subject together if they are of comparable size; else the cut-out's place in it is
        unknown. A donor in which nothing is annotated changes nothing.

        Args:
            scene: keeps its size.
            donor: of any size; may be the scene itself.
        """
        chosen = _thing_of(donor)
        if chosen is None:
            return scene
        height, width = scene.image.shape[-2:]
        piece = self._piece(donor, chosen, min(height, width))
        above, cover = _placed(piece, height, width)
        pasted = cover > 0.5
        if not pasted.any():
            return scene
        below = scene.image.as_subclass(Tensor).permute(1, 2, 0).numpy()
        mixed = below + cover[..., None] * (above - below)
        image = np.rint(mixed).clip(0, 255).astype(np.uint8)
        layers = scene.layers.as_subclass(Tensor).numpy().copy()
        layers[:-1][:, pasted] = 0
        layers[-1] = _subject(layers[-1], pasted)
        layers = np.concatenate([layers[:-1], pasted[None].astype(np.uint8), layers[-1:]])
        return Scene(
            tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1)),
            torch.from_numpy(layers).as_subclass(Layers),
            torch.cat([scene.classes, torch.tensor([NO_CLASS])]),
        )

    def _piece(self, donor: Scene, mask: BoolArray, shortest: int) -> _Piece:
        """The thing cut out, at a size, side and light drawn at random."""
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        pixels = donor.image.as_subclass(Tensor).permute(1, 2, 0).numpy()[part]
        scale = _uniform(*self.sizes) * shortest / max(pixels.shape[:2])
        size = [max(round(side * scale), _LEAST_SIDE) for side in pixels.shape[1::-1]]
        shape = mask[part].astype(np.float32)
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)
        shape = np.asarray(cv2.resize(shape, size, interpolation=cv2.INTER_AREA), np.float32)
        if _uniform(0, 1) < 0.5:
            pixels, shape = pixels[:, ::-1], shape[:, ::-1]
        sigma = _uniform(*self.sigmas)
        if sigma > 0:  # around the edge, which needs room
            room = (math.ceil(3 * sigma),) * 4
            pixels = np.asarray(cv2.copyMakeBorder(pixels, *room, cv2.BORDER_REPLICATE))
            shape = np.asarray(cv2.copyMakeBorder(shape, *room, cv2.BORDER_CONSTANT))
            shape = np.asarray(cv2.GaussianBlur(shape, (0, 0), sigma))
        return _Piece((pixels * _uniform(*self.gains)).clip(0, 255), shape)


class _Piece(NamedTuple):
    """float32 (h, w, 3), 0..255, and float32 (h, w), 0..1."""

    pixels: FloatArray
    shape: FloatArray


def _thing_of(scene: Scene) -> BoolArray | None:
    """The subject where it is known, else an instance drawn at random; None where there is none."""
    layers = scene.layers.as_subclass(Tensor).numpy()
    if (layers[-1] == 1).any():
        return np.asarray(layers[-1] == 1)
    there = np.flatnonzero((layers[:-1] == 1).any(axis=(1, 2)))
    if not len(there):
        return None
    return np.asarray(layers[there[int(torch.randint(len(there), ()))]] == 1)


def _placed(piece: _Piece, height: int, width: int) -> tuple[FloatArray, FloatArray]:
    """The piece on an empty photo, its middle anywhere: float32 (H, W, 3) and (H, W)."""
    above, cover = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    rows, columns = piece.shape.shape
    top = int(torch.randint(height, ())) - rows // 2
    left = int(torch.randint(width, ())) - columns // 2
    target = (
        slice(max(top, 0), min(top + rows, height)),
        slice(max(left, 0), min(left + columns, width)),
    )
    source = tuple(
        slice(one.start - start, one.stop - start)
        for one, start in zip(target, (top, left), strict=True)
    )
    above[target], cover[target] = piece.pixels[source], piece.shape[source]
    return above, cover


def _subject(before: ByteArray, pasted: BoolArray) -> ByteArray:
    """The subject's layer after something was pasted: uint8 (H, W)."""
    if (before == UNKNOWN).all():
        return before
    rest = (before == 1) & ~pasted
    left, new, whole = int(rest.sum()), int(pasted.sum()), before.size
    after = before.copy()
    if left < _SMALL * whole:  # covered, or there was none
        if new > _LARGE * whole:
            return np.where(pasted, 1, np.where(before == UNKNOWN, UNKNOWN, 0)).astype(np.uint8)
        return np.full_like(before, UNKNOWN)
    if new > _SMALL * whole and _LEAST_RATIO < new / left < _MOST_RATIO:
        after[pasted] = 1
        return after
    grown = cv2.dilate(pasted.astype(np.uint8), np.ones((2 * _DOUBT + 1,) * 2, np.uint8))
    after[np.asarray(grown) > 0] = UNKNOWN
    return after


def _uniform(least: float, most: float) -> float:
    return least + (most - least) * float(torch.rand(()))
