"""Named pictures with their places, as layered files hold them: of a cut-out, or of all things."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from vx_detectron.deliver import Transparent, compose_photo, crop_box, mask_picture
from vx_detectron.deliver.finish import Finish
from vx_detectron.deliver.paint import paint
from vx_detectron.image_io import Photo
from vx_detectron.structures import ByteArray, FloatArray, Instances


@dataclass(frozen=True, eq=False)
class Layer:
    """One picture among those that lie above each other.

    Attributes:
        name: what people see in the list of layers.
        pixels: uint8 (h, w, 3), RGB, or (h, w, 4), RGBA with straight alpha.
        left: column of the whole picture where the pixels begin.
        top: row of the whole picture where they begin.
        visible: whether it is shown when the file is opened.
    """

    name: str
    pixels: ByteArray
    left: int = 0
    top: int = 0
    visible: bool = True


@dataclass(frozen=True, eq=False, kw_only=True)
class InstanceLayer(Layer):
    """One instance, cut out: RGBA, cropped to what is visible, named such as ``person 2``.

    Attributes:
        class_id: its class, an index into ``Instances.class_names``; -1 for a region.
        is_region: whether it is a region of the saliency map, without a known class.
        score: detection confidence, 0..1.
    """

    class_id: int
    is_region: bool
    score: float

    @property
    def area(self) -> int:
        """Pixels that are more there than not."""
        return int((self.pixels[..., 3] >= 128).sum())


def find_layers(
    photo: Photo, instances: Instances, alpha_of: Callable[[int], FloatArray]
) -> list[InstanceLayer]:
    """Every instance of a photo as a layer, smaller ones before larger ones: topmost first.

    One with nothing to see is left out.

    Args:
        photo: as it was read.
        instances: what was found in it.
        alpha_of: the refined mask of one of them, float32 (H, W), 0..1, by its position.
    """
    numbers = Counter[str]()
    layers = []
    for index in range(len(instances)):
        alpha = alpha_of(index)
        if not (alpha >= 0.5).any():
            continue
        label = instances.label(index)
        numbers[label] += 1
        left, top, *_ = crop_box(alpha)
        layer = InstanceLayer(
            f"{label} {numbers[label]}",
            compose_photo(photo, alpha, Transparent(), crop=True, margin=0),
            left,
            top,
            class_id=int(instances.classes[index]),
            is_region=bool(instances.is_region[index]),
            score=float(instances.scores[index]),
        )
        layers.append(layer)
    return sorted(layers, key=lambda layer: layer.area)


def subject_layers(
    photo: Photo, alpha: FloatArray, finish: Finish
) -> tuple[ByteArray, list[Layer]]:
    """A cut-out as layers: the subject, its shadow and background and, hidden, the photo.

    Args:
        photo: as it was read.
        alpha: float32 (H, W), 0..1, of the subject.
        finish: background, shadow, edge and placement.

    Returns:
        What they look like together, in the photo's colour space, uint8 (h, w, 3) or, before no
        background, (h, w, 4); and the layers, topmost first. Without a background there is no
        layer for it, and on a canvas of its own none for the photo.
    """
    alpha = finish.edged(photo, alpha)
    layout = finish.layout(alpha)
    background = finish.background
    subject = replace(finish, shadow=None).picture(photo, alpha, Transparent())
    layers = [Layer("subject", subject)]
    if finish.shadow is not None:
        dark = finish.shadow.cast(layout.carry(photo.colours, alpha)[1])
        black = np.zeros((*dark.shape, 3), dtype=np.uint8)
        layers.append(Layer("shadow", np.dstack([black, mask_picture(dark)])))
    if not isinstance(background, Transparent):
        behind = paint(background, photo.flat, alpha, layout, photo.icc_profile)
        layers.append(Layer("background", behind))
    if layout.frame is not None:
        layers.append(Layer("photo", photo.layer[layout.frame], visible=False))
    return finish.picture(photo, alpha), layers
