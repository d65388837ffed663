"""Many photos in their order: a broken one is reported, and the others continue."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Literal, TypeVar

from vx_detectron.cli.common import FAILED, NO_SUBJECT, OK, PARTLY
from vx_detectron.cli.isolate.existing import Existing
from vx_detectron.cli.isolate.marks import Marks
from vx_detectron.cli.isolate.outputs import STDOUT, Job
from vx_detectron.cli.isolate.photos import STDIN
from vx_detectron.cli.isolate.side_by_side import SideBySide
from vx_detectron.deliver.cutout import Cutout
from vx_detectron.deliver.explain import explain
from vx_detectron.deliver.finish import Finish
from vx_detectron.deliver.layers import write_layers
from vx_detectron.deliver.mark import Mark
from vx_detectron.deliver.record import Record, record_of
from vx_detectron.errors import ImageError, NoSubjectError, SubjectError, VxError, noting
from vx_detectron.files import make_folder_for
from vx_detectron.housekeeping import Housekeeping
from vx_detectron.image_io import Photo, read_photo, read_size
from vx_detectron.image_io.names import printable, reason
from vx_detectron.image_io.opening import read_bytes
from vx_detectron.pipeline import FALLBACK, Isolator, OpenPhoto
from vx_detectron.structures import Candidate
from vx_detectron.subject import Choice
from vx_detectron.subject.reasons import percent

T = TypeVar("T")
Check = Callable[[], None] | None
Status = Literal["done", "skipped", "no subject", "failed"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one photo, without pixels, so that thousands of them take little memory.

    Attributes:
        job: the photo and its output.
        status: ``skipped`` when its output was there already.
        message: why this is the subject, or what went wrong.
        notes: of the photo, one line each.
        details: for verbose output, one line each.
        fallback: whether GrabCut made the cut-out, and not the network.
        seconds: from the file to the file.
        record: for ``--json``; empty without.
    """

    job: Job
    status: Status
    message: str
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    fallback: bool = False
    seconds: float = 0.0
    record: Record | None = None


class Cutter:
    """Takes one photo from its file to the file of its cut-out.

    Args:
        isolator: the network.
        finish: what the picture shows.
        choice: which subject a person asked for.
        records: whether outcomes carry a record.
        options: the fingerprint of all options, for the mark in the pictures.
        marks: the hints of a person, if there are any.
    """

    def __init__(
        self,
        isolator: Isolator,
        finish: Finish,
        choice: Choice | None,
        records: bool,
        options: str,
        marks: Marks | None = None,
    ) -> None:
        self.isolator = isolator
        self.finish = finish
        self.choice = choice
        self.records = records
        self.options = options
        self.marks = marks

    def __call__(self, job: Job, check: Check = None) -> Outcome:
        """Cut one photo; ``check`` is called between the steps and may end the work.

        Raises VxError, or whatever else can go wrong with it.
        """
        started = perf_counter()
        photo, digest = self._read(job.photo)
        with noting(photo.notes):
            hints, start = None, None
            if self.marks is not None:  # first: a mark outside the photo must fail before the work
                size = photo.pixels.shape[0], photo.pixels.shape[1]
                hints, start = self.marks.on(size), self.marks.start
            opened = self.isolator.open(photo, check=check)
            self._write_beside(job, opened, Mark(digest, self.options))
            cutout = opened.cut(self.choice, hints=hints, start=start, check=check)
            if check:
                check()
            # Last, so that where the cut-out is, everything is.
            if job.output == STDOUT:
                self.finish.write(sys.stdout.buffer, photo, cutout.alpha)
            else:
                make_folder_for(job.output)
                self.finish.write(job.output, photo, cutout.alpha, Mark(digest, self.options))
        return Outcome(
            job,
            "done",
            cutout.subject.reason,
            notes=photo.notes,
            details=_details(cutout),
            fallback=cutout.subject.method == FALLBACK,
            seconds=perf_counter() - started,
            record=record_of(cutout) if self.records else None,
        )

    def _write_beside(self, job: Job, opened: OpenPhoto, mark: Mark) -> None:
        """The explanation and the layers; both are there even where there is no subject."""
        photo = opened.photo
        if job.explanation is not None:
            explain(job.explanation, photo, opened.instances, opened.select(self.choice), mark)
        if job.layers is not None:
            make_folder_for(job.layers)
            name = Path(job.photo).name
            write_layers(Path(job.layers), name, photo, opened.instances, opened.alpha_of, mark)

    def _read(self, path: str) -> tuple[Photo, str]:
        """The photo, and the sha256 of its file."""
        limits = self.isolator.cfg.VX.INPUT
        name = "standard input" if path == STDIN else path
        try:
            if path == STDIN and sys.stdin is None:
                raise ImageError("is closed")
            data = read_bytes(sys.stdin.buffer if path == STDIN else path, limits.MAX_BYTES)
        except ImageError as error:
            raise ImageError(f"{printable(name)}: {error}") from error.__cause__
        photo = read_photo(
            data, name=name, max_pixels=limits.MAX_PIXELS, max_bytes=limits.MAX_BYTES
        )
        return photo, sha256(data).hexdigest()


def run(
    jobs: Sequence[Job],
    existing: Existing,
    load: Callable[[], Cutter],
    threads: int = 1,
) -> Generator[Outcome, None, None]:
    """Do the jobs; each outcome comes as soon as it is there and those before it are.

    Missing photos come first.

    Args:
        jobs: what to do.
        existing: what to do about outputs that are there already.
        load: makes what cuts one photo. Called once, and only if some photo is to be cut; what
            it raises ends the run.
        threads: how many photos are worked on at a time.
    """
    cut: Cutter | None = None
    readable = []
    for job in jobs:  # a misspelt name is said before the network loads
        missing = attempt(job, _expect_photo)
        if missing is None:
            readable.append(job)
        else:
            yield missing
    tidy = Housekeeping()
    with SideBySide[Outcome](threads) as team:
        for job in readable:
            done = attempt(job, lambda job: _there_already(job, existing))
            if done is not None:
                team.add_result(done)
            else:
                if cut is None:
                    yield from team.rest()
                    cut = load()
                team.add(partial(_cut_one, job, cut, team))
                tidy()
            yield from team.ready()
        yield from team.rest()


def _cut_one(job: Job, cut: Cutter, team: SideBySide[Outcome]) -> Outcome:
    with team.holding(_pixels(job)):
        return attempt(job, lambda job: cut(job, team.check))


def _pixels(job: Job) -> int:
    """What its head says of a photo; reading it will say what is wrong."""
    if job.photo == STDIN:
        return 0
    try:
        height, width = read_size(job.photo)
    except (VxError, MemoryError):
        return 0
    return height * width


def _expect_photo(job: Job) -> None:
    """ImageError where there is no such photo, or no right to read it."""
    if job.photo == STDIN:
        return
    try:
        os.stat(job.photo)
        if not os.access(job.photo, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (OSError, ValueError) as error:  # ValueError: a null in the path
        hint = _did_you_mean(job.photo) if isinstance(error, FileNotFoundError) else ""
        raise ImageError(f"{job.photo}: cannot be read: {reason(error)}{hint}") from error


def _did_you_mean(photo: str) -> str:
    """The files of the folder whose names are alike, as a question."""
    folder, name = os.path.split(photo)
    with suppress(OSError):
        near = get_close_matches(name, os.listdir(folder or os.curdir), cutoff=0.8)
        if near:
            return f"; did you mean {' or '.join(os.path.join(folder, one) for one in near)}?"
    return ""


def _there_already(job: Job, existing: Existing) -> Outcome | None:
    if not existing.is_done(job):
        return None
    return Outcome(job, "skipped", f"{job.output} already exists")


def attempt(job: Job, work: Callable[[Job], T]) -> T | Outcome:
    """What the work returns, or the outcome of its failure, whatever that is.

    Only a person ends the program.
    """
    try:
        return work(job)
    except (NoSubjectError, SubjectError) as error:
        return Outcome(job, "no subject", str(error), error.notes)
    except VxError as error:
        return Outcome(job, "failed", str(error), error.notes)
    except MemoryError:
        return Outcome(job, "failed", "does not fit into this machine's memory; make it smaller")
    except Exception as error:  # one photo must not cost the others
        words = f"unexpected {type(error).__name__}: {error}"
        return Outcome(job, "failed", words, details=tuple(traceback.format_exc().splitlines()))


def exit_code(counts: Counter[Status]) -> int:
    """0 when all is done, 4 when a part is, else 1 or, when no photo failed, 3."""
    if not counts["failed"] and not counts["no subject"]:
        return OK
    if counts["done"] or counts["skipped"]:
        return PARTLY
    return FAILED if counts["failed"] else NO_SUBJECT


def _details(cutout: Cutout) -> tuple[str, ...]:
    """Ranking, provenance and times."""
    ran = cutout.provenance
    steps = ", ".join(ran.refinement) or "no refinement"
    times = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in ran.seconds.items())
    ranking = [
        f"{place}. {one.label} {percent(one.score)}: {one.reason} ({_evidence(one)})"
        for place, one in enumerate(cutout.subject.ranking[:5], start=1)
    ]
    heard = f"; hints by {ran.hints}" if ran.hints else ""
    return (*ranking, f"mask from {ran.mask_source}; {steps}{heard}", times)


def _evidence(one: Candidate) -> str:
    """The features that count, the strongest first, in log-odds."""
    parts = sorted(one.contributions.items(), key=lambda pair: -abs(pair[1]))
    return ", ".join(f"{name} {value:+.1f}" for name, value in parts if abs(value) >= 0.2)
