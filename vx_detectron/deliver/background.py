"""What can be behind the subject: the variants, and their names on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from vx_detectron.deliver.checks import Fit, Rgb, check_colour, check_fit, check_picture
from vx_detectron.errors import ConfigError
from vx_detectron.image_io import MAX_BYTES, MAX_PIXELS, Photo, read_photo
from vx_detectron.structures import ByteArray

_CHOICES = (
    "black, transparent, a colour such as orange, #f80, #ff8800 or rgb(255, 136, 0), "
    "gradient:COLOUR,COLOUR, blur, blur:PERCENT or picture:PATH"
)


@dataclass(frozen=True)
class Transparent:
    """Nothing: the result is RGBA.

    Example:
        >>> parse_background("transparent")
        Transparent()
    """


@dataclass(frozen=True)
class Colour:
    """One colour: red, green, blue, 0..255, in sRGB.

    Example:
        >>> parse_background("orange")
        Colour(rgb=(255, 165, 0))
    """

    rgb: Rgb = (0, 0, 0)

    def __post_init__(self) -> None:
        check_colour("rgb", self.rgb)


@dataclass(frozen=True)
class Gradient:
    """From one colour to another.

    Attributes:
        start: red, green, blue, 0..255, in sRGB.
        end: the other colour.
        angle: where the end lies, in degrees as in CSS: 0 is above, 90 right, 180 below.

    Example:
        >>> parse_background("gradient:white,#aaccee")
        Gradient(start=(255, 255, 255), end=(170, 204, 238), angle=180.0)
    """

    start: Rgb
    end: Rgb
    angle: float = 180.0

    def __post_init__(self) -> None:
        check_colour("start", self.start)
        check_colour("end", self.end)
        if not abs(self.angle) <= 360:
            raise ValueError(f"a gradient's angle must be -360 to 360 degrees, got {self.angle}")


@dataclass(frozen=True, eq=False)
class Picture:
    """Another picture.

    Attributes:
        pixels: uint8 (h, w, 3), RGB, any size.
        fit: ``cover`` fills the result and crops the rest; ``contain`` shows all of it.
        bars: the colour of what ``contain`` leaves empty, in sRGB.
        icc_profile: the RGB profile that the pixels are in; None means sRGB.

    Example:
        >>> from skimage import data
        >>> Picture(data.coffee(), fit="contain").pixels.shape
        (400, 600, 3)
    """

    pixels: ByteArray
    fit: Fit = "cover"
    bars: Rgb = (0, 0, 0)
    icc_profile: bytes | None = None

    @classmethod
    def from_photo(cls, photo: Photo, fit: Fit = "cover", bars: Rgb = (0, 0, 0)) -> Picture:
        """A photo as background, in its own colours; what is transparent in it becomes white."""
        return cls(photo.flat, fit, bars, photo.icc_profile)

    def __post_init__(self) -> None:
        check_picture("the background picture", self.pixels)
        check_fit(self.fit)
        check_colour("bars", self.bars)


@dataclass(frozen=True)
class PictureFile:
    """A picture that is still a file: ``read_background`` makes a ``Picture`` of it."""

    path: str
    fit: Fit = "cover"
    bars: Rgb = (0, 0, 0)

    def __post_init__(self) -> None:
        check_fit(self.fit)
        check_colour("bars", self.bars)


@dataclass(frozen=True)
class Blur:
    """The photo's own background, out of focus.

    Attributes:
        strength: standard deviation of the blur, in percent of the photo's diagonal.

    Example:
        >>> parse_background("blur:3")
        Blur(strength=3.0)
    """

    strength: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 100:
            raise ValueError(f"blur strength must be above 0 and up to 100 %, got {self.strength}")


Background: TypeAlias = Transparent | Colour | Gradient | Picture | Blur

BLACK = Colour((0, 0, 0))


def parse_background(text: str) -> Background | PictureFile:
    """Parse a background as written on the command line. No file is opened.

    Args:
        text: ``black``, ``transparent``, any colour CSS knows (``#f80``, ``rgb(255, 136, 0)``,
            ``orange``), ``gradient:white,#ace`` with its angle in degrees behind another comma if
            it does not run down, ``blur``, ``blur:3`` (percent of the diagonal), ``picture:PATH``.

    Returns:
        The background; for ``picture:`` a ``PictureFile`` that the caller has to read.

    Raises:
        ConfigError: anything else.
    """
    kind, _, value = text.strip().partition(":")
    kind = kind.strip().lower()
    if kind == "transparent" and not value:
        return Transparent()
    if kind == "blur":
        return _parse_blur(text, value)
    if kind == "picture":
        if not value.strip():
            raise ConfigError(f"background {text!r} does not name a file: write picture:PATH")
        return PictureFile(value.strip())
    if kind == "gradient":
        return _parse_gradient(text, value)
    return _parse_colour(text)


def read_background(
    background: str | Background | PictureFile,
    *,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> Background:
    """Turn any description of a background into the background; a picture's file is read.

    Args:
        background: text as ``parse_background`` takes it, or what it returns.
        max_pixels: the largest picture, width x height, as for photos.
        max_bytes: the largest file of one.

    Raises:
        ConfigError: the text does not name a background.
        ImageError: the picture cannot be read, or is larger than that.
    """
    if isinstance(background, str):
        background = parse_background(background)
    if not isinstance(background, PictureFile):
        return background
    photo = read_photo(background.path, max_pixels=max_pixels, max_bytes=max_bytes)
    return Picture.from_photo(photo, background.fit, background.bars)


def _parse_colour(text: str) -> Colour:
    from PIL import ImageColor

    try:
        colour = ImageColor.getrgb(text.strip())
    except ValueError as error:
        raise ConfigError(f"background must be {_CHOICES}; got {text!r}") from error
    if len(colour) != 3:
        raise ConfigError(f"background colours must be opaque, got {text!r}: leave out the alpha")
    try:
        return Colour(colour)
    except ValueError as error:
        raise ConfigError(f"background {text!r} is not a colour: {error}") from error


def _parse_gradient(text: str, value: str) -> Gradient:
    parts = re.split(r",(?![^(]*\))", value)  # rgb(1, 2, 3) has commas of its own
    try:
        start, end, *angle = parts
        return Gradient(
            _parse_colour(start).rgb, _parse_colour(end).rgb, *map(float, angle or ["180"])
        )
    except (ValueError, TypeError, ConfigError) as error:
        raise ConfigError(
            f"background {text!r}: write gradient:COLOUR,COLOUR or gradient:COLOUR,COLOUR,DEGREES, "
            "such as gradient:white,#aaccee,90"
        ) from error


def _parse_blur(text: str, value: str) -> Blur:
    if ":" not in text:
        return Blur()
    try:
        return Blur(float(value.strip().removesuffix("%")))
    except ValueError as error:
        raise ConfigError(
            f"background {text!r}: write blur or blur:PERCENT with a percentage of the photo's "
            "diagonal above 0 and up to 100, such as blur:3"
        ) from error
