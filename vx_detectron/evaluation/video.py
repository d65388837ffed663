"""How well a subject is followed, against true masks of every frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from vx_detectron.errors import DataError, NoSubjectError
from vx_detectron.image_io import SUPPORTED_SUFFIXES, read_labels, read_photo
from vx_detectron.metrics.contour import contour_f
from vx_detectron.metrics.counts import count
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import BoolArray
from vx_detectron.video.cutting import full_alpha
from vx_detectron.video.following import Follower
from vx_detectron.video.options import FollowOptions

SCHEMA = "vx-evaluate-video-1"
FIGURES = ("J", "F", "J&F", "flicker", "lag", "lost", "seconds")
"""The names of the figures of a clip."""

_LOST = 0.1  # IoU below which a subject is lost
_CLEARLY = 0.005  # share of the frame from which a true subject is shown clearly
_LAGS = 3  # frames either way
_AHEAD = 3  # frames, as in a run over a video

Results = dict[str, Any]


@dataclass(frozen=True)
class Clip:
    """One clip: frames in their order, and a true mask for each.

    Attributes:
        name: of its folder.
        frames: paths of the pictures.
        masks: paths of the masks; what is not 0 is the subject.
    """

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path, ...]


class Masker(Protocol):
    """Whatever makes masks of frames."""

    def masks(self, clip: Clip) -> Iterator[tuple[BoolArray, float]]:
        """A mask of every frame, bool (H, W), and the seconds that it took."""
        ...


class FollowedMasks:
    """The video pipeline: one subject, followed."""

    def __init__(self, isolator: Isolator, options: FollowOptions | None = None) -> None:
        self._isolator, self._options = isolator, options

    def masks(self, clip: Clip) -> Iterator[tuple[BoolArray, float]]:
        """See ``Masker``."""
        follower = Follower(self._isolator, options=self._options)
        for number, path in enumerate(clip.frames):
            image = read_photo(path).pixels
            ahead = clip.frames[min(number + _AHEAD, len(clip.frames) - 1)]
            later = read_photo(ahead).pixels if number == 0 else None
            started = perf_counter()
            alpha = full_alpha(image, follower.follow(image, later).mask)
            yield alpha >= 0.5, perf_counter() - started


class PhotoMasks:
    """Every frame on its own, as a photo."""

    def __init__(self, isolator: Isolator) -> None:
        self._isolator = isolator

    def masks(self, clip: Clip) -> Iterator[tuple[BoolArray, float]]:
        """See ``Masker``."""
        for path in clip.frames:
            image = read_photo(path).pixels
            started = perf_counter()
            try:
                mask = self._isolator.isolate(image).alpha >= 0.5
            except NoSubjectError:
                mask = np.zeros(image.shape[:2], dtype=np.bool_)
            yield mask, perf_counter() - started


class FolderMasks:
    """Existing masks, in one folder per clip, named like its frames."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def masks(self, clip: Clip) -> Iterator[tuple[BoolArray, float]]:
        """See ``Masker``."""
        known = _pictures(self._root / clip.name)
        for path in clip.frames:
            if path.stem not in known:
                raise DataError(f"{self._root / clip.name} has no mask for {path.name}")
            yield np.asarray(read_photo(known[path.stem]).pixels[..., 0] >= 128), 0.0


def find_clips(folders: Sequence[Path], masks: Path) -> list[Clip]:
    """The clips in some folders of frames, with masks named like them below ``masks``/NAME.

    Raises:
        DataError: a folder without frames, or a frame without its mask.
    """
    clips = []
    for folder in folders:
        frames = _pictures(folder)
        if not frames:
            raise DataError(f"{folder} contains no pictures, expected the frames of a clip")
        true = _pictures(masks / folder.name)
        missing = [name for name in frames if name not in true]
        if missing:
            raise DataError(
                f"{masks / folder.name} has no mask for {missing[0]}; a mask is expected for each "
                f"of the {len(frames)} frames"
            )
        names = sorted(frames)
        clips.append(
            Clip(
                folder.name,
                tuple(frames[name] for name in names),
                tuple(true[name] for name in names),
            )
        )
    return clips


def evaluate_video(
    clips: Sequence[Clip],
    masker: Masker,
    *,
    most: int | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Results:
    """Measure a way to make masks.

    Args:
        clips: see ``find_clips``.
        masker: what is measured.
        most: only so many frames of each clip, from its beginning.
        progress: called after each frame.

    Returns:
        ``clips``, a record of ``FIGURES`` for each; ``mean``, of all clips.

    Raises:
        DataError: a mask of another size than its frame.
    """
    records = [_measure(_cut(clip, most), masker, progress) for clip in clips]
    mean: Results = {
        name: float(np.mean([record[name] for record in records]))
        for name in FIGURES
        if name != "lost"
    }
    mean["lost"] = sum(record["lost"] for record in records)
    mean["frames"] = sum(record["frames"] for record in records)
    return {"schema": SCHEMA, "clips": records, "mean": mean}


def flicker(errors: Sequence[tuple[BoolArray, BoolArray]]) -> float:
    """How much the mask's error changes from frame to frame; 0 is perfectly steady.

    The mean, over frames, of the pixels at which predicted - true (-1, 0 or 1) differs from the
    frame before, counted with that difference, over the mean area of the two true masks. Erofeev et
    al.'s dtSSD (BMVC 2015) with absolute differences and for masks.

    Args:
        errors: predicted and true mask of each frame, bool (H, W).
    """
    values = []
    for (before, true_before), (now, true) in pairwise(errors):
        change = (now.astype(np.int8) - true) - (before.astype(np.int8) - true_before)
        area = (np.count_nonzero(true) + np.count_nonzero(true_before)) / 2
        if area:
            values.append(float(np.abs(change).sum()) / area)
    return float(np.mean(values)) if values else 0.0


def lag(masks: Sequence[tuple[BoolArray, BoolArray]]) -> float:
    """By how many frames the masks are late: the shift at which they fit the truth best.

    A parabola through the mean IoU at the best shift and its two neighbours gives parts of frames.
    """
    shifts = range(-_LAGS, _LAGS + 1)
    fits = [_fit(masks, shift) for shift in shifts]
    best = int(np.argmax(fits))
    if not 0 < best < len(fits) - 1:
        return float(shifts[best])
    before, peak, after = fits[best - 1 : best + 2]
    bend = before - 2 * peak + after
    return shifts[best] + (0.5 * (before - after) / bend if bend else 0.0)


def _fit(masks: Sequence[tuple[BoolArray, BoolArray]], shift: int) -> float:
    pairs = [
        (masks[t][0], masks[t - shift][1]) for t in range(_LAGS, max(len(masks) - _LAGS, _LAGS))
    ]
    return float(np.mean([count(p, t).iou for p, t in pairs])) if pairs else 0.0


def _measure(clip: Clip, masker: Masker, progress: Callable[[], None]) -> Results:
    pairs, seconds, regions, contours, lost = [], [], [], [], []
    for path, true_path, (mask, took) in zip(
        clip.frames, clip.masks, masker.masks(clip), strict=True
    ):
        truth = np.asarray(read_labels(true_path) > 0)
        if truth.shape != mask.shape:
            raise DataError(f"{true_path} is not of the size of {path}")
        pairs.append((mask, truth))
        seconds.append(took)
        regions.append(count(mask, truth).iou)
        contours.append(contour_f(mask, truth))
        clear = float(truth.mean()) >= _CLEARLY
        if clear and regions[-1] < _LOST:
            lost.append(path.stem)
        progress()
    small = [(_small(mask), _small(truth)) for mask, truth in pairs]
    region, edge = float(np.mean(regions)), float(np.mean(contours))
    return {
        "name": clip.name,
        "frames": len(pairs),
        "J": region,
        "F": edge,
        "J&F": (region + edge) / 2,
        "flicker": flicker(pairs),
        "lag": lag(small),
        "lost": len(lost),
        "lost_frames": lost,
        "seconds": float(np.median(seconds)) if seconds else 0.0,
        "J_by_frame": [round(one, 4) for one in regions],
    }


def _small(mask: BoolArray) -> BoolArray:
    """For the lag, half of the pixels each way are enough."""
    return np.ascontiguousarray(mask[::2, ::2])


def _cut(clip: Clip, most: int | None) -> Clip:
    return clip if most is None else Clip(clip.name, clip.frames[:most], clip.masks[:most])


def _pictures(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUPPORTED_SUFFIXES and not path.name.startswith(".")
    }
