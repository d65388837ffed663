"""TIFF in all its layouts, written by tifffile: decoded rightly, or refused by name."""

from __future__ import annotations

import io
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vx_detectron.errors import ImageError
from vx_detectron.image_io import Photo, read_photo, read_size
from vx_detectron.image_io.profiles import adobe_rgb

tifffile = pytest.importorskip("tifffile")

# Samples, photometric interpretation and extra samples.
KINDS: dict[str, tuple[int, str, list[str] | None]] = {
    "rgb": (3, "rgb", None),
    "rgb and alpha": (4, "rgb", ["unassalpha"]),
    "rgb times alpha": (4, "rgb", ["assocalpha"]),
    "rgb and more": (4, "rgb", ["unspecified"]),
    "grey": (1, "minisblack", None),
    "white is zero": (1, "miniswhite", None),
    "grey and alpha": (2, "minisblack", ["unassalpha"]),
    "cmyk": (4, "separated", None),
    "lab": (3, "cielab", None),
    "ycbcr": (3, "ycbcr", None),
    "palette": (1, "palette", None),
}
DEPTHS = ["u1", "i1", "u2", "i2", "u4", "f2", "f4", "f8"]
_PLAIN = [(None, False), ("zlib", False)]
LAYOUTS: list[tuple[Any, ...]] = [
    *product(["contig", "separate"], [None, (16, 16)], "<>", _PLAIN),
    ("contig", None, "<", ("zlib", True)),
    ("separate", None, ">", ("zlib", True)),
]
PALETTE = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16)

# What is decoded; all else must be refused by name.
READ_AT_8 = set(KINDS)
READ_AT_16 = set(KINDS) - {"lab", "ycbcr", "palette", "grey and alpha"}
READ_AS_FLOATS = {
    kind for kind in KINDS if kind.startswith(("rgb", "grey", "white")) and kind != "grey and alpha"
}
REFUSED_LAYOUTS = {
    ("grey and alpha", "separate"),
    ("ycbcr", "separate", None),  # not compressed
    ("lab", "separate"),
    ("rgb and more", "separate", None, "u1"),
    ("white is zero", ">", "u2"),
}


def samples(kind: str) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:40, :52]
    channels = [20 + rows * (3 - i % 3) + columns * (1 + i % 3) for i in range(KINDS[kind][0])]
    stored = np.stack(channels, axis=-1).astype(np.uint8)
    if "times" in kind:
        stored[..., 3] = 128
        stored[..., :3] //= 2
    return stored


def expected(kind: str, stored: NDArray[np.uint8]) -> NDArray[Any]:
    """The colours, by the words of TIFF 6.0."""
    real = stored.astype(float)
    if kind.startswith("rgb"):
        return np.minimum(real[..., :3] * 255 / 128, 255) if "times" in kind else real[..., :3]
    if kind in ("grey", "grey and alpha"):
        return np.repeat(real[..., :1], 3, axis=-1)
    if kind == "white is zero":
        return 255 - np.repeat(real, 3, axis=-1)
    if kind == "palette":
        return np.moveaxis(PALETTE[:, stored[..., 0]], 0, -1)
    if kind == "cmyk":  # without a profile, the plain formula
        return (255 - real[..., :3]) * (255 - real[..., 3:]) / 255
    if kind == "lab":
        signed = stored[..., 1:].view("i1").astype(float)
        return lab_to_srgb(np.dstack([real[..., :1] * 100 / 255, signed]))
    y, cb, cr = (real[..., index] for index in range(3))
    r, b = y + 1.402 * (cr - 128), y + 1.772 * (cb - 128)
    return np.clip(np.stack([r, (y - 0.299 * r - 0.114 * b) / 0.587, b], axis=-1), 0, 255)


def lab_to_srgb(lab: NDArray[Any]) -> NDArray[Any]:
    """CIE's formulas, with the white point D50 and Bradford's adaptation to that of sRGB."""
    y = (lab[..., 0] + 16) / 116
    ratios = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    dark = (116 * ratios - 16) * 27 / 24389
    xyz = np.where(ratios**3 > 216 / 24389, ratios**3, dark) * (0.9642, 1.0, 0.8249)
    matrix = [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
    linear = np.clip(xyz @ np.transpose(matrix), 0, 1)
    curved = 1.055 * linear ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curved) * 255


def file_of(kind: str, depth: str, layout: tuple[Any, ...]) -> bytes:
    planar, tile, order, (compression, predictor) = layout
    count, photometric, extra = KINDS[kind]
    stored = samples(kind)
    scale = {"u2": 257, "u4": 257 << 16, "f4": 1 / 255, "f8": 1 / 255}.get(depth, 1)
    array = stored.view("i1") if depth == "i1" else stored.astype(depth) * np.array(scale, depth)
    if kind == "palette":
        array = stored
    array = array[..., 0] if count == 1 else array
    options: dict[str, Any] = {"colormap": PALETTE * 257} if kind == "palette" else {}
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        np.moveaxis(array, -1, 0) if planar == "separate" and count > 1 else array,
        photometric=photometric,
        planarconfig=planar if count > 1 else None,
        compression=compression,
        predictor=predictor or None,
        tile=tile,
        rowsperstrip=None if tile else 7,
        byteorder=order,
        extrasamples=extra,
        metadata=None,
        **options,
    )
    return buffer.getvalue()


def is_read(kind: str, depth: str, layout: tuple[Any, ...]) -> bool:
    planar, _, order, (compression, _) = layout
    if depth in ("f4", "f8"):
        return kind in READ_AS_FLOATS and (planar == "contig" or KINDS[kind][0] == 1)
    if depth not in ("u1", "u2") or kind not in (READ_AT_8 if depth == "u1" else READ_AT_16):
        return False
    facts = (kind, planar), (kind, planar, compression), (kind, planar, compression, depth)
    return not {*facts, (kind, order, depth)} & REFUSED_LAYOUTS


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_decoded_rightly_or_refused_by_name(kind: str, depth: str) -> None:
    if kind == "palette" and depth != "u1":
        pytest.skip("palettes are of bytes here")
    for layout in LAYOUTS:
        if layout[0] == "separate" and KINDS[kind][0] == 1:
            continue
        if layout[3][1] and depth[0] == "f":
            continue  # a predictor of its own, which needs imagecodecs
        data = file_of(kind, depth, layout)
        if is_read(kind, depth, layout):
            photo = read_photo(data)
            tolerance = {"ycbcr": 3, "lab": 5, "rgb times alpha": 2}.get(kind, 1)
            wanted = expected(kind, samples(kind))
            same = np.abs(photo.colours - wanted) <= tolerance
            # How colours that no screen can show become some that it can is not defined.
            defined = ((wanted > 0) & (wanted < 255)).all(axis=-1) if kind == "lab" else ...
            assert same[defined].all(), layout
            assert photo.had_alpha == (
                kind in ("rgb and alpha", "rgb times alpha", "grey and alpha")
            )
        else:
            with pytest.raises(ImageError, match=r"range in a photo is not defined|-bit"):
                read_photo(data)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
@pytest.mark.parametrize("predictor", [False, True])
def test_floats_of_all_ranges(compression: str | None, predictor: bool) -> None:
    pytest.importorskip("imagecodecs")
    if predictor and not compression:
        return
    options: dict[str, Any] = {"compression": compression, "predictor": predictor or None}

    def read(values: NDArray[Any]) -> Photo:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, values, photometric="rgb", metadata=None, **options)
        return read_photo(buffer.getvalue())

    values = np.random.default_rng(1).random((40, 50, 3)).astype(np.float32)
    photo = read(values)
    np.testing.assert_array_equal(photo.pixels, np.rint(values * 255))
    assert photo.notes == ()
    values[:2, :10] = 1.5, 3.0, -0.25  # 1 % of highlights and shadows
    photo = read(values)
    np.testing.assert_array_equal(photo.pixels, np.rint(np.clip(values, 0, 1) * 255))
    assert photo.notes == ("1.0% of its samples lie outside 0..1 and were clipped",)
    with pytest.raises(ImageError, match=r"samples from -?\d.* to \d.*, expected 0 to 1"):
        read(values * 255)
    values[0, 0] = np.nan
    with pytest.raises(ImageError, match="not numbers"):
        read(values)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_floats_are_turned_and_keep_profile_and_density(orientation: int, tmp_path: Path) -> None:
    values = np.random.default_rng(1).random((4, 6, 3)).astype(np.float32)
    file = tmp_path / "turned.tif"
    tifffile.imwrite(
        file,
        values,
        photometric="rgb",
        metadata=None,
        resolution=(300, 150),
        resolutionunit=2,
        iccprofile=adobe_rgb(),
        extratags=[(274, "H", 1, orientation, True)],
    )
    photo = read_photo(file)
    turned = np.rint(values * 255)[:, :: -1 if orientation in (2, 4, 5, 7) else 1]
    quarters = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}[orientation]
    np.testing.assert_array_equal(photo.pixels, np.rot90(turned, quarters))
    assert read_size(file) == photo.pixels.shape[:2]
    assert photo.icc_profile == adobe_rgb()
    with pytest.raises(ImageError, match="expected at most 20"):
        read_photo(file, max_pixels=20)


def test_a_compression_that_floats_cannot_have_is_refused() -> None:
    pytest.importorskip("imagecodecs")
    with pytest.raises(ImageError, match="floating-point numbers that cannot be decoded"):
        read_photo(file_of("rgb", "f4", ("contig", None, "<", ("zstd", False))))


def test_the_refusal_names_the_layout() -> None:
    layout = ("separate", None, ">", (None, False))
    with pytest.raises(
        ImageError, match="is a TIFF of an unsupported kind: 32-bit float RGB with alpha in separa"
    ):
        read_photo(file_of("rgb and alpha", "f4", layout))


@pytest.mark.parametrize("compression", ["lzw", "packbits", "zstd", "lzma"])
@pytest.mark.parametrize("depth", ["u1", "u2"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_other_compressions(compression: str, depth: str, planar: str) -> None:
    pytest.importorskip("imagecodecs")
    for predictor in (False, True) if compression != "packbits" else (False,):
        photo = read_photo(file_of("rgb", depth, (planar, None, ">", (compression, predictor))))
        np.testing.assert_array_equal(photo.pixels, samples("rgb"))
