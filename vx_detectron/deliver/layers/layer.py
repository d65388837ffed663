"""One thing of a photo as a named, transparent picture, with its place in the photo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from vx_detectron.deliver import Transparent, compose, crop_box
from vx_detectron.structures import ByteArray, FloatArray, Instances


@dataclass(frozen=True, eq=False)
class Layer:
    """One instance, cut out.

    Attributes:
        name: its class and its number among those, such as ``person 2``.
        class_id: its class, an index into ``Instances.class_names``; -1 for a region.
        is_region: whether it is a region of the saliency map, of no known class.
        score: detection confidence, 0..1.
        pixels: uint8 (h, w, 4), RGBA with straight alpha, cropped to what is visible.
        left: column of the photo where the pixels begin.
        top: row of the photo where they begin.
    """

    name: str
    class_id: int
    is_region: bool
    score: float
    pixels: ByteArray
    left: int
    top: int

    @property
    def area(self) -> int:
        """Pixels that are more there than not."""
        return int((self.pixels[..., 3] >= 128).sum())


def find_layers(
    image: ByteArray, instances: Instances, alpha_of: Callable[[int], FloatArray]
) -> list[Layer]:
    """Every instance of a photo as a layer, smaller ones before larger ones: topmost first.

    One with nothing to see is left out.

    Args:
        image: uint8 (H, W, 3), RGB.
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
        pixels = compose(image, alpha, Transparent(), crop=True, margin=0)
        name, score = f"{label} {numbers[label]}", float(instances.scores[index])
        kind = int(instances.classes[index]), bool(instances.is_region[index])
        layers.append(Layer(name, *kind, score, pixels, left, top))
    return sorted(layers, key=lambda layer: layer.area)
