"""Whatever happens to a photo happens to its masks: what is white stays what is masked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from painted import BLACK, WHITE, augment_cfg, scene
from scipy import ndimage
from shipped_photos import Photo
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from vx_detectron.config import load_cfg
from vx_detectron.data.augmentation import Augmentation
from vx_detectron.data.layers import UNKNOWN
from vx_detectron.data.scene import Scene
from vx_detectron.errors import ConfigError

GEOMETRY = {
    "resized crop": (),
    "large-scale jitter": ("VX.AUGMENT.CROP", "large_scale_jitter"),
    "shortest edge": (
        *("VX.AUGMENT.CROP", "shortest_edge", "INPUT.MIN_SIZE_TRAIN", "(64, 96, 200)"),
        *("INPUT.CROP.ENABLED", "True", "INPUT.CROP.SIZE", "[0.5, 0.7]"),
    ),
    "horizontal flip": ("INPUT.RANDOM_FLIP", "horizontal"),
    "vertical flip": ("INPUT.RANDOM_FLIP", "vertical"),
    "rotation": ("VX.AUGMENT.ROTATION_PROB", 1, "VX.AUGMENT.ROTATION_DEGREES", 30),
    "copy-paste": ("VX.AUGMENT.COPY_PASTE_PROB", 1),
}
PHOTOMETRY = {
    "colour jitter": ("VX.AUGMENT.COLOR_JITTER_PROB", 1),
    "grey": ("VX.AUGMENT.GRAYSCALE_PROB", 1),
    "blur": ("VX.AUGMENT.BLUR_PROB", 1),
    "jpeg": ("VX.AUGMENT.JPEG_PROB", 1),
}
EVERYTHING = tuple(part for one in (*GEOMETRY.values(), *PHOTOMETRY.values()) for part in one)
ALL = {
    **GEOMETRY,
    **PHOTOMETRY,
    "all, resized": (*EVERYTHING, "VX.AUGMENT.CROP", "resized", "INPUT.CROP.ENABLED", "False"),
    "all, jittered": (
        *(*EVERYTHING, "VX.AUGMENT.CROP", "large_scale_jitter", "INPUT.CROP.ENABLED", "False"),
    ),
    "all, shortest edge": (*EVERYTHING, "VX.AUGMENT.CROP", "shortest_edge"),
}


def recipe(*options: object) -> Callable[[int], Scene]:
    """From a seed to a painted scene, augmented."""
    augmentation = Augmentation(augment_cfg(*options))

    def augment(seed: int) -> Scene:
        torch.manual_seed(seed)
        return augmentation(scene(seed), lambda: scene(seed + 1000, 170, 130))

    return augment


def no_donor() -> Scene:
    raise AssertionError("nothing was to be pasted")


def masks_of(result: Scene) -> np.ndarray:
    """Of a scene with N instances, bool (N, H, W)."""
    return (result.layers.as_subclass(Tensor)[:-1] == 1).numpy()


def far_from_edges(mask: np.ndarray, pixels: int) -> np.ndarray:
    square = np.ones((2 * pixels + 1,) * 2)
    return ndimage.binary_dilation(mask, square) == ndimage.binary_erosion(
        mask, square, border_value=1
    )


@pytest.mark.parametrize("options", ALL.values(), ids=ALL.keys())
def test_masks_stay_on_their_pixels(options: tuple[object, ...]) -> None:
    augment = recipe(*options)
    for seed in range(12):
        result = augment(seed)
        union = masks_of(result).any(axis=0)
        known = result.layers.as_subclass(Tensor)[0].numpy() != UNKNOWN
        inside = far_from_edges(union, 2 if "VX.AUGMENT.BLUR_PROB" in options else 1)
        inside &= ndimage.binary_erosion(known, np.ones((5, 5)), border_value=1)
        green = result.image[1].numpy().astype(float)
        white, black = green[inside & union], green[inside & ~union]
        if len(white) > 50 and len(black) > 50:  # else the crop shows one colour only
            assert white.min() > black.max(), (seed, white.min(), black.max())


@pytest.mark.parametrize("name", ["resized crop", "large-scale jitter", "shortest edge"])
def test_masks_are_not_shifted_by_a_part_of_a_pixel(name: str) -> None:
    """Least squares: white(x) = mask(x - shift), so white - mask = -shift * slope."""
    augment = recipe(*GEOMETRY[name])
    errors, slopes = np.zeros(2), np.zeros(2)
    for seed in range(12):
        result = augment(seed)
        mask = masks_of(result).any(axis=0).astype(float)
        white = (result.image[1].numpy() - float(BLACK)) / (WHITE - BLACK)
        white[result.layers.as_subclass(Tensor)[0].numpy() == UNKNOWN] = 0
        white, mask = (ndimage.gaussian_filter(one, 1.5) for one in (white, mask))
        for axis, slope in enumerate(np.gradient(white)):
            errors[axis] += ((mask - white) * slope).sum()
            slopes[axis] += (slope**2).sum()
    assert np.abs(errors / slopes).max() < 0.1  # torchvision's own Mask: 0.5


@pytest.mark.parametrize("name", list(GEOMETRY)[:-1])
def test_every_instance_keeps_its_own_mask(name: str) -> None:
    greens = torch.tensor([40, 80, 120, 160, 200, 240], dtype=torch.uint8)
    augmentation = Augmentation(augment_cfg(*GEOMETRY[name]))
    for seed in range(6):
        painted = scene(seed)
        for green, mask in zip(greens, painted.layers.as_subclass(Tensor), strict=False):
            painted.image[1][mask == 1] = green
        torch.manual_seed(seed)
        result = augmentation(painted, no_donor)
        assert result.classes.tolist() == list(range(6))
        for green, mask in zip(greens.tolist(), masks_of(result), strict=True):
            inside = ndimage.binary_erosion(mask, np.ones((5, 5)))
            assert (np.abs(result.image[1].numpy()[inside].astype(int) - green) <= 1).all()


def test_the_default_recipe_written_out() -> None:
    """In torchvision's own words; its pictures are the same to the bit."""
    steps = v2.Compose(
        [
            v2.RandomResizedCrop(256, scale=(0.5, 1.0), ratio=(0.67, 1.5), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.08)], p=0.6),
            v2.RandomGrayscale(0.05),
            v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.5))], p=0.1),
        ]
    )
    augmentation = Augmentation(load_cfg(None, ["VX.SOLVER.CROP", "256"]))
    noise = torch.randint(0, 256, (3, 150, 200), dtype=torch.uint8)
    for seed in range(30):
        painted = replace(scene(seed), image=tv_tensors.Image(noise))
        torch.manual_seed(seed)
        expected = steps(painted.image)
        torch.manual_seed(seed)
        assert torch.equal(augmentation(painted, no_donor).image, expected)


def test_padding_is_grey_and_unknown() -> None:
    options = ("VX.AUGMENT.CROP", "large_scale_jitter", "VX.AUGMENT.JITTER_SCALE", "[0.5, 0.5]")
    augment = recipe(*options)
    for seed in range(5):
        result = augment(seed)
        unknown = result.layers.as_subclass(Tensor)[-1] == UNKNOWN
        assert result.image.shape == (3, 128, 128)
        assert int((~unknown).sum()) == 64 * 48  # half of what fits 200 x 150 into the square
        assert (result.image[:, unknown] == 128).all()
        assert not masks_of(result)[:, unknown.numpy()].any()


def test_the_corners_of_a_rotated_photo_are_unknown() -> None:
    result = recipe(*GEOMETRY["rotation"])(3)
    unknown = result.layers.as_subclass(Tensor)[-1] == UNKNOWN
    assert unknown[0, 0] and unknown[-1, -1] and not unknown[64, 64]


# Each key, and what must then happen to the pictures of some seeds, compared with plain ones.
KEYS: dict[str, tuple[object, tuple[object, ...]]] = {
    "INPUT.RANDOM_FLIP": ("vertical", ()),
    "INPUT.MIN_SIZE_TRAIN": ("(64,)", ("VX.AUGMENT.CROP", "shortest_edge")),
    "INPUT.MAX_SIZE_TRAIN": (100, ("VX.AUGMENT.CROP", "shortest_edge")),
    "INPUT.MIN_SIZE_TRAIN_SAMPLING": (
        "range",
        ("VX.AUGMENT.CROP", "shortest_edge", "INPUT.MIN_SIZE_TRAIN", "(64, 128)"),
    ),
    "INPUT.CROP.ENABLED": ("True", ("VX.AUGMENT.CROP", "shortest_edge")),
    "INPUT.CROP.SIZE": (
        "[0.3, 0.3]",
        ("VX.AUGMENT.CROP", "shortest_edge", "INPUT.CROP.ENABLED", "True"),
    ),
    "INPUT.CROP.TYPE": (
        "relative",
        ("VX.AUGMENT.CROP", "shortest_edge", "INPUT.CROP.ENABLED", "True"),
    ),
    "VX.SOLVER.CROP": (64, ()),
    "VX.AUGMENT.CROP": ("large_scale_jitter", ()),
    "VX.AUGMENT.CROP_AREA": ("[0.1, 0.2]", ()),
    "VX.AUGMENT.CROP_ASPECT": ("[3.0, 4.0]", ()),
    "VX.AUGMENT.JITTER_SCALE": ("[1.0, 1.1]", ("VX.AUGMENT.CROP", "large_scale_jitter")),
    "VX.AUGMENT.ROTATION_PROB": (1, ()),
    "VX.AUGMENT.ROTATION_DEGREES": (90, ("VX.AUGMENT.ROTATION_PROB", 1)),
    "VX.AUGMENT.COPY_PASTE_PROB": (1, ()),
    "VX.AUGMENT.CROP_SIZES": ("[[64, 96]]", ()),
    "VX.AUGMENT.BACKGROUND_PROB": (1, ()),
    "VX.AUGMENT.SEGMENT_PROB": (1, ()),
    "VX.AUGMENT.PASTE_PROB": (1, ()),
    "VX.AUGMENT.PASTE_OWN": (1, ("VX.AUGMENT.PASTE_PROB", 1)),
    "VX.AUGMENT.PASTE_SIZE": ("[0.1, 0.1]", ("VX.AUGMENT.PASTE_PROB", 1)),
    "VX.AUGMENT.PASTE_GAIN": ("[0.2, 0.3]", ("VX.AUGMENT.PASTE_PROB", 1)),
    "VX.AUGMENT.PASTE_SIGMA": ("[3, 3]", ("VX.AUGMENT.PASTE_PROB", 1)),
    "VX.AUGMENT.COLOR_JITTER_PROB": (1, ()),
    "VX.AUGMENT.BRIGHTNESS": (0, ("VX.AUGMENT.COLOR_JITTER_PROB", 1)),
    "VX.AUGMENT.CONTRAST": (0, ("VX.AUGMENT.COLOR_JITTER_PROB", 1)),
    "VX.AUGMENT.SATURATION": (0, ("VX.AUGMENT.COLOR_JITTER_PROB", 1)),
    "VX.AUGMENT.HUE": (0, ("VX.AUGMENT.COLOR_JITTER_PROB", 1)),
    "VX.AUGMENT.GRAYSCALE_PROB": (1, ()),
    "VX.AUGMENT.BLUR_PROB": (1, ()),
    "VX.AUGMENT.BLUR_SIGMA": ("[5.0, 5.0]", ("VX.AUGMENT.BLUR_PROB", 1)),
    "VX.AUGMENT.JPEG_PROB": (1, ()),
    "VX.AUGMENT.JPEG_QUALITY": ("[5, 5]", ("VX.AUGMENT.JPEG_PROB", 1)),
}


def test_every_key_of_the_node_is_tried() -> None:
    assert {f"VX.AUGMENT.{key}" for key in augment_cfg().VX.AUGMENT} <= KEYS.keys()


@pytest.mark.parametrize("key", KEYS)
def test_every_key_changes_the_pictures(key: str, chelsea: Photo) -> None:
    value, needed = KEYS[key]
    cat = tv_tensors.Image(torch.from_numpy(chelsea[:150, 100:300].copy()).permute(2, 0, 1))
    pictures = []
    for options in (needed, (*needed, key, value)):
        augmentation = Augmentation(augment_cfg(*options))
        painted = replace(scene(5), image=cat)
        torch.manual_seed(5)
        pictures.append(augmentation(painted, lambda: scene(6)).image)
    before, after = pictures
    assert before.shape != after.shape or not torch.equal(before, after)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("INPUT.CROP.ENABLED", "True"), "goes with VX.AUGMENT.CROP shortest_edge, got resized"),
        (("INPUT.MIN_SIZE_TRAIN", "()"), r"a list of 1 or more, .* got \(\)"),
        (("INPUT.MIN_SIZE_TRAIN_SAMPLING", "range"), r"the least and the greatest, got \(320,\)"),
        (("INPUT.CROP.SIZE", "[1.2, 0.5]"), r"within 0\.\.1 .* got relative_range \[1\.2"),
        (("INPUT.CROP.TYPE", "absolute_range", "INPUT.CROP.SIZE", "[90, 50]"), "in order"),
    ],
)
def test_keys_that_make_no_sense_are_refused(options: tuple[object, ...], words: str) -> None:
    shared = ("VX.AUGMENT.CROP", "shortest_edge", "INPUT.CROP.ENABLED", "True")
    with pytest.raises(ConfigError, match=words):
        cfg = augment_cfg(*(() if words.startswith("goes with") else shared), *options)
        Augmentation(cfg)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("CROP", "square", "one of resized, large_scale_jitter, shortest_edge"),
        ("CROP_AREA", "[0.5, 1.5]", r"two numbers in order, within 0\.01\.\.1, got"),
        ("CROP_ASPECT", "[2, 1]", "in order"),
        ("JITTER_SCALE", "[1.0]", "two numbers"),
        ("JPEG_QUALITY", "[40.5, 95]", r"two whole numbers in order, within 1\.\.100"),
        ("HUE", "0.6", r"within 0\.\.0\.5"),
        ("BLUR_PROB", "1.5", r"within 0\.\.1"),
        ("ROTATION_DEGREES", "181", r"within 0\.\.180"),
    ],
)
def test_values_out_of_bounds_are_refused(key: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"VX\.AUGMENT\.{key} must be .*{words}"):
        augment_cfg(f"VX.AUGMENT.{key}", value)
