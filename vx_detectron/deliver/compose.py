"""The finished picture: crop, put the subject before its background, or show the mask."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.deliver.background import BLACK, Background, Blur, Transparent
from vx_detectron.deliver.checks import check_alpha, check_pair
from vx_detectron.deliver.foreground import estimate_foreground
from vx_detectron.deliver.paint import paint
from vx_detectron.image_io import Photo
from vx_detectron.image_io.transparency import lay_over
from vx_detectron.structures import ByteArray, FloatArray

Box = tuple[int, int, int, int]

_STRIP = 256  # rows that are filled at a time; a plain background is only made for these
_HALF_LEVEL = np.float32(0.5)  # of 255


def compose(
    image: ByteArray,
    alpha: FloatArray,
    background: Background = BLACK,
    *,
    crop: bool = False,
    margin: float = 0.05,
    icc_profile: bytes | None = None,
    own_alpha: ByteArray | None = None,
) -> ByteArray:
    """Put the subject before a background.

    Args:
        image: uint8 (H, W, 3), RGB; of a photo with transparency its straight colours.
        alpha: float32 (H, W), 0 = background .. 1 = subject.
        background: what to put behind the subject; its colours are carried into the photo's space.
        crop: cut the result to the subject's box and ``margin``.
        margin: space around the subject, as a share of its longer side; only with ``crop``.
        icc_profile: the RGB profile that ``image`` is in, and the result too; None means sRGB.
        own_alpha: uint8 (H, W), the photo's own transparency: where alpha is that and no less,
            nothing of a background is mixed into the colours.

    Returns:
        uint8 (h, w, 3), RGB; (h, w, 4), RGBA with straight alpha, for ``Transparent``. Inside
        the subject, but for a rim of 2 pixels (see ``estimate_foreground``), the photo's exact
        pixels; where alpha rounds to 0 the background's, which in RGBA are four zeros.

    Raises:
        ValueError: an array of another shape, dtype or range, or a negative margin.
    """
    check_pair(image, alpha)
    x0, y0, x1, y1 = crop_box(alpha, margin) if crop else (0, 0, alpha.shape[1], alpha.shape[0])
    view = slice(y0, y1), slice(x0, x1)
    subject = _own_colours(image, alpha, own_alpha)[view]
    opacity = mask_picture(alpha)[view]
    if isinstance(background, Transparent):
        seen = cv2.copyTo(subject, opacity, np.zeros_like(subject))
        return np.asarray(cv2.merge([*cv2.split(seen), opacity]), dtype=np.uint8)
    if own_alpha is not None and isinstance(background, Blur):
        image = lay_over(image, own_alpha)
    behind = paint(background, image, alpha, view, icc_profile)
    rows, columns = np.divmod(np.flatnonzero((opacity > 0) & (opacity < 255)), opacity.shape[1])
    share = alpha[view][rows, columns][:, None]
    mixed = subject[rows, columns] * share + behind[rows, columns] * (1 - share)
    subject[rows, columns] = np.rint(mixed).astype(np.uint8)
    clear = (opacity == 0).view(np.uint8)
    for top in range(0, len(subject), _STRIP):
        strip = slice(top, top + _STRIP)
        # Many times as fast as NumPy's own copying where a mask says so.
        cv2.copyTo(np.ascontiguousarray(behind[strip]), clear[strip], subject[strip])
    return subject


def compose_photo(
    photo: Photo,
    alpha: FloatArray,
    background: Background = BLACK,
    *,
    crop: bool = False,
    margin: float = 0.05,
) -> ByteArray:
    """As ``compose``, with all that a photo says of its colours and its transparency."""
    return compose(
        photo.colours,
        alpha,
        background,
        crop=crop,
        margin=margin,
        icc_profile=photo.icc_profile,
        own_alpha=photo.alpha,
    )


def _own_colours(image: ByteArray, alpha: FloatArray, own_alpha: ByteArray | None) -> ByteArray:
    """The subject's own colours; what was transparent before has them already."""
    if own_alpha is None:
        return estimate_foreground(image, alpha)
    unmixed = (own_alpha < 255) & (alpha >= (own_alpha - _HALF_LEVEL) / 255)
    return estimate_foreground(image, np.where(unmixed, np.float32(1), alpha), own_alpha)


def crop_box(alpha: FloatArray, margin: float = 0.0) -> Box:
    """The box around everything visible.

    Args:
        alpha: float32 (H, W), 0..1.
        margin: space around it, as a share of its longer side, 0 or more.

    Returns:
        x0, y0, x1, y1 in whole pixels, x1 and y1 exclusive, within the photo. The whole photo
        when nothing is visible.

    Raises:
        ValueError: alpha of another shape, dtype or range, or a negative margin.
    """
    check_alpha(alpha)
    if not 0 <= margin < np.inf:
        raise ValueError(f"margin must be 0 or more, as a share of the subject, got {margin!r}")
    height, width = alpha.shape
    visible = alpha >= 0.5 / 255  # what a picture of 256 levels can show
    columns, rows = (np.flatnonzero(visible.any(axis=axis)) for axis in (0, 1))
    if not len(rows):
        return 0, 0, width, height
    x0, x1, y0, y1 = int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1
    space = round(margin * max(x1 - x0, y1 - y0))
    return max(x0 - space, 0), max(y0 - space, 0), min(x1 + space, width), min(y1 + space, height)


def mask_picture(alpha: FloatArray) -> ByteArray:
    """Alpha as a grey picture.

    Args:
        alpha: float32 (H, W), 0..1.

    Returns:
        uint8 (H, W), 0 = background .. 255 = subject.

    Raises:
        ValueError: alpha of another shape, dtype or range.
    """
    check_alpha(alpha)
    return np.asarray(cv2.convertScaleAbs(alpha, alpha=255))  # rounds, without a large float array
