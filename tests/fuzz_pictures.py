"""Thousands of damaged pictures through every decoder: a photo or an ImageError, and nothing else.

Run it by itself, with its seed, so that each finding can be had again:

    python tests/fuzz_pictures.py --count 12000 --seed 1

Each picture is read, its size is read from its head, and what could be read is put before a
background, written and read again. All of that happens in a process of its own, which a watchdog
kills after 10 seconds over one picture. A finding is a crash, a hang, any other exception, a
process that grew beyond the bound, or a picture of ours that cannot be read back.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import os
import random
import struct
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from picture_files import SRGB, encoded, linear_grey_profile, odd_cmyk_profile, png
from PIL import Image, ImageCms

from vx_detectron.deliver import Colour, compose_photo
from vx_detectron.errors import ImageError
from vx_detectron.image_io import Photo, read_photo, read_size, write_picture
from vx_detectron.image_io.profiles import adobe_rgb

MAX_PIXELS = 4_000_000
MAX_SECONDS = 10.0  # over one picture
MAX_GROWTH = 512 * 2**20  # bytes of memory, over what the process had before: 128 a pixel

_DELIVERED = 3 * 250_000  # larger ones are read only: it is the reader that is tried
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "HEIF", "MPO", "ICO", "PPM")
_NUMBERS = (0, 1, 2, 3, 4, 8, 16, 32, 127, 128, 255, 256, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


# --- what is damaged ---------------------------------------------------------------------------


def _scene() -> Image.Image:
    """Edges, ramps and noise, 48 x 40."""
    rows, columns = np.mgrid[:40, :48]
    noise = np.random.default_rng(0).integers(0, 30, (40, 48, 3))
    ramp = np.stack([rows * 6, columns * 5, (rows + columns) * 2], axis=-1)
    disc = ((rows - 20) ** 2 + (columns - 24) ** 2 < 150)[..., None]
    return Image.fromarray(np.clip(np.where(disc, 250 - ramp, ramp) + noise, 0, 255).astype("u1"))


def _to_lab() -> Any:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.buildTransform(srgb, lab, "RGB", "LAB")


def _floats(picture: Image.Image, channels: int, depth: str) -> bytes:
    """A TIFF of floating-point numbers, compressed with LZW."""
    values = (
        np.asarray(picture.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])).astype(depth) / 255
    )
    done, data = cv2.imencode(".tiff", values, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    assert done
    return data.tobytes()


def seeds() -> dict[str, list[bytes]]:
    """Sound pictures of each format, in many layouts."""
    flat = _scene()
    clear = flat.convert("RGBA")
    clear.putalpha(flat.convert("L"))
    grey = flat.convert("L")
    exif = Image.Exif()
    exif[274], exif[271] = 6, "maker"
    frames: dict[str, Any] = {"save_all": True, "append_images": [flat.rotate(90), flat]}
    deep = struct.pack(">48H", *range(0, 48_000, 1000))
    found = {
        "PNG": [
            encoded(flat, "PNG", icc_profile=SRGB, exif=exif, dpi=(300, 300)),
            encoded(clear, "PNG"),
            encoded(grey, "PNG", icc_profile=linear_grey_profile()),
            encoded(flat.quantize(9), "PNG", transparency=bytes([0, 128, 255])),
            encoded(flat.convert("1"), "PNG"),
            encoded(flat, "PNG", **frames),
            png((48, 1), 16, 0, b"\0" + deep, (b"tRNS", b"\x03\xe8")),
            png((16, 1), 16, 2, b"\0" + deep, (b"tRNS", deep[:6]), (b"gAMA", b"\0\0\xb1\x8f")),
            png((2, 1), 8, 2, b"\0abcdef", (b"cICP", b"\x0c\x0d\0\1"), (b"tEXt", b"a\0b")),
        ],
        "JPEG": [
            encoded(flat, "JPEG", icc_profile=SRGB, exif=exif),
            encoded(flat, "JPEG", progressive=True, subsampling=0, icc_profile=adobe_rgb()),
            encoded(flat.convert("CMYK"), "JPEG", icc_profile=odd_cmyk_profile()),
            encoded(grey, "JPEG", restart_marker_rows=1),
        ],
        "WEBP": [
            encoded(clear, "WEBP", lossless=True, icc_profile=SRGB, exif=exif),
            encoded(flat, "WEBP", quality=60),
            encoded(clear, "WEBP", quality=60),
            encoded(flat, "WEBP", **frames),
        ],
        "TIFF": [
            encoded(image, "TIFF", **({"compression": kind} if kind else {}))
            for image in (flat, clear, grey, flat.convert("CMYK"), flat.quantize(9))
            for kind in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits")
        ]
        + [
            encoded(flat, "TIFF", compression="jpeg"),
            encoded(flat.convert("1"), "TIFF", compression="group4"),
            encoded(grey.convert("I;16"), "TIFF", compression="tiff_lzw"),
            encoded(flat, "TIFF", icc_profile=SRGB, exif=exif, **frames),
            encoded(ImageCms.applyTransform(flat, _to_lab()), "TIFF"),
            *(_floats(flat, channels, depth) for channels in (1, 3, 4) for depth in ("f4", "f8")),
        ],
        "GIF": [encoded(flat, "GIF"), encoded(clear, "GIF"), encoded(flat, "GIF", **frames)],
        "BMP": [encoded(one, "BMP") for one in (flat, clear, grey, flat.convert("1"))],
        "AVIF": [encoded(clear, "AVIF", icc_profile=SRGB), encoded(flat, "AVIF", quality=50)],
        "MPO": [encoded(flat, "MPO", exif=exif, **frames)],
        "ICO": [encoded(flat, "ICO", sizes=[(16, 16)])],
        "PPM": [encoded(flat, "PPM"), b"P5 48 1 65535\n" + deep, b"P3 1 1 255 1 2 3\n"],
    }
    try:
        import pillow_heif
    except ImportError:
        return found
    found["HEIF"] = []
    for one in (flat, clear):
        buffer = io.BytesIO()
        pillow_heif.from_pillow(one).save(buffer, quality=60)
        found["HEIF"].append(buffer.getvalue())
    return found


# --- how it is damaged -------------------------------------------------------------------------


def mutated(sound: dict[str, list[bytes]], seed: int, index: int) -> tuple[str, bytes]:
    """The format and bytes of one damaged picture, always the same for the same numbers."""
    chance = random.Random(f"{seed}:{index}")
    kind = FORMATS[index % len(FORMATS)]
    kind = kind if kind in sound else "TIFF"
    data = bytearray(chance.choice(sound[kind]))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        chance.choice(_DAMAGES)(data, chance, sound[kind])
    if kind == "PNG" and chance.random() < 0.7:
        return kind, _with_checksums(bytes(data))
    return kind, bytes(data)


def _place(data: bytearray, chance: random.Random) -> int:
    """Anywhere, and often near the front, where the structure is."""
    near = min(len(data), 200) if chance.random() < 0.6 else len(data)
    return chance.randrange(max(near, 1))


def _bits(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    for _ in range(chance.choice((1, 2, 8)) if data else 0):
        data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _number(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    width, order = chance.choice((1, 2, 4)), chance.choice(("big", "little"))
    start = _place(data, chance)
    value = chance.choice(_NUMBERS) % (1 << 8 * width)
    data[start : start + width] = value.to_bytes(width, order)  # type: ignore[arg-type]


def _cut(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _remove(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    start = _place(data, chance)
    del data[start : start + chance.choice((1, 2, 4, 16, 64))]


def _repeat(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    start = _place(data, chance)
    data[start:start] = data[start : start + chance.choice((1, 4, 32, 256))] * chance.choice((1, 9))


def _insert(data: bytearray, chance: random.Random, _: list[bytes]) -> None:
    start = _place(data, chance)
    data[start:start] = chance.randbytes(chance.choice((1, 4, 64)))


def _splice(data: bytearray, chance: random.Random, others: list[bytes]) -> None:
    other = chance.choice(others)
    start = chance.randrange(len(other))
    at = _place(data, chance)
    piece = other[start : start + chance.choice((8, 64, 512))]
    data[at : at + len(piece)] = piece


_DAMAGES: tuple[Callable[[bytearray, random.Random, list[bytes]], None], ...] = (
    *(_bits, _bits, _number, _number, _number, _cut, _remove, _repeat, _insert, _splice),
)


def _with_checksums(data: bytes) -> bytes:
    """The PNG with checksums that fit, so that the damage is not found at the door."""
    parts, place = [data[:8]], 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        body = data[place + 4 : place + 8 + length]
        if len(body) < 4 + length:
            break
        parts += [data[place : place + 4], body, struct.pack(">I", zlib.crc32(body))]
        place += length + 12
    return b"".join([*parts, data[place:]])


# --- what must hold ----------------------------------------------------------------------------


def check(data: bytes, folder: Path) -> str:
    """``photo`` or ``refused``; AssertionError or any other exception is a finding."""
    path = folder / "picture"
    path.write_bytes(data)
    try:
        size = read_size(path, max_pixels=MAX_PIXELS)
    except ImageError:
        size = None
    try:
        photo = read_photo(data, max_pixels=MAX_PIXELS)
    except ImageError as error:
        assert not isinstance(error.__cause__, MemoryError), "wanted more memory than there is"
        return "refused"
    assert size is None or size == photo.pixels.shape[:2], f"{size} before, {photo.pixels.shape}"
    assert photo.pixels.dtype == np.uint8 and photo.pixels.size <= 3 * MAX_PIXELS
    if photo.pixels.size <= _DELIVERED:
        _deliver(photo)
    return "photo"


def _deliver(photo: Photo) -> None:
    """A result of the photo can be written, and read again."""
    alpha = np.linspace(0, 1, photo.pixels.shape[1], dtype=np.float32)
    alpha = np.broadcast_to(alpha, photo.pixels.shape[:2]).copy()
    if photo.alpha is not None:
        alpha = np.minimum(alpha, photo.alpha / np.float32(255))
    result = compose_photo(photo, alpha, Colour((200, 40, 30)))
    file = io.BytesIO()
    write_picture(file, result, format="png", icc_profile=photo.icc_profile, dpi=photo.dpi)
    again = read_photo(file.getvalue(), max_pixels=MAX_PIXELS)
    np.testing.assert_array_equal(again.pixels, result)
    assert again.icc_profile == photo.icc_profile and not again.notes, again.notes


# --- the watchdog ------------------------------------------------------------------------------


def memory() -> int:
    """The most bytes that this process ever held."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _work(pipe: Connection, seed: int, start: int, count: int) -> None:
    """Check pictures from ``start`` on, and report each."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries complain there
    faulthandler.disable()
    sound = seeds()
    with tempfile.TemporaryDirectory() as folder:
        for data in (one for many in sound.values() for one in many):
            try:
                read_photo(data)  # whatever is loaded once is loaded now
            except ImageError:
                continue
        before = memory()
        for index in range(start, count):
            kind, data = mutated(sound, seed, index)
            began = time.monotonic()
            try:
                outcome = check(data, Path(folder))
            except Exception:
                outcome = "FINDING " + traceback.format_exc()
            grown = memory() - before
            if grown > MAX_GROWTH:
                outcome = f"FINDING memory grew by {grown:,} bytes"
            pipe.send((index, kind, outcome, time.monotonic() - began, grown))
            if grown > MAX_GROWTH:
                return
    pipe.send(None)


Report = tuple[int, str, str, float, int]


def outcomes(seed: int, count: int) -> Iterator[Report]:
    """Index, format, outcome, seconds and growth in memory of each picture."""
    index = 0
    while index < count:
        ours, theirs = get_context("spawn").Pipe(duplex=False)
        worker = get_context("spawn").Process(target=_work, args=(theirs, seed, index, count))
        worker.start()
        theirs.close()
        started = False
        while True:
            try:
                alive = ours.poll(MAX_SECONDS if started else 120)
                report = ours.recv() if alive else "hang"
            except EOFError:
                report = "crash"
            if report is None:
                index = count
                break
            if isinstance(report, str):
                worker.kill()
                worker.join()
                what = f"FINDING {report}, exit code {worker.exitcode}"
                yield index, FORMATS[index % len(FORMATS)], what, MAX_SECONDS, 0
                index += 1
                break
            yield report
            index, started = report[0] + 1, True
        worker.join()


def main() -> int:
    """Run, print what was found, and return 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, help="a folder for the pictures of findings")
    options = parser.parse_args()
    sound, counts = seeds(), Counter[tuple[str, str]]()
    slowest, largest, findings = 0.0, 0, 0
    for index, kind, outcome, seconds, grown in outcomes(options.seed, options.count):
        found = outcome.startswith("FINDING")
        counts[kind, "finding" if found else outcome] += 1
        slowest, largest = max(slowest, seconds), max(largest, grown)
        if found:
            findings += 1
            print(f"picture {index} ({kind}): {outcome}", flush=True)
            if options.save:
                options.save.mkdir(parents=True, exist_ok=True)
                data = mutated(sound, options.seed, index)[1]
                (options.save / f"{options.seed}-{index}.{kind.lower()}").write_bytes(data)
    for kind in FORMATS:
        row = ", ".join(f"{n} {word}" for (one, word), n in sorted(counts.items()) if one == kind)
        print(f"{kind:5} {row}")
    print(
        f"{counts.total()} pictures, seed {options.seed}: {findings} findings; slowest "
        f"{slowest:.2f} s; memory grew by {largest / 2**20:.0f} MiB at most"
    )
    return int(findings > 0)


if __name__ == "__main__":
    sys.exit(main())
