"""The things that a subject consists of, and how they are found again in later frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances
from vx_detectron.video.fields import centre_and_size, iou, likeness, palette, share_within
from vx_detectron.video.motion import Motion

_SURE = 0.35  # detection score from which an instance is looked at
_SAME_PLACE = 0.3  # IoU from which a thing of the same class is the same thing
_SAME_ANYHOW = 0.5  # IoU from which it is the same thing under another name
_ALIKE = 0.55  # likeness of the colours of a thing that turns up elsewhere
_REACH = 1.5  # how far away it may turn up, in its own sizes, and
_REACH_PER_MISS = 1.0  # how much farther for every time it was missed
_KEEP = 0.8  # share of the old palette that is kept


@dataclass(eq=False)
class Member:
    """One thing of the subject.

    Attributes:
        label: of its class.
        mask: float32 (h, w), 0..1, where it was last seen, carried along since.
        colours: its palette.
        missed: how many times in a row the detector did not find it.
    """

    label: str
    mask: FloatArray
    colours: FloatArray
    missed: int = 0


@dataclass(frozen=True, eq=False)
class Sighting:
    """An instance of this frame: its place, its mask, float32 (h, w), and the same from 0.5 up."""

    index: int
    label: str
    score: float
    mask: FloatArray
    inside: BoolArray


def sightings(instances: Instances, size: tuple[int, int]) -> list[Sighting]:
    """The instances that are sure enough and visible at that size; regions are none."""
    found = []
    for index in range(len(instances)):
        if instances.is_region[index] or instances.scores[index] < _SURE:
            continue
        mask = instances.soft_mask(index, size)
        inside = mask >= 0.5
        if inside.any():
            found.append(
                Sighting(
                    index, instances.label(index), float(instances.scores[index]), mask, inside
                )
            )
    return found


def new_member(image: ByteArray, sighting: Sighting) -> Member:
    """A member as it is seen for the first time; the image has the mask's size."""
    return Member(sighting.label, sighting.mask, palette(image, sighting.inside))


def carry(members: Sequence[Member], motion: Motion) -> None:
    """Move the masks along with the picture."""
    for one in members:
        one.mask = motion.carry(one.mask)


def find_again(
    members: Sequence[Member],
    seen: Sequence[Sighting],
    image: ByteArray,
    others: FloatArray,
    *,
    elsewhere: bool = True,
    everywhere: bool = False,
) -> tuple[set[int], bool]:
    """Find the members among the sightings of a frame; they are brought up to date.

    Args:
        members: of the subject.
        seen: what the detector found.
        image: uint8 (h, w, 3), RGB, at the masks' size.
        others: float32 (h, w), where things are that are known to be others.
        elsewhere: a member may turn up near where it is expected.
        everywhere: a member may turn up anywhere in the frame.

    Returns:
        Which sightings, by their positions, are members; and whether one turned up elsewhere.
    """
    fits = sorted(
        (
            (_fit(one, sighting, image, others, everywhere), m, s)
            for m, one in enumerate(members)
            for s, sighting in enumerate(seen)
        ),
        reverse=True,
    )
    found: dict[int, int] = {}
    jumped = False
    for fit, m, s in fits:
        if fit <= (0 if elsewhere or everywhere else 1) or m in found or s in found.values():
            continue
        found[m] = s
        jumped |= fit < 1
    for m, one in enumerate(members):
        if m not in found:
            one.missed += 1
            continue
        sighting = seen[found[m]]
        one.mask, one.missed = sighting.mask, 0
        now = palette(image, sighting.inside)
        one.colours = np.asarray(_KEEP * one.colours + (1 - _KEEP) * now, dtype=np.float32)
    return set(found.values()), jumped


def _fit(
    member: Member, seen: Sighting, image: ByteArray, others: FloatArray, everywhere: bool
) -> float:
    """Above 1 for what is where it should be, above 0 for what may have turned up elsewhere."""
    expected = member.mask >= 0.5
    overlap, same = iou(expected, seen.inside), member.label == seen.label
    if overlap >= (_SAME_PLACE if same else _SAME_ANYHOW):
        return 1 + overlap
    if not same or share_within(seen.inside, others >= 0.5) >= 0.5:
        return 0.0
    alike = likeness(member.colours, palette(image, seen.inside))
    if alike < _ALIKE:
        return 0.0
    if everywhere or not expected.any():
        return 0.5 * alike if everywhere else 0.0
    (here, size), (there, _) = centre_and_size(expected), centre_and_size(seen.inside)
    distance = float(np.hypot(*(here - there))) / size
    reach = _REACH + _REACH_PER_MISS * member.missed
    return alike * (1 - distance / reach) if distance < reach else 0.0
