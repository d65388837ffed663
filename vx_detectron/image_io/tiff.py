"""TIFF as Pillow reads it, but for the layouts that it takes for others without noticing."""

from __future__ import annotations

from typing import Any

from PIL import Image
from PIL.ImageFile import _Tile
from PIL.TiffImagePlugin import COMPRESSION_INFO, TiffImageFile

from vx_detectron.errors import ImageError
from vx_detectron.image_io.floats import read_floats

_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR = 258, 259, 262, 277, 284
_ORIENTATION, _EXTRA, _SAMPLE_FORMAT, _SUBFILE, _DNG_VERSION = 274, 338, 339, 254, 50706
_PHOTOMETRICS = {
    0: "grey (white is zero)",
    1: "grey",
    2: "RGB",
    3: "palette",
    5: "CMYK",
    6: "YCbCr",
    8: "Lab",
    9: "ICC Lab",
    32803: "a camera's raw data",
}
_SAMPLE_FORMATS = {1: "", 2: " signed", 3: " float"}
_UNSIGNED, _FLOAT, _SEPARATE, _ALPHAS, _YCBCR = 1, 3, 2, (1, 2), 6
# The numbers of samples that floating-point pictures are read with, by photometric.
_FLOAT_SAMPLES = {0: (1,), 1: (1,), 2: (3, 4)}
# What libtiff is asked for, by Pillow's mode and the bits of a sample.
_PLANES = {
    ("RGB", 8): "RGB",
    ("RGB", 16): "RGB;16N",
    ("RGBA", 8): "RGBA",
    ("RGBA", 16): "RGBA;16N",
    ("CMYK", 8): "CMYK",
    ("CMYK", 16): "CMYK;16N",
}


class Tiff(TiffImageFile):
    """Refuses by name what would become noise; reads 16-bit planes and floating-point numbers.

    The bounds were found with tifffile and ImageMagick as judges: see the tests.

    Attributes:
        notes: what was done to its samples, once it is loaded.
    """

    notes: tuple[str, ...] = ()
    _floats = False

    def _setup(self) -> None:
        if self.tell() == 0:  # what follows may well be previews
            self._expect_photo()
            self._floats = self._has_floats()
            if self._floats:
                # All but the samples is as in a picture of 8 bits: let Pillow take it for one.
                for tag, value in ((_BITS, 8), (_SAMPLE_FORMAT, _UNSIGNED)):
                    self.tag_v2[tag] = (value,) * int(self.tag_v2.get(_SAMPLES, 1))
        elif self._floats:
            raise ImageError("holds floating-point pictures, of which only the first is read")
        try:
            super()._setup()  # type: ignore[no-untyped-call,unused-ignore]
        except (SyntaxError, KeyError, IndexError) as error:
            raise self._refusal() from error
        if self.tag_v2.get(_PLANAR) == _SEPARATE and self.tag_v2.get(_SAMPLES, 1) > 1:
            self._read_planes()

    def load(self) -> Any:
        """As Pillow's, but for floating-point numbers."""
        if self._floats and self._im is None and self.fp is not None:
            self.fp.seek(0)
            found = read_floats(self.fp.read())
            if found is None:
                raise ImageError(
                    "is a TIFF of floating-point numbers that cannot be decoded; save it "
                    "without compression, or with 8 or 16 bits"
                )
            pixels, self.notes = found
            arguments: Any = self.tile[0].args
            layout = arguments[0]  # such as RGBa, which is multiplied with alpha
            size = pixels.shape[1], pixels.shape[0]
            self.im = Image.frombytes(self.mode, size, pixels.tobytes(), "raw", layout).im
            self.tile = []
            # OpenCV has turned it already.
            self.tag_v2.pop(_ORIENTATION, None)
            self.getexif().pop(_ORIENTATION, None)
        return super().load()

    def _has_floats(self) -> bool:
        bits, samples = set(self._numbers(_BITS)), int(self.tag_v2.get(_SAMPLES, 1))
        kind = int(self.tag_v2.get(_PHOTOMETRIC, 0))
        apart = self.tag_v2.get(_PLANAR) == _SEPARATE and samples > 1
        return (
            set(self._numbers(_SAMPLE_FORMAT)) == {_FLOAT}
            and (bits <= {32} or bits <= {64})
            and samples in _FLOAT_SAMPLES.get(kind, ())
            and not apart
        )

    def _expect_photo(self) -> None:
        reduced = self.tag_v2.get(_SUBFILE, 0) == 1
        if reduced or _DNG_VERSION in self.tag_v2:
            raise ImageError(
                "holds a preview first, as a camera's raw file does; export the photo as JPEG "
                "or TIFF"
            )
        if any(one == 2 for one in self._numbers(_SAMPLE_FORMAT)):
            raise self._refusal()  # Pillow would take signed bytes for unsigned ones

    def _read_planes(self) -> None:
        """Each channel lies by itself. Pillow's own reader takes 16 bits for 8: libtiff reads."""
        if self.tag_v2.get(_PHOTOMETRIC) == _YCBCR:
            if self._compression == "raw":
                raise self._refusal()
            return
        layout = self.mode, max(self._numbers(_BITS))
        if layout not in _PLANES:
            raise self._refusal()  # of grey with alpha, the alpha would be lost
        width, height = self._tile_size
        arguments = (_PLANES[layout], False, self.tag_v2.offset)
        self.tile = [_Tile("libtiff", (0, 0, width, height), 0, arguments)]
        self.use_load_libtiff = True

    def _refusal(self) -> ImageError:
        bits = sorted(set(self._numbers(_BITS) or (1,)))
        format = (self._numbers(_SAMPLE_FORMAT) or (_UNSIGNED,))[0]
        kind = int(self.tag_v2.get(_PHOTOMETRIC) or 0)
        words = f"{'/'.join(map(str, bits))}-bit{_SAMPLE_FORMATS.get(format, ' undefined')} "
        words += _PHOTOMETRICS.get(kind, f"photometric {kind}")
        if any(one in _ALPHAS for one in self._numbers(_EXTRA)):
            words += " with alpha"
        if self.tag_v2.get(_PLANAR) == _SEPARATE:
            words += " in separate planes"
        compression = self.tag_v2.get(_COMPRESSION, 1)
        if compression not in COMPRESSION_INFO:
            words += f", compression {compression}"
        return ImageError(
            f"is a TIFF of an unsupported kind: {words}; save it with 8 or 16 bits in RGB or grey"
        )

    def _numbers(self, tag: int) -> tuple[int, ...]:
        value = self.tag_v2.get(tag, ())
        return tuple(value) if isinstance(value, tuple) else (value,)
