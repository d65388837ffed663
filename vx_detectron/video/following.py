"""One subject through the frames of a video: chosen once, followed until the scene changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.engines import Eye
from vx_detectron.errors import ConfigError, SubjectError
from vx_detectron.pipeline import Isolator
from vx_detectron.refine.chosen import union_mask
from vx_detectron.refine.fusion import blend
from vx_detectron.refine.window import bounded_size
from vx_detectron.structures import ByteArray, FloatArray
from vx_detectron.subject import Choice, drop_second_names
from vx_detectron.video.evidence import look_around, weigh
from vx_detectron.video.fields import iou, resized, share_within
from vx_detectron.video.members import (
    Member,
    Sighting,
    carry,
    find_again,
    new_member,
    sightings,
)
from vx_detectron.video.motion import Motion, MotionFinder, own_motion
from vx_detectron.video.options import FollowOptions

Point = tuple[float, float]
State = Literal["chosen", "followed", "hidden", "none"]


@dataclass(frozen=True, eq=False)
class Followed:
    """What is known of the subject in one frame.

    Attributes:
        mask: float32 (h, w), 0..1, over the whole frame at the size it is followed at.
        state: ``chosen`` here, ``followed`` from before, ``hidden`` for now, or ``none``: the
            scene has no subject so far.
        reason: as text.
        labels: of the things that the subject consists of.
        cut: whether a new scene begins here.
        detected: whether the detector ran.
    """

    mask: FloatArray
    state: State
    reason: str
    labels: tuple[str, ...]
    cut: bool
    detected: bool


@dataclass(frozen=True)
class Marks:
    """The points that a person marks in one frame, each x, y in its pixels.

    Attributes:
        at: this is the subject, and nothing else.
        keep: this belongs to it too.
        drop: this does not.
    """

    at: Point | None = None
    keep: tuple[Point, ...] = ()
    drop: tuple[Point, ...] = ()


NO_MARKS = Marks()


class Follower:
    """Follows one subject. Give it the frames of one video in their order.

    Args:
        isolator: its detector runs every few frames, its eye at every frame.
        choice: which subject a person asks for, in the first frame of every scene that has it.
        options: how it is followed.
    """

    def __init__(
        self,
        isolator: Isolator,
        choice: Choice | None = None,
        options: FollowOptions | None = None,
    ) -> None:
        if isolator.eye is None:
            raise ConfigError("following a subject needs the eye; VX.EYE.NAME must not be none")
        self.isolator, self.choice = isolator, choice
        self.eye: Eye = isolator.eye
        self.options = options or FollowOptions()
        self._motion = MotionFinder()
        self._forget()

    def _forget(self) -> None:
        self._mask: FloatArray | None = None
        self._members: list[Member] = []
        self._others: FloatArray | None = None
        self._labels: tuple[str, ...] = ()
        self._reason = ""
        self._hidden = 0  # frames
        self._doubtful = False  # whether the eye saw something else than the mask shows
        self._count = 0  # frames since the last run of the detector

    def follow(
        self, image: ByteArray, later: ByteArray | None = None, marks: Marks = NO_MARKS
    ) -> Followed:
        """The subject in the next frame.

        Args:
            image: uint8 (H, W, 3), RGB.
            later: the same scene a few frames later (or earlier), if known: it shows what moves on
                its own is told from what stands still.
            marks: a person's marks in this frame.

        Raises:
            SubjectError: there is nothing at a mark.
        """
        motion = self._motion.find(image)
        cut = motion is not None and motion.cut
        if motion is None or cut:
            self._forget()
            at = Choice(point=marks.at) if marks.at else None
            chosen = self._choose(image, later, cut, at)
            return self._marked(image, chosen, marks)
        self._count += 1
        if marks.at:
            self._forget()
            return self._choose(image, later, cut=False, choice=Choice(point=marks.at))
        if self._mask is None:
            if self._count < self.options.detect_every:
                return self._nothing(image)
            return self._choose(image, later, cut=False)
        return self._marked(image, self._step(image, later, motion), marks)

    # --- choosing --------------------------------------------------------------------------------

    def _choose(
        self, image: ByteArray, later: ByteArray | None, cut: bool, choice: Choice | None = None
    ) -> Followed:
        choice = choice or self.choice
        self._count = 0
        size = self._size(image)
        opened = self.isolator.open(image)
        try:
            subject = opened.select(choice)
        except SubjectError as error:
            if choice is not self.choice:  # pointed at in this very frame
                raise
            self._reason = str(error)
            return self._nothing(image, cut, detected=True)
        self._reason = subject.reason
        if not subject:
            return self._nothing(image, cut, detected=True)
        small = _shrunk(image, size)
        chosen = set(subject.chosen)
        things = sightings(opened.instances, size)
        if not choice and later is not None and len(chosen) > 1:
            chosen -= self._standing(image, later, [one for one in things if one.index in chosen])
        mask = union_mask(opened.instances, sorted(chosen), size)
        if opened.instances.saliency is not None and not choice:
            mask = blend(mask, resized(opened.instances.saliency, size), 0.5)
        members = [one for one in things if one.index in chosen]
        self._members = [new_member(small, one) for one in members]
        self._others = _union([one for one in things if one.index not in chosen], mask)
        self._labels = tuple(opened.instances.label(index) for index in sorted(chosen))
        self._mask, self._hidden = mask, 0
        return Followed(mask, "chosen", self._reason, self._labels, cut, True)

    def _standing(self, image: ByteArray, later: ByteArray, things: Sequence[Sighting]) -> set[int]:
        """The indices of those that stand still while another one of their class moves."""
        own = own_motion(image, later)
        moves = [
            float(np.percentile(resized(own, one.inside.shape)[one.inside], 80)) for one in things
        ]
        standing = set()
        for one, moved in zip(things, moves, strict=True):
            most = max(
                m for other, m in zip(things, moves, strict=True) if other.label == one.label
            )
            if most >= self.options.moving and moved < self.options.standing * most:
                standing.add(one.index)
        return standing

    def _nothing(self, image: ByteArray, cut: bool = False, detected: bool = False) -> Followed:
        empty = np.zeros(self._size(image), dtype=np.float32)
        return Followed(empty, "none", self._reason, (), cut, detected)

    def _size(self, image: ByteArray) -> tuple[int, int]:
        return bounded_size((image.shape[0], image.shape[1]), self.options.side)

    # --- following -------------------------------------------------------------------------------

    def _step(self, image: ByteArray, later: ByteArray | None, motion: Motion) -> Followed:
        assert self._mask is not None and self._others is not None
        size, options = self._mask.shape, self.options
        prior, trust = motion.carry(self._mask), resized(motion.trust, size)
        carry(self._members, motion)
        self._others = motion.carry(self._others)
        every = 2 if self._hidden or self._doubtful else options.detect_every
        inside = prior >= 0.5
        shaken = bool(inside.any()) and float(trust[inside].mean()) < options.shaken
        detected = self._count >= every or shaken
        if detected:
            prior, trust = self._detect(image, prior, trust, lost=shaken or self._doubtful)
        if self._hidden > options.choose_again:
            self._forget()
            return self._choose(image, later, cut=False)
        if shaken:
            seen = resized(self.eye.look(image), size)
        else:
            seen = look_around(self.eye, image, prior, options)[0]
        things = _most([one.mask for one in self._members if one.missed <= 1], prior)
        confirmed = any(one.missed == 0 for one in self._members)
        self._mask = weigh(prior, trust, seen, things, self._others, options, confirmed)
        self._doubtful = iou(seen >= 0.5, self._mask >= 0.5) < options.doubt
        area = float((self._mask >= 0.5).mean())
        if area < options.hidden_area:
            self._hidden += 1
            reason = f"{self._named()} is hidden"
            return Followed(self._mask, "hidden", reason, self._labels, False, detected)
        self._hidden = 0
        return Followed(self._mask, "followed", self._reason, self._labels, False, detected)

    def _detect(
        self, image: ByteArray, prior: FloatArray, trust: FloatArray, lost: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Bring the members up to date; what turned up elsewhere takes its prior along.

        As long as the eye agrees with the mask, a member that the detector misses has not moved:
        somebody else who looks like it has come near.
        """
        assert self._others is not None
        self._count = 0
        size = prior.shape
        found = drop_second_names(self.isolator.detector.predict(image))
        seen = sightings(found, (size[0], size[1]))
        small = _shrunk(image, size)
        gone = self._hidden > 0
        mine, jumped = find_again(
            self._members, seen, small, self._others, elsewhere=lost, everywhere=gone
        )
        rest = [one for s, one in enumerate(seen) if s not in mine]
        if jumped or (gone and mine):
            now = _most([seen[s].mask for s in mine], prior)
            return now, np.ones_like(trust)
        inside = prior >= 0.5
        others = [
            one
            for one in rest
            if one.score >= 0.5
            and share_within(inside, one.inside) < 0.5
            and (
                share_within(one.inside, inside) < 0.35
                or share_within(one.inside, self._others >= 0.5) >= 0.5
            )
        ]
        self._others = _union(others, _most([seen[s].mask for s in mine], prior))
        return prior, trust

    def _marked(self, image: ByteArray, followed: Followed, marks: Marks) -> Followed:
        """The same, with what a person keeps and without what they drop."""
        if not (marks.keep or marks.drop):
            return followed
        size = (followed.mask.shape[0], followed.mask.shape[1])
        small = _shrunk(image, size)
        opened = self.isolator.open(image)
        mask, others = followed.mask.copy(), self._others
        others = np.zeros_like(mask) if others is None else others
        labels = list(self._labels)
        for point, kept in [(p, True) for p in marks.keep] + [(p, False) for p in marks.drop]:
            (index,) = opened.select(Choice(point=point)).chosen
            part = union_mask(opened.instances, [index], size)
            label = opened.instances.label(index)
            if kept:
                mask, others = np.maximum(mask, part), others * (1 - part)
                labels.append(label)
                self._members += [
                    new_member(small, one)
                    for one in sightings(opened.instances, size)
                    if one.index == index
                ]
            else:
                mask, others = mask * (1 - part), np.maximum(others, part)
                self._members = [
                    one for one in self._members if iou(one.mask >= 0.5, part >= 0.5) < 0.5
                ]
                if label in labels:
                    labels.remove(label)
        self._mask, self._others = np.asarray(mask, np.float32), np.asarray(others, np.float32)
        self._labels = tuple(labels)
        if not (self._mask >= 0.5).any():
            raise SubjectError("nothing is left of the subject after the drops")
        self._reason = self._reason or "pointed at by a person"
        return replace(followed, mask=self._mask, state="followed", labels=self._labels)

    # --- what it knows, to go on later -----------------------------------------------------------

    def state(self) -> dict[str, NDArray[Any]]:
        """All that is known, as plain arrays."""
        known: dict[str, NDArray[Any]] = {
            "labels": np.array(self._labels, dtype=np.str_),
            "reason": np.array(self._reason),
            "counts": np.array([self._hidden, self._count, self._doubtful], dtype=np.int64),
            "member_labels": np.array([one.label for one in self._members], dtype=np.str_),
            "missed": np.array([one.missed for one in self._members], dtype=np.int64),
            **self._motion.state(),
        }
        if self._mask is not None and self._others is not None:
            known |= {"mask": self._mask, "others": self._others}
        for number, one in enumerate(self._members):
            known |= {f"mask{number}": one.mask, f"colours{number}": one.colours}
        return known

    def restore(self, known: Mapping[str, NDArray[Any]]) -> None:
        """Continue from the output of ``state``.

        Raises:
            KeyError, ValueError: it is not such a record.
        """
        self._forget()
        self._motion.restore(known)
        self._labels = tuple(str(one) for one in known["labels"])
        self._reason = str(known["reason"])
        self._hidden, self._count = int(known["counts"][0]), int(known["counts"][1])
        self._doubtful = bool(known["counts"][2])
        if "mask" in known:
            self._mask, self._others = known["mask"], known["others"]
        self._members = [
            Member(str(label), known[f"mask{n}"], known[f"colours{n}"], int(known["missed"][n]))
            for n, label in enumerate(known["member_labels"])
        ]

    def _named(self) -> str:
        return "the " + " and the ".join(self._labels) if self._labels else "the subject"


def _shrunk(image: ByteArray, size: tuple[int, ...]) -> ByteArray:
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA))


def _most(masks: Sequence[FloatArray], like: FloatArray) -> FloatArray:
    """The largest of each pixel; zeros for no mask."""
    most = np.zeros_like(like)
    for mask in masks:
        np.maximum(most, mask, out=most)
    return most


def _union(things: Sequence[Sighting], without: FloatArray) -> FloatArray:
    """The masks of things, less what another mask covers."""
    return np.asarray(_most([one.mask for one in things], without) * (1 - without), np.float32)
