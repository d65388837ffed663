"""From any pixel layout to 8-bit RGB over white, and what becomes of the colour profile."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import TiffImageFile

from vx_detectron.errors import ImageError

_GREY = ("1", "L", "LA", "La")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L")
_TIFF_BITS, _TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0


def flatten(image: Image.Image, notes: list[str]) -> tuple[Image.Image, bytes | None, bool]:
    """A decoded picture as RGB over white.

    Args:
        image: loaded, in any of Pillow's modes.
        notes: gets a line for each thing its owner may want to know.

    Returns:
        The picture in mode RGB; the profile its colours are in, None for sRGB; and whether
        anything in it was transparent.

    Raises:
        ImageError: its samples have no defined range (float, 32-bit) or colours (Lab).
    """
    colour, alpha = _split(image)
    rgb, icc_profile = _to_rgb(colour, image.info.get("icc_profile"), notes)
    if alpha is None or alpha.getextrema()[0] == 255:
        return rgb, icc_profile, False
    notes.append("transparent parts are seen over white")
    white = Image.new("RGB", rgb.size, "white")
    return Image.composite(rgb, white, alpha), icc_profile, True


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Opaque 8-bit colours, and the alpha channel where there is one."""
    # PPM alone has 16-bit samples in mode I, scaled to the full range.
    if image.mode in _SIXTEEN_BIT or (image.mode == "I" and image.format == "PPM"):
        return _split_sixteen_bit(image)
    if image.mode not in _GREY + _COLOUR:
        raise ImageError(
            f"has samples of the kind {image.mode} (float, 32-bit or Lab), whose range in a photo "
            "is not defined; save it with 8 or 16 bits in RGB or grey"
        )
    if not image.has_transparency_data:
        return image, None
    grey = image.mode in _GREY
    image_with_alpha = image.convert("LA" if grey else "RGBA")
    return image_with_alpha.convert("L" if grey else "RGB"), image_with_alpha.getchannel("A")


def _split_sixteen_bit(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Grey of 9 to 16 bits. Pillow would clip it to 255, and forgets that TIFF may mean black."""
    samples = np.asarray(image)
    bits = 16
    if isinstance(image, TiffImageFile):
        bits = int(image.tag_v2[_TIFF_BITS][0])
        if image.tag_v2.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
            samples = (1 << bits) - 1 - samples
    grey = Image.fromarray((samples >> (bits - 8)).astype(np.uint8))
    see_through = image.info.get("transparency")
    if not isinstance(see_through, int):
        return grey, None
    return grey, Image.fromarray(np.where(samples == see_through, 0, 255).astype(np.uint8))


def _to_rgb(
    colour: Image.Image, icc_profile: bytes | None, notes: list[str]
) -> tuple[Image.Image, bytes | None]:
    """RGB, and its profile. Grey and CMYK become sRGB, through their own profile if it is sound."""
    if colour.mode == "1":
        colour = colour.convert("L")
    space = {"L": "GRAY", "CMYK": "CMYK"}.get(colour.mode, "RGB")
    profile = _sound_profile(icc_profile, space, notes)
    if profile and space == "RGB":
        return _as_rgb(colour), icc_profile
    if profile:
        try:
            return _through_profile(colour, profile), None
        except (ImageCms.PyCMSError, ValueError) as error:
            notes.append(f"its colour profile cannot be used and was ignored ({error})")
    if space == "CMYK":
        notes.append("CMYK without a usable colour profile: colours are approximate")
    return _as_rgb(colour), None


def _as_rgb(colour: Image.Image) -> Image.Image:
    return colour if colour.mode == "RGB" else colour.convert("RGB")


def _sound_profile(
    icc_profile: bytes | None, space: str, notes: list[str]
) -> ImageCms.ImageCmsProfile | None:
    """The profile, if it can be parsed and is for that colour space."""
    if not icc_profile:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        found = profile.profile.xcolor_space.strip()
    except (OSError, ValueError, TypeError):
        notes.append("its colour profile is broken and was ignored")
        return None
    if found != space:
        notes.append(f"its colour profile is for {found}, not {space}, and was ignored")
        return None
    return profile


def _through_profile(colour: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """To sRGB, relative colorimetric with black point compensation, as picture editors do."""
    converted = ImageCms.profileToProfile(
        colour,
        profile,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if converted is None:
        raise ValueError("no picture came back")
    return converted
