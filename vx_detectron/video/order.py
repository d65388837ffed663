"""The request for a run over a video."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from vx_detectron.errors import ConfigError
from vx_detectron.subject import Choice
from vx_detectron.video.backdrop import Behind
from vx_detectron.video.following import Marks, Point
from vx_detectron.video.options import FollowOptions
from vx_detectron.video.writing import Format


@dataclass(frozen=True)
class Pointed:
    """A point that a person marks.

    Attributes:
        point: x, y in pixels of the upright frame.
        time: in seconds.
    """

    point: Point
    time: float


@dataclass(frozen=True)
class VideoOrder:
    """What is read, what is cut, and what is written.

    Attributes:
        source: the video.
        output: the file, or the folder of PNGs.
        format: of the output.
        behind: the background.
        mask_only: the mask as a grey video instead.
        quality: the encoder's constant rate factor; None for the format's own.
        sound: whether the sound is kept.
        start, end: the part that is wanted, in seconds.
        choice: which subject, in the first frame of a scene.
        at: this is the subject from that time on.
        keep, drop: this belongs to it, or does not, from that time on.
        crop: cut every picture to one box around the subject of all frames.
        margin: of that box, as a share of its longer side.
        follow: how the subject is followed.
    """

    source: Path
    output: Path
    format: Format
    behind: Behind
    mask_only: bool = False
    quality: int | None = None
    sound: bool = True
    start: float = 0.0
    end: float = math.inf
    choice: Choice | None = None
    at: Pointed | None = None
    keep: tuple[Pointed, ...] = ()
    drop: tuple[Pointed, ...] = ()
    crop: bool = False
    margin: float = 0.05
    follow: FollowOptions = field(default_factory=FollowOptions)

    def fingerprint(self, networks: tuple[str, ...] = ()) -> str:
        """Of everything that decides what a picture shows, 16 hexadecimal digits.

        Args:
            networks: digests of the weights.
        """
        stat = self.source.stat()
        shown = {
            name: str(getattr(self, name))
            for name in sorted(self.__dataclass_fields__)
            if name not in ("output", "quality", "sound", "end")
        }
        text = json.dumps([shown, stat.st_size, stat.st_mtime_ns, networks], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Pointing:
    """Hands out what a person points at, each in the first frame from its time on."""

    def __init__(self, order: VideoOrder) -> None:
        for one in (order.at, *order.keep, *order.drop):
            if one is not None and not order.start <= one.time < order.end:
                raise ConfigError(f"{one.time:g} s lies outside of the part that is cut")
        self._at = order.at
        self._rest = [(one, True) for one in order.keep] + [(one, False) for one in order.drop]

    @property
    def waiting(self) -> bool:
        """Whether the subject has still to be pointed at."""
        return self._at is not None

    def marks(self, time: float) -> Marks:
        """What is pointed at in the frame of that time; times must rise."""
        due = [pair for pair in self._rest if pair[0].time <= time]
        self._rest = [pair for pair in self._rest if pair[0].time > time]
        at = None
        if self._at and self._at.time <= time:
            at, self._at = self._at.point, None
        return Marks(
            at,
            tuple(one.point for one, kept in due if kept),
            tuple(one.point for one, kept in due if not kept),
        )


def parse_pointed(text: str) -> Pointed:
    """Read ``X,Y@TIME``; without ``@TIME`` it is 0.

    Raises:
        ConfigError: it is something else.
    """
    place, _, moment = text.partition("@")
    try:
        x, y = (float(part) for part in place.split(","))
        time = parse_time(moment) if moment else 0.0
    except (ValueError, ConfigError):
        raise ConfigError(
            f"expected X,Y@TIME, in pixels and seconds or m:ss, such as 320,180@1.5; got {text!r}"
        ) from None
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ConfigError(f"expected finite numbers, got {text!r}")
    return Pointed((x, y), time)


def parse_time(text: str) -> float:
    """Seconds from ``12.5``, ``1:02.5`` or ``1:00:02``.

    Raises:
        ConfigError: it is something else, or negative.
    """
    try:
        parts = [float(part) for part in text.strip().split(":")]
        if not 1 <= len(parts) <= 3 or not all(0 <= part < math.inf for part in parts):
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"expected a time in seconds, m:ss or h:mm:ss, such as 1:02.5; got {text!r}"
        ) from None
    return float(sum(part * 60**power for power, part in enumerate(reversed(parts))))
