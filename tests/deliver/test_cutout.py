"""What a person does with a cut-out: files read back by Pillow, and errors in plain words."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from vx_detectron.deliver import Colour, Picture, Transparent
from vx_detectron.deliver.cutout import Cutout
from vx_detectron.errors import ConfigError, ImageError, VxError
from vx_detectron.image_io import Photo
from vx_detectron.structures import Instances, Provenance, Subject

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
INSIDE = slice(10, 30), slice(20, 50)  # rows and columns of the subject in a photo of 40 x 60


@pytest.fixture
def cutout() -> Cutout:
    """A red block on green, cut without error."""
    pixels = np.full((40, 60, 3), (20, 160, 30), dtype=np.uint8)
    pixels[INSIDE] = 200, 40, 30
    alpha = np.zeros((40, 60), dtype=np.float32)
    alpha[INSIDE] = 1
    instances = Instances(
        image_size=(40, 60),
        boxes=np.array([[20, 10, 50, 30]], dtype=np.float32),
        scores=np.ones(1, dtype=np.float32),
        classes=np.zeros(1, dtype=np.int64),
        mask_grids=np.ones((1, 4, 4), dtype=np.float32),
        class_names=("brick",),
    )
    photo = Photo(pixels, "brick.png", "PNG", icc_profile=PROFILE, dpi=(300, 300))
    provenance = Provenance(
        "torchvision",
        "cpu",
        "x.pth",
        "",
        "none",
        "",
        "",
        "",
        mask_source="instances",
        refinement=(),
    )
    return Cutout(photo, alpha, Subject((0,), (), "the only one", "ranking"), instances, provenance)


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_suffix_says_the_format_and_the_profile_is_kept(cutout: Cutout, tmp_path: Path) -> None:
    for suffix, format in ((".png", "PNG"), (".jpg", "JPEG"), (".webp", "WEBP"), (".tif", "TIFF")):
        cutout.save(tmp_path / f"cut{suffix}")
        with Image.open(tmp_path / f"cut{suffix}") as image:
            assert (image.format, image.size) == (format, (60, 40))
            assert image.info["icc_profile"] == PROFILE


def test_black_is_behind_the_subject_unless_something_else_is_named(
    cutout: Cutout, tmp_path: Path
) -> None:
    cutout.save(str(tmp_path / "black.png"))
    black = read(tmp_path / "black.png")
    assert (black[~(cutout.alpha > 0)] == 0).all()
    np.testing.assert_array_equal(black[INSIDE], cutout.photo.pixels[INSIDE])
    cutout.save(tmp_path / "orange.png", background="orange")
    assert tuple(read(tmp_path / "orange.png")[0, 0]) == (255, 165, 0)
    cutout.save(tmp_path / "blue.png", background=Colour((0, 0, 255)))
    assert tuple(read(tmp_path / "blue.png")[0, 0]) == (0, 0, 255)
    picture = np.full((4, 6, 3), (9, 8, 7), dtype=np.uint8)
    cutout.save(tmp_path / "picture.png", background=Picture(picture))
    assert tuple(read(tmp_path / "picture.png")[0, 0]) == (9, 8, 7)
    Image.fromarray(picture).save(tmp_path / "behind.png")
    cutout.save(tmp_path / "file.png", background=f"picture:{tmp_path / 'behind.png'}")
    np.testing.assert_array_equal(read(tmp_path / "file.png"), read(tmp_path / "picture.png"))


def test_a_background_is_no_larger_than_a_photo_may_be(cutout: Cutout, tmp_path: Path) -> None:
    behind = tmp_path / "behind.png"
    Image.new("RGB", (60, 40)).save(behind)
    for limit in ({"max_pixels": 2399}, {"max_bytes": behind.stat().st_size - 1}):
        with pytest.raises(ImageError, match=r"behind\.png"):
            replace(cutout, **limit).save(tmp_path / "cut.png", background=f"picture:{behind}")
        assert not (tmp_path / "cut.png").exists()
    exact = replace(cutout, max_pixels=2400, max_bytes=behind.stat().st_size)
    exact.save(tmp_path / "cut.png", background=f"picture:{behind}")


def test_rgba_is_what_a_transparent_picture_holds(cutout: Cutout, tmp_path: Path) -> None:
    cutout.save(tmp_path / "cut.png", background="transparent")
    np.testing.assert_array_equal(read(tmp_path / "cut.png"), cutout.rgba)
    np.testing.assert_array_equal(cutout.rgba[..., 3] / 255, cutout.alpha)


def test_a_crop_keeps_its_margin(cutout: Cutout, tmp_path: Path) -> None:
    cutout.save(tmp_path / "tight.png", crop=True, margin=0)
    assert read(tmp_path / "tight.png").shape == (20, 30, 3)
    cutout.save(tmp_path / "wide.png", crop=True, margin=0.1)  # of the longer side, 30 pixels
    assert read(tmp_path / "wide.png").shape == (26, 36, 3)


def test_a_stream_is_told_its_format(cutout: Cutout) -> None:
    stream = io.BytesIO()
    cutout.save(stream, format="webp", background=Transparent())
    assert Image.open(io.BytesIO(stream.getvalue())).format == "WEBP"
    with pytest.raises(ConfigError, match="format="):
        cutout.save(io.BytesIO())


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("cut.gif", {}, ImageError, r"\.png"),
        ("cut", {}, ImageError, r"\.png"),
        ("missing/cut.png", {}, ImageError, "folder"),
        ("cut.jpg", {"background": "transparent"}, ImageError, "transparency"),
        ("cut.png", {"background": "no such colour"}, ConfigError, "no such colour"),
        ("cut.png", {"background": "picture:nowhere.png"}, ImageError, "nowhere.png"),
        ("cut.jpg", {"quality": 101}, ConfigError, "quality"),
        ("cut.png", {"crop": True, "margin": -1.0}, ConfigError, "margin"),
        ("cut.png", {"format": "bmp"}, ConfigError, "format"),
    ],
)
def test_what_cannot_be_saved_says_why_and_leaves_no_file(
    cutout: Cutout, tmp_path: Path, name: str, options: dict, error: type[VxError], words: str
) -> None:
    with pytest.raises(error, match=words):
        cutout.save(tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_it_names_what_it_holds(cutout: Cutout) -> None:
    assert cutout.labels == ("brick",)


def test_an_alpha_of_another_size_than_the_photo_is_refused(cutout: Cutout) -> None:
    with pytest.raises(ValueError, match=r"alpha must be float32 .*\(40, 60\), .*\(60, 40\)"):
        dataclasses.replace(cutout, alpha=cutout.alpha.T)
    with pytest.raises(ValueError, match="alpha must be float32"):
        dataclasses.replace(cutout, alpha=cutout.alpha.astype(np.uint8))
