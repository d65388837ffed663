"""The finished picture: crop, put the subject in front of its background, or show the mask."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.deliver.background import BLACK, Background, Blur, Transparent
from vx_detectron.deliver.checks import check_alpha, check_pair
from vx_detectron.deliver.foreground import estimate_foreground
from vx_detectron.deliver.paint import paint
from vx_detectron.deliver.placement import Placement, lay_out
from vx_detectron.deliver.shadow import Shadow
from vx_detectron.image_io import Photo
from vx_detectron.image_io.transparency import lay_over
from vx_detectron.structures import ByteArray, FloatArray

AS_IT_IS = Placement()

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
    placement: Placement = AS_IT_IS,
    shadow: Shadow | None = None,
    decontaminate: float = 1.0,
) -> ByteArray:
    """Put the subject in front of a background.

    Args:
        image: uint8 (H, W, 3), RGB; of a photo with transparency its straight colours.
        alpha: float32 (H, W), 0 = background .. 1 = subject.
        background: what to put behind the subject; its colours are converted to the photo's space.
        crop: cut the result to the subject's box and ``margin``.
        margin: space around the subject, as a share of its longer side; only with ``crop`` or a
            canvas.
        icc_profile: the RGB profile that ``image`` is in, and the result too; None means sRGB.
        own_alpha: uint8 (H, W), the photo's own transparency: where alpha is that and no less,
            nothing of a background is mixed into the colours.
        placement: the canvas, and the subject's size and place on it.
        shadow: the shadow that the subject casts on the background, if any.
        decontaminate: 0..1, how much of the old background's colour to remove from the edge.

    Returns:
        uint8 (h, w, 3), RGB; (h, w, 4), RGBA with straight alpha, for ``Transparent``. Inside
        the subject, but for a rim of 2 pixels (see ``estimate_foreground``), the photo's exact
        pixels, unless they are scaled; where alpha rounds to 0 the background's, which in RGBA
        are four zeros, or black with the shadow's alpha.

    Raises:
        ValueError: an array of another shape, dtype or range, a negative margin, or a crop beside
            a canvas.
    """
    check_pair(image, alpha)
    if not 0 <= decontaminate <= 1:
        raise ValueError(f"decontaminate must be 0 to 1, got {decontaminate!r}")
    layout = lay_out(alpha, placement, crop, margin)
    own = _own_colours(image, alpha, own_alpha, decontaminate)
    subject, share = layout.carry(own, alpha)
    opacity = mask_picture(share)
    dark = None if shadow is None else shadow.cast(share)
    if isinstance(background, Transparent):
        return _on_nothing(subject, share, opacity, dark)
    if own_alpha is not None and isinstance(background, Blur):
        image = lay_over(image, own_alpha)
    behind = paint(background, image, alpha, layout, icc_profile)
    if dark is not None:
        behind = np.rint(behind * (1 - dark[..., None])).astype(np.uint8)
    rows, columns = np.divmod(np.flatnonzero((opacity > 0) & (opacity < 255)), opacity.shape[1])
    part = share[rows, columns][:, None]
    mixed = subject[rows, columns] * part + behind[rows, columns] * (1 - part)
    subject[rows, columns] = np.rint(mixed).astype(np.uint8)
    clear = (opacity == 0).view(np.uint8)
    for top in range(0, len(subject), _STRIP):
        strip = slice(top, top + _STRIP)
        # Many times as fast as NumPy's own copying where a mask says so.
        cv2.copyTo(np.ascontiguousarray(behind[strip]), clear[strip], subject[strip])
    return subject


def _on_nothing(
    subject: ByteArray, share: FloatArray, opacity: ByteArray, dark: FloatArray | None
) -> ByteArray:
    """RGBA, with the shadow as black that is half transparent."""
    if dark is None:
        seen = cv2.copyTo(subject, opacity, np.zeros_like(subject))
        return np.asarray(cv2.merge([*cv2.split(seen), opacity]), dtype=np.uint8)
    whole = share + dark * (1 - share)
    colours = subject * (share / np.maximum(whole, 1e-6))[..., None]
    rgba = np.dstack([np.rint(colours).astype(np.uint8), mask_picture(whole.clip(0, 1))])
    rgba[rgba[..., 3] == 0] = 0
    return rgba


def compose_photo(
    photo: Photo,
    alpha: FloatArray,
    background: Background = BLACK,
    *,
    crop: bool = False,
    margin: float = 0.05,
    placement: Placement = AS_IT_IS,
    shadow: Shadow | None = None,
    decontaminate: float = 1.0,
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
        placement=placement,
        shadow=shadow,
        decontaminate=decontaminate,
    )


def _own_colours(
    image: ByteArray, alpha: FloatArray, own_alpha: ByteArray | None, decontaminate: float
) -> ByteArray:
    """The subject's own colours; what was transparent before has them already."""
    if not decontaminate:
        return image.copy()
    if own_alpha is None:
        own = estimate_foreground(image, alpha)
    else:
        unmixed = (own_alpha < 255) & (alpha >= (own_alpha - _HALF_LEVEL) / 255)
        own = estimate_foreground(image, np.where(unmixed, np.float32(1), alpha), own_alpha)
    if decontaminate == 1:
        return own
    return np.asarray(cv2.addWeighted(own, decontaminate, image, 1 - decontaminate, 0))


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
