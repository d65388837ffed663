"""From any pixel layout to 8-bit RGB and alpha, with the colour profile."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms
from PIL.TiffImagePlugin import TiffImageFile

from vx_detectron.errors import ImageError
from vx_detectron.image_io.opening import Decoded
from vx_detectron.image_io.png import key_alpha, png_facts
from vx_detectron.image_io.profiles import adobe_rgb, from_code_points, from_gamma, is_two_way

_GREY = ("1", "L", "LA", "La")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L")
_TIFF_BITS, _TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_NCLX, _NCLX_WITHIN = b"colrnclx", 2**18  # the box with the colours of AVIF and HEIF
_ADOBE_INTEROP = "R03"  # what EXIF calls Adobe RGB


def straighten(
    found: Decoded, notes: list[str]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None, bytes | None]:
    """The colours of the frame that the picture stands at, and its alpha.

    Args:
        found: loaded, in any of Pillow's modes.
        notes: receives a line for each thing its owner may want to know.

    Returns:
        The colours, uint8 (H, W, 3), RGB, not multiplied with alpha; alpha, uint8 (H, W), None
        where everything is opaque; and the profile the colours are in, None for sRGB.

    Raises:
        ImageError: its samples have no defined range, such as those of 32 bits.
    """
    image = found.image
    icc_profile, note = image.info.get("icc_profile"), ""
    key = None
    if found.kind == "PNG" and found.data:
        facts = png_facts(found.data)
        icc_profile, note = facts.icc_profile, facts.note
        key = key_alpha(found.data, image, facts)
    elif not icc_profile:
        icc_profile, note = _stated_space(found)
    notes += [note] if note else []
    if image.mode == "LAB":
        icc_profile = None  # it says how to print it; Lab itself needs none
    colour, alpha = _split(image, keyed=key is not None)
    rgb, icc_profile = _to_rgb(colour, icc_profile, notes)
    alpha = key if alpha is None else alpha
    if alpha is not None and alpha.min() == 255:
        alpha = None
    return np.array(rgb), alpha, icc_profile


def _stated_space(found: Decoded) -> tuple[bytes | None, str]:
    """The profile of a colour space that is stated by numbers only."""
    info = found.image.info
    if found.kind == "PNG" and "gamma" in info and "srgb" not in info:
        return from_gamma(info["gamma"], info.get("chromaticity", ()))
    if found.kind in ("AVIF", "HEIF"):
        place = found.data.find(_NCLX, 0, _NCLX_WITHIN) + len(_NCLX)
        numbers = found.data[place : place + 4]
        if place >= len(_NCLX) and len(numbers) == 4:
            first, second = int.from_bytes(numbers[:2], "big"), int.from_bytes(numbers[2:], "big")
            return from_code_points(first, second)
    try:
        interop = found.image.getexif().get_ifd(ExifTags.IFD.Interop).get(1)
    except Exception:  # broken EXIF can raise anything; what is broken is noted elsewhere
        return None, ""
    stated = interop.decode("latin-1") if isinstance(interop, bytes) else str(interop)
    return (adobe_rgb() if stated.strip("\0 ") == _ADOBE_INTEROP else None), ""


def _split(image: Image.Image, *, keyed: bool) -> tuple[Image.Image, NDArray[np.uint8] | None]:
    """8-bit colours, and the alpha channel where there is one; a colour key is read already."""
    # PPM alone has 16-bit samples in mode I, scaled to the full range.
    if image.mode in _SIXTEEN_BIT or (image.mode == "I" and image.format == "PPM"):
        return _split_sixteen_bit(image), None
    if image.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return _through_profile(image, lab), None
    if image.mode not in _GREY + _COLOUR:
        raise ImageError(
            f"has samples of the kind {image.mode} (float or 32-bit), whose range in a photo "
            "is not defined; save it with 8 or 16 bits in RGB or grey"
        )
    if keyed or not image.has_transparency_data:
        return image, None
    grey = image.mode in _GREY
    whole = image.convert("LA" if grey else "RGBA")
    return whole.convert("L" if grey else "RGB"), np.array(whole.getchannel("A"))


def _split_sixteen_bit(image: Image.Image) -> Image.Image:
    """Grey of 9 to 16 bits. Pillow would clip it to 255, and forgets that TIFF may mean black."""
    samples = np.asarray(image)
    bits = 16
    if isinstance(image, TiffImageFile):
        bits = int(image.tag_v2[_TIFF_BITS][0])
        if image.tag_v2.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
            samples = (1 << bits) - 1 - samples
    return Image.fromarray((samples >> (bits - 8)).astype(np.uint8))


def _to_rgb(
    colour: Image.Image, icc_profile: bytes | None, notes: list[str]
) -> tuple[Image.Image, bytes | None]:
    """RGB, and its profile. Grey and CMYK become sRGB, through their own profile if it is sound."""
    if colour.mode == "1":
        colour = colour.convert("L")
    own = {"L": "GRAY", "CMYK": "CMYK"}.get(colour.mode, "RGB")
    # Grey may be stated in an RGB space: its equal reds, greens and blues.
    profile, space = _sound_profile(icc_profile, (own, "RGB") if own == "GRAY" else (own,), notes)
    if profile and icc_profile:
        colour = _as_rgb(colour) if space == "RGB" else colour
        if space == "RGB" and is_two_way(icc_profile):
            return colour, icc_profile
        try:
            return _through_profile(colour, profile), None
        except (ImageCms.PyCMSError, ValueError) as error:
            notes.append(f"its colour profile cannot be used and was ignored ({error})")
    if own == "CMYK":
        notes.append("CMYK without a usable colour profile: colours are approximate")
    return _as_rgb(colour), None


def _as_rgb(colour: Image.Image) -> Image.Image:
    return colour if colour.mode == "RGB" else colour.convert("RGB")


def _sound_profile(
    icc_profile: bytes | None, spaces: tuple[str, ...], notes: list[str]
) -> tuple[ImageCms.ImageCmsProfile | None, str]:
    """The profile and its colour space, if it can be parsed and is for one of these spaces."""
    if not icc_profile:
        return None, ""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        found = profile.profile.xcolor_space.strip()
    except (OSError, ValueError, TypeError):
        notes.append("its colour profile is broken and was ignored")
        return None, ""
    if found not in spaces:
        notes.append(f"its colour profile is for {found}, not {spaces[0]}, and was ignored")
        return None, ""
    return profile, found


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
        raise ValueError("no picture was returned")
    return converted
