"""TIFF as Pillow reads it, but for the layouts that it takes for others without noticing."""

from __future__ import annotations

from PIL.ImageFile import _Tile
from PIL.TiffImagePlugin import COMPRESSION_INFO, TiffImageFile

from vx_detectron.errors import ImageError

_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR = 258, 259, 262, 277, 284
_EXTRA, _SAMPLE_FORMAT, _SUBFILE, _DNG_VERSION = 338, 339, 254, 50706
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
_UNSIGNED, _SEPARATE, _ALPHAS, _YCBCR = 1, 2, (1, 2), 6
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
    """Refuses by name what would become noise, and reads 16-bit planes rightly.

    The bounds were found with tifffile and ImageMagick as judges: see the tests.
    """

    def _setup(self) -> None:
        if self.tell() == 0:  # what follows may well be previews
            self._expect_photo()
        try:
            super()._setup()  # type: ignore[no-untyped-call,unused-ignore]
        except (SyntaxError, KeyError, IndexError) as error:
            raise self._refusal() from error
        if self.tag_v2.get(_PLANAR) == _SEPARATE and self.tag_v2.get(_SAMPLES, 1) > 1:
            self._read_planes()

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
            f"is a TIFF of a kind that is not read here: {words}; save it with 8 or 16 bits in "
            "RGB or grey"
        )

    def _numbers(self, tag: int) -> tuple[int, ...]:
        value = self.tag_v2.get(tag, ())
        return tuple(value) if isinstance(value, tuple) else (value,)
