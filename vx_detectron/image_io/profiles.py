"""Colour spaces as ICC profiles: made from plain numbers, and used to convert colours."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

ByteArray = NDArray[np.uint8]
Point = tuple[float, float]
Curve = tuple[float, ...]

# White, red, green and blue, as CIE 1931 x and y.
_D65: Point = (0.3127, 0.3290)
_BT709 = (_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_P3 = (_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_BT2020 = (_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_ADOBE = (_D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
# From stored to linear: g alone is x ** g; else (a x + b) ** g from d on, and c x below.
_SRGB_CURVE: Curve = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT709_CURVE: Curve = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)

# The code points of ITU-T H.273, which PNG's cICP and the nclx boxes of AVIF and HEIF share.
_PRIMARIES = {1: _BT709, 9: _BT2020, 12: _P3}
_CURVES: dict[int, Curve] = {
    1: _BT709_CURVE,
    4: (2.2,),
    6: _BT709_CURVE,
    8: (1.0,),
    13: _SRGB_CURVE,
    14: _BT709_CURVE,
    15: _BT709_CURVE,
}
_HDR = {16: "PQ", 18: "HLG"}
_UNKNOWN = 2  # the code point for "not stated"
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D50 = np.array([0.9642, 1.0, 0.8249])
_NEAR = 0.002  # chromaticities this close are the same
_WIDEST_GAMMA = 10.0


def convert(pixels: ByteArray, source: bytes | None, target: bytes | None) -> ByteArray:
    """Convert colours from one space to another: relative colorimetric, black point compensated.

    Args:
        pixels: uint8 (H, W, 3), RGB.
        source: the ICC profile that they are in; None for sRGB.
        target: the ICC profile to convert to, one that ``is_two_way``; None for sRGB.

    Returns:
        uint8 (H, W, 3); ``pixels`` itself if both spaces are the same.
    """
    if source == target:
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    ImageCms.applyTransform(image, _transform(source, target), inPlace=True)
    return np.asarray(image)


def is_two_way(icc_profile: bytes) -> bool:
    """Whether colours can be converted to that RGB space, not only from it."""
    try:
        _transform(None, icc_profile)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return False
    return True


def from_code_points(primaries: int, curve: int) -> tuple[bytes | None, str]:
    """A profile from the numbers of H.273; None for sRGB, and a note where it is a guess."""
    if curve in _HDR:
        return None, (
            f"its colours are HDR ({_HDR[curve]}), which is not tone-mapped: they will look wrong"
        )
    known = (primaries in _PRIMARIES or primaries == _UNKNOWN) and (
        curve in _CURVES or curve == _UNKNOWN
    )
    if not known:
        return None, f"its colour space (H.273 {primaries}/{curve}) is unknown; treated as sRGB"
    points, exponents = _PRIMARIES.get(primaries, _BT709), _CURVES.get(curve, _SRGB_CURVE)
    if points == _BT709 and exponents in (_SRGB_CURVE, _BT709_CURVE):
        return None, ""  # pictures marked BT.709 are made and shown as sRGB
    return rgb_profile(points, exponents), ""


def from_gamma(gamma: float, chromaticities: Sequence[float]) -> tuple[bytes | None, str]:
    """A profile from PNG's ``gAMA`` and ``cHRM``; None for sRGB, and for invalid numbers.

    Args:
        gamma: the exponent that samples were made with, such as 0.45455.
        chromaticities: x and y of white, red, green and blue; empty for those of sRGB.
    """
    if not 1 / _WIDEST_GAMMA <= gamma <= _WIDEST_GAMMA:
        return None, "its gamma is invalid and was ignored"
    points = _BT709
    if chromaticities:
        white, red, green, blue = zip(chromaticities[::2], chromaticities[1::2], strict=True)
        points = (white, red, green, blue)
    near = np.abs(np.array(points) - np.array(_BT709)).max() <= _NEAR
    nearly_srgb = abs(gamma - 1 / 2.2) < 0.005
    if near and nearly_srgb:
        return None, ""
    try:
        return rgb_profile(points, _SRGB_CURVE if nearly_srgb else (1 / gamma,)), ""
    except (ValueError, np.linalg.LinAlgError, struct.error):
        return None, "its chromaticities are invalid and were ignored"


@lru_cache(maxsize=1)
def adobe_rgb() -> bytes:
    """Adobe RGB (1998), which cameras state in EXIF only."""
    return rgb_profile(_ADOBE, (563 / 256,))


def rgb_profile(points: tuple[Point, Point, Point, Point], curve: Curve) -> bytes:
    """An ICC profile, version 4.3, of a display with three primaries.

    Args:
        points: x and y of white, red, green and blue.
        curve: from stored samples to linear light; see ``_SRGB_CURVE``.

    Raises:
        ValueError, LinAlgError, struct.error: no light has such chromaticities.
    """
    if any(not (0 < x < 1 and 0 < y < 1 and x + y <= 1.001) for x, y in points):
        raise ValueError("chromaticities outside of the triangle")
    xyz = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in points])
    white, primaries = xyz[0], xyz[1:].T
    scaled = primaries * np.linalg.solve(primaries, white)
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    adaptation = adaptation @ _BRADFORD
    columns = (adaptation @ scaled).T
    kind = 0 if len(curve) == 1 else 3
    response = b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + _fixed(curve)
    tags = {
        b"desc": _text("RGB of the photo"),
        b"cprt": _text("CC0"),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50),
        b"chad": b"sf32\0\0\0\0" + _fixed(adaptation.ravel()),
        **{n: b"XYZ \0\0\0\0" + _fixed(c) for n, c in zip(_COLORANTS, columns, strict=True)},
        **{name: response for name in (b"rTRC", b"gTRC", b"bTRC")},
    }
    return _assembled(tags)


_COLORANTS = (b"rXYZ", b"gXYZ", b"bXYZ")


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    """Header, table and contents; equal contents are stored once."""
    start, table, body = 128 + 4 + 12 * len(tags), b"", b""
    places: dict[bytes, int] = {}
    for name, content in tags.items():
        if content not in places:
            places[content] = start + len(body)
            body += content + b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", places[content], len(content))
    head = struct.pack(">I4xI4s4s4s", start + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + _fixed(_D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _fixed(numbers: Sequence[float] | NDArray[np.float64]) -> bytes:
    """As s15Fixed16."""
    return b"".join(struct.pack(">i", round(float(number) * 65536)) for number in numbers)


def _text(words: str) -> bytes:
    data = words.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(data), 28) + data


@lru_cache(maxsize=16)
def _transform(source: bytes | None, target: bytes | None) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        _opened(source),
        _opened(target),
        "RGB",
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.HIGHRESPRECALC,
    )


def _opened(icc_profile: bytes | None) -> ImageCms.ImageCmsProfile:
    if icc_profile is None:
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
