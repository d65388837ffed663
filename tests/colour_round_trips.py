"""Over a thousand photos through every colour space, format and background, and what others see.

Each photo is written in one colour space and format, read, put before a background by the same
``Finish`` that every door uses, and written. Then a judge that shares no code with this package,
littleCMS bound by imagecodecs, or ImageMagick, decodes photo and result and carries both to sRGB:

    python tests/colour_round_trips.py
    python tests/colour_round_trips.py --judge magick

The subject must look as it did, within 1/255, and the background as it was asked for. JPEG changes
colours by itself: of its results the mean counts, and so it does where JPEG is read.
"""

from __future__ import annotations

import argparse
import io
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from picture_files import SRGB, encoded, profile
from PIL import Image, TiffImagePlugin

from vx_detectron.deliver import Background, Blur, Colour, Picture, Transparent
from vx_detectron.deliver.finish import Finish
from vx_detectron.image_io import PictureFormat, read_photo

FloatArray = NDArray[np.float64]
ByteArray = NDArray[np.uint8]

TOLERANCE = 1.0  # of 255, for the subject
BACKGROUND_TOLERANCE = 2.0  # of 255: 8 bits in, 8 bits of another space out
FORMATS: tuple[PictureFormat, ...] = ("png", "jpg", "webp", "tiff")
SIDE = 48
CSS = (200, 120, 90)
_D65, _D50 = (0.3127, 0.3290), (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


# --- colour spaces, by the numbers of their standards ------------------------------------------


def _matrix_profile(red: Any, green: Any, blue: Any, gamma: float) -> bytes:
    """An ICC profile of version 2, made without the package's own maker."""
    points = np.array([_D65, red, green, blue])
    white, *columns = np.array([points[:, 0], points[:, 1], 1 - points.sum(axis=1)]).T
    primaries = np.array(columns).T
    primaries = primaries * np.linalg.solve(primaries, white / white[1])
    cone = _BRADFORD @ (white / white[1])
    adapted = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _D50) / cone) @ _BRADFORD @ primaries
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    xyz = [
        b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in column))
        for column in (_D50, *adapted.T)
    ]
    names = (b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ")
    curves = [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    made = bytearray(profile(b"RGB ", b"XYZ ", *zip(names, xyz, strict=True), *curves))
    made[12:16] = b"mntr"
    return bytes(made)


_SRGB_POINTS = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_P3_POINTS = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
SPACES: dict[str, bytes | None] = {
    "none stated": None,
    "sRGB": SRGB,
    "Display P3": _matrix_profile(*_P3_POINTS, 2.2),
    "Adobe RGB": _matrix_profile((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), 563 / 256),
    "BT.2020": _matrix_profile((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), 2.4),
    "wide gamut": _matrix_profile((0.735, 0.265), (0.115, 0.826), (0.157, 0.018), 2.2),
    "linear": _matrix_profile(*_SRGB_POINTS, 1.0),
    "gamma 1.8": _matrix_profile(*_SRGB_POINTS, 1.8),
}


# --- judges ------------------------------------------------------------------------------------


class LittleCms:
    """littleCMS and the decoders that imagecodecs binds."""

    def decode(self, data: bytes, kind: str) -> ByteArray:
        """The stored samples."""
        import imagecodecs

        decoders = {
            "png": imagecodecs.png_decode,
            "jpg": imagecodecs.jpeg8_decode,
            "webp": imagecodecs.webp_decode,
        }
        if kind == "tiff":
            import tifffile

            return np.asarray(tifffile.imread(io.BytesIO(data)), dtype=np.uint8)
        return np.asarray(decoders[kind](data), dtype=np.uint8)

    def to_srgb(self, pixels: ByteArray, icc_profile: bytes | None) -> FloatArray:
        """RGB, 0..255, not rounded."""
        if icc_profile is None:
            return pixels.astype(float)
        import imagecodecs

        seen = imagecodecs.cms_transform(
            pixels, icc_profile, SRGB, colorspace="rgb", outcolorspace="rgb", outdtype="uint16",
            intent=int(imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC),
            flags=int(imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION),
        )  # fmt: skip
        return np.asarray(seen, dtype=float) / 257


class Magick:
    """ImageMagick's ``convert``."""

    def decode(self, data: bytes, kind: str) -> ByteArray:
        """The stored samples."""
        shape = Image.open(io.BytesIO(data)).size[::-1]
        channels = "rgba" if Image.open(io.BytesIO(data)).mode == "RGBA" else "rgb"
        raw = _run(f"{kind}:-", "-depth", "8", f"{channels}:-", data=data)
        return np.frombuffer(raw, dtype=np.uint8).reshape(*shape, len(channels))

    def to_srgb(self, pixels: ByteArray, icc_profile: bytes | None) -> FloatArray:
        """RGB, 0..255, not rounded."""
        if icc_profile is None:
            return pixels.astype(float)
        image = encoded(pixels, "TIFF", icc_profile=icc_profile)
        with_profile = ("-intent", "relative", "-black-point-compensation", "-profile", _srgb())
        raw = _run("tiff:-", "-depth", "16", *with_profile, "-endian", "LSB", "rgb:-", data=image)
        return np.frombuffer(raw, dtype="<u2").reshape(pixels.shape).astype(float) / 257


@lru_cache(maxsize=1)
def _srgb() -> str:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".icc", delete=False) as file:
        file.write(SRGB)
    return file.name


@lru_cache(maxsize=1)
def magick() -> str | None:
    """ImageMagick's command, if it is there."""
    for name in ("magick", "convert", "/usr/bin/convert"):
        command = shutil.which(name)
        if (
            command
            and b"ImageMagick"
            in subprocess.run([command, "-version"], capture_output=True, check=False).stdout.split(
                b"https"
            )[0]
        ):
            return command
    return None


@lru_cache(maxsize=5000)  # many results are alike
def _run(*arguments: str, data: bytes) -> bytes:
    command = magick()
    assert command is not None, "ImageMagick is not installed"
    return subprocess.run([command, *arguments], input=data, capture_output=True, check=True).stdout


Judge = LittleCms | Magick


# --- one round trip ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One photo, one result."""

    space: str
    read_as: PictureFormat
    written_as: PictureFormat
    background: str

    @property
    def is_lossy(self) -> bool:
        """Whether a format changes colours by itself."""
        return "jpg" in (self.read_as, self.written_as)


@dataclass(frozen=True)
class Difference:
    """In 255ths of sRGB, as the judge sees it.

    Attributes:
        subject: of the subject's pixels; the largest, or the mean where a format is lossy.
        background: of the mean of the background; None where none was asked for by colour.
    """

    subject: float
    background: float | None


BACKGROUNDS = (
    *("black", "css", "blur", "transparent"),
    *(f"picture in {space}" for space in ("none stated", "Display P3", "Adobe RGB", "linear")),
    "picture with bars",
)


def cases() -> Iterator[Case]:
    """Every combination but JPEG without a background."""
    for one in product(SPACES, FORMATS, FORMATS, BACKGROUNDS):
        case = Case(*one)
        if (case.written_as, case.background) != ("jpg", "transparent"):
            yield case


def subject() -> ByteArray:
    """Smooth colours with dark and light ones, saturated and grey: uint8 (48, 48, 3)."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / (SIDE - 1)
    channels = [60 + 190 * rows, 40 + 200 * columns, 230 - 120 * (rows + columns) / 2 * rows]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


INSIDE = slice(SIDE // 4, SIDE - SIDE // 4)
_KINDS: dict[PictureFormat, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {}),
    "jpg": ("JPEG", {"quality": 100, "subsampling": 0}),
    "webp": ("WEBP", {"lossless": True}),
    "tiff": ("TIFF", {}),
}


def photo_of(case: Case) -> bytes:
    """The photo's file."""
    kind, options = _KINDS[case.read_as]
    icc_profile = SPACES[case.space]
    given = {"icc_profile": icc_profile} if icc_profile else {}
    return encoded(subject(), kind, **options, **given)


def round_trip(case: Case, judge: Judge) -> Difference:
    """Read, compose, write, and let the judge look at both."""
    data = photo_of(case)
    alpha = np.zeros((SIDE, SIDE), dtype=np.float32)
    alpha[INSIDE, INSIDE] = 1
    background, wanted = _background(case.background, judge)
    file = io.BytesIO()
    Finish(case.written_as, 100, background).write(file, read_photo(data), alpha)
    result = judge.decode(file.getvalue(), case.written_as)
    icc_profile = Image.open(io.BytesIO(file.getvalue())).info.get("icc_profile")
    seen = judge.to_srgb(np.ascontiguousarray(result[..., :3]), icc_profile)
    before = judge.to_srgb(judge.decode(data, case.read_as), SPACES[case.space])
    # JPEG mixes neighbours, so its blocks that hold the edge say nothing of the inside.
    core = slice(INSIDE.start + 8, INSIDE.stop - 8) if case.is_lossy else INSIDE
    difference = np.abs(seen - before)[core, core]
    corner = seen[: SIDE // 8, : SIDE // 8].reshape(-1, 3).mean(axis=0)
    behind = None if wanted is None else float(np.abs(corner - wanted).max())
    return Difference(float(difference.mean() if case.is_lossy else difference.max()), behind)


def _background(name: str, judge: Judge) -> tuple[Background, FloatArray | None]:
    """The background, and how it must look in sRGB."""
    if name == "blur":
        return Blur(), None
    if name == "transparent":
        return Transparent(), None
    if name == "black":
        return Colour((0, 0, 0)), np.zeros(3)
    if name == "css":
        return Colour(CSS), np.array(CSS, dtype=float)
    if name == "picture with bars":
        pixels = np.full((4, SIDE, 3), 99, dtype=np.uint8)
        return Picture(pixels, "contain", CSS), np.array(CSS, dtype=float)
    icc_profile = SPACES[name.removeprefix("picture in ")]
    pixels = np.full((9, 9, 3), (150, 140, 130), dtype=np.uint8)
    given = {"icc_profile": icc_profile} if icc_profile else {}
    behind = Picture.from_photo(read_photo(encoded(pixels, "PNG", **given)))
    return behind, judge.to_srgb(pixels, icc_profile)[0, 0]


def is_good(difference: Difference) -> bool:
    """Whether nobody could tell subject and background from what they were meant to be."""
    behind = difference.background is None or difference.background <= BACKGROUND_TOLERANCE
    return difference.subject <= TOLERANCE and behind


def main() -> int:
    """Run all, print the worst of each kind, and return 1 if any is not good."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--judge", choices=("littlecms", "magick"), default="littlecms")
    judge = Magick() if parser.parse_args().judge == "magick" else LittleCms()
    TiffImagePlugin.logger.disabled = True
    worst: dict[tuple[str, str], float] = {}
    count = bad = 0
    for case in cases():
        difference = round_trip(case, judge)
        count += 1
        kind = "mean, lossy format" if case.is_lossy else "largest"
        key = case.space, f"subject ({kind})"
        worst[key] = max(worst.get(key, 0), difference.subject)
        if difference.background is not None:
            key = case.space, "background"
            worst[key] = max(worst.get(key, 0), difference.background)
        if not is_good(difference):
            bad += 1
            print(f"NOT GOOD {case}: {difference}")
    for (space, what), value in sorted(worst.items()):
        print(f"{space:12} {what:32} {value:5.2f} / 255")
    print(f"{count} round trips, {bad} not good")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
