"""From a video to a video: read, follow, cut, write, frame by frame."""

from __future__ import annotations

import io
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np

from vx_detectron.deliver import Transparent
from vx_detectron.errors import VideoError
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import ByteArray
from vx_detectron.video.backdrop import Backdrop
from vx_detectron.video.cutting import Crop, common_crop, finished
from vx_detectron.video.fields import box_of
from vx_detectron.video.following import NO_MARKS, Followed, Follower
from vx_detectron.video.order import Pointing, VideoOrder
from vx_detectron.video.reading import Frame, VideoReader
from vx_detectron.video.resuming import Bookmark, clear
from vx_detectron.video.sound import Sound
from vx_detectron.video.writing import PngFolder, Sink, VideoFile

Record = dict[str, Any]
Tell = Callable[[Frame, Record], None]

AHEAD = 3  # frames between the two that show what moves on its own
_BOOKMARK = 25  # frames from one record to the next


@dataclass
class Stretch:
    """Frames in a row of which the same can be said.

    Attributes:
        start, end: in seconds; the end is the last frame's time.
        state: see ``Followed``; ``chosen`` counts as ``followed``.
        labels: what the subject is.
        reason: why it is, or why there is none.
    """

    start: float
    end: float
    state: str
    labels: tuple[str, ...]
    reason: str


@dataclass
class Summary:
    """The outcome of a video.

    Attributes:
        path: what was written.
        frames: how many.
        resumed: how many of them already existed.
        stretches: what can be said of them.
        problems: frames and sound that could not be read.
    """

    path: Path
    frames: int = 0
    resumed: int = 0
    stretches: list[Stretch] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, time: float, followed: Followed) -> None:
        """Take one frame into account."""
        self.frames += 1
        state = "followed" if followed.state == "chosen" else followed.state
        last = self.stretches[-1] if self.stretches else None
        same = last is not None and (last.state, last.labels) == (state, followed.labels)
        if last is not None and same and not followed.cut:
            last.end = time
        else:
            self.stretches.append(Stretch(time, time, state, followed.labels, followed.reason))


def cut_video(
    isolator: Isolator,
    order: VideoOrder,
    *,
    overwrite: bool = False,
    tell: Tell = lambda frame, record: None,
    passes: Callable[[str, int], None] = lambda name, frames: None,
) -> Summary:
    """Cut the subject out of every frame.

    Args:
        isolator: see ``Follower``.
        order: what is asked for.
        overwrite: replace existing output; otherwise an unfinished folder of PNGs continues, and
            anything else is an error.
        tell: is told of every frame that is done.
        passes: is told what begins, and about how many frames it has.

    Raises:
        VideoError: something cannot be read or written, or already exists.
        SubjectError: there is nothing of the requested kind.
    """
    if not overwrite and order.format != "png" and order.output.exists():
        raise VideoError(f"{order.output} already exists; use --overwrite to replace it")
    with VideoReader(order.source, isolator.cfg.VX.INPUT.MAX_PIXELS) as reader:
        expected = _expected(reader, order)
        if not order.crop:
            passes("cutting", expected)
            return _run(isolator, order, reader, overwrite, tell, None, None)
        passes("following", expected)
        with tempfile.TemporaryFile() as file:
            store = _follow_first(isolator, order, reader, file)
            passes("cutting", len(store))
            with VideoReader(order.source, isolator.cfg.VX.INPUT.MAX_PIXELS) as again:
                return _run(
                    isolator, order, again, overwrite, tell, store.crop(order, reader), store
                )


def _run(
    isolator: Isolator,
    order: VideoOrder,
    reader: VideoReader,
    overwrite: bool,
    tell: Tell,
    crop: Crop | None,
    store: _Store | None,
) -> Summary:
    size = (reader.info.height, reader.info.width)
    backdrop = Backdrop(order.behind, size)
    follower = Follower(isolator, order.choice, order.follow)
    summary = Summary(order.output)
    bookmark = None
    if order.format == "png":
        bookmark = _bookmark(isolator, order, overwrite)
        summary.resumed = summary.frames = bookmark.restore(follower)
    sink = _sink(order, reader, backdrop, summary.resumed)
    start = Fraction(order.start).limit_denominator(10**6)
    frames = reader.frames(order.start, order.end)
    try:
        seen = (
            store.replay(frames) if store else _followed(follower, order, frames, summary.resumed)
        )
        for frame, followed in seen:
            background = backdrop.at(frame.time - start)
            picture = finished(frame.pixels, followed.mask, background, crop, order.mask_only)
            sink.write(picture, frame.time - start)
            summary.add(float(frame.time), followed)
            tell(frame, record_of(frame, followed))
            if bookmark and not store and summary.frames % _BOOKMARK == 0:
                bookmark.save(summary.frames, follower)
    except BaseException:
        _keep(sink, summary)
        raise
    finally:
        backdrop.close()
        summary.problems += reader.problems
    summary.path = sink.close()
    if bookmark and not store:
        bookmark.save(summary.frames, follower)
    if isinstance(sink, VideoFile) and sink.sound:
        summary.problems += sink.sound.problems
    return summary


def _keep(sink: Sink, summary: Summary) -> None:
    """What was cut so far stays, under its own name."""
    if summary.frames > summary.resumed:
        sink.close(early=True)


def _followed(
    follower: Follower, order: VideoOrder, frames: Iterator[Frame], done: int
) -> Iterator[tuple[Frame, Followed]]:
    """The frames with what is known of their subject, without those that are done already."""
    pointing = Pointing(order)
    for frame, later in _with_later(frames):
        time = float(frame.time)
        if frame.index < done:
            pointing.marks(time)
            continue
        marks = pointing.marks(time)
        if pointing.waiting:
            yield frame, _waiting(frame.pixels, order)
            continue
        if frame.problem or marks == NO_MARKS:
            yield frame, follower.follow(frame.pixels, later)
        else:
            yield frame, follower.follow(frame.pixels, later, marks)


def _waiting(image: ByteArray, order: VideoOrder) -> Followed:
    assert order.at is not None
    empty = np.zeros((max(image.shape[0] // 8, 1), max(image.shape[1] // 8, 1)), dtype=np.float32)
    reason = f"the subject is marked from {order.at.time:g} s on"
    return Followed(empty, "none", reason, (), False, False)


def _with_later(frames: Iterator[Frame]) -> Iterator[tuple[Frame, ByteArray | None]]:
    """Each frame with the pixels of one a little later; None where there is none."""
    waiting: deque[Frame] = deque()
    for frame in frames:
        waiting.append(frame)
        if len(waiting) > AHEAD:
            now = waiting.popleft()
            yield now, waiting[-1].pixels
    while waiting:
        now = waiting.popleft()
        yield now, waiting[-1].pixels if waiting else None


def record_of(frame: Frame, followed: Followed) -> Record:
    """One frame, in what JSON can hold; the box is x, y, width, height in pixels."""
    inside = followed.mask >= 0.5
    height, width = frame.pixels.shape[:2]
    box = box_of(inside)
    y, x = height / inside.shape[0], width / inside.shape[1]
    return {
        "frame": frame.index,
        "time": round(float(frame.time), 6),
        "state": followed.state,
        "labels": list(followed.labels),
        "reason": followed.reason,
        "cut": followed.cut,
        "detected": followed.detected,
        "area": round(float(inside.mean()), 6),
        "box": box
        and [
            round(one, 1)
            for one in (box[2] * x, box[0] * y, (box[3] - box[2]) * x, (box[1] - box[0]) * y)
        ],
        "problem": frame.problem,
    }


def _expected(reader: VideoReader, order: VideoOrder) -> int:
    """About how many frames there will be; 0 where nobody knows."""
    info = reader.info
    if not info.duration:
        return info.frames if not order.start and order.end == float("inf") else 0
    seconds = max(min(order.end, info.duration) - order.start, 0.0)
    return round(info.frames * min(seconds / info.duration, 1.0))


def _bookmark(isolator: Isolator, order: VideoOrder, overwrite: bool) -> Bookmark:
    eye = isolator.eye.weights_sha256 if isolator.eye else ""
    of = order.fingerprint((isolator.detector.weights_sha256, eye))
    if overwrite and order.output.is_dir():
        clear(order.output)
    return Bookmark(order.output, of)


def _sink(order: VideoOrder, reader: VideoReader, backdrop: Backdrop, done: int) -> Sink:
    if order.format == "png":
        return PngFolder(order.output, done)
    alpha = isinstance(backdrop.at(Fraction(0)), Transparent) and not order.mask_only
    sound = None
    if order.sound and reader.info.sound:
        sound = Sound(order.source, order.start, order.end)
    return VideoFile(
        order.output, order.format, reader.info, alpha=alpha, quality=order.quality, sound=sound
    )


class _Store:
    """The masks of a first pass, as PNGs in a temporary file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._known: list[tuple[int, int, Followed]] = []
        self._boxes: list[tuple[float, float, float, float]] = []

    def __len__(self) -> int:
        return len(self._known)

    def add(self, followed: Followed) -> None:
        mask = np.rint(followed.mask * 255).astype(np.uint8)
        data = cv2.imencode(".png", mask)[1].tobytes()
        place = self._file.seek(0, io.SEEK_END)
        self._file.write(data)
        empty = np.zeros((1, 1), dtype=np.float32)
        bare = Followed(
            empty,
            followed.state,
            followed.reason,
            followed.labels,
            followed.cut,
            followed.detected,
        )
        self._known.append((place, len(data), bare))
        box = box_of(followed.mask >= 0.5)
        if box:
            h, w = mask.shape
            self._boxes.append((box[0] / h, box[1] / h, box[2] / w, box[3] / w))

    def crop(self, order: VideoOrder, reader: VideoReader) -> Crop | None:
        return common_crop(self._boxes, (reader.info.height, reader.info.width), order.margin)

    def replay(self, frames: Iterator[Frame]) -> Iterator[tuple[Frame, Followed]]:
        for frame, (place, length, bare) in zip(frames, self._known, strict=False):
            self._file.seek(place)
            data = np.frombuffer(self._file.read(length), dtype=np.uint8)
            grey = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
            mask = np.asarray(grey / np.float32(255), dtype=np.float32)
            yield (
                frame,
                Followed(mask, bare.state, bare.reason, bare.labels, bare.cut, bare.detected),
            )


def _follow_first(
    isolator: Isolator, order: VideoOrder, reader: VideoReader, file: IO[bytes]
) -> _Store:
    store = _Store(file)
    follower = Follower(isolator, order.choice, order.follow)
    frames = reader.frames(order.start, order.end)
    for _, followed in _followed(follower, order, frames, 0):
        store.add(followed)
    return store
