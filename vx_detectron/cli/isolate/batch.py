"""Many photos one after the other: a broken one is named, and the others go on."""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal, TypeVar

from vx_detectron.cli.isolate.outputs import STDOUT, Existing, Job
from vx_detectron.cli.isolate.photos import STDIN
from vx_detectron.deliver.cutout import Cutout
from vx_detectron.deliver.explain import explain
from vx_detectron.deliver.finish import Finish
from vx_detectron.deliver.layers import write_layers
from vx_detectron.deliver.record import Record, record_of
from vx_detectron.errors import NoSubjectError, SubjectError, VxError
from vx_detectron.files import make_folder_for
from vx_detectron.housekeeping import Housekeeping
from vx_detectron.image_io import Photo, read_photo
from vx_detectron.pipeline import FALLBACK, Isolator
from vx_detectron.structures import Candidate
from vx_detectron.subject import Choice
from vx_detectron.subject.reasons import percent

T = TypeVar("T")
Status = Literal["done", "skipped", "no subject", "failed"]

OK, FAILED, NO_SUBJECT, PARTLY = 0, 1, 3, 4


@dataclass(frozen=True)
class Outcome:
    """What became of one photo, in words: no pixels, so that a thousand of them weigh nothing.

    Attributes:
        job: the photo and its output.
        status: ``skipped`` when its output was there already.
        message: why this is the subject, or what went wrong.
        notes: of the photo, one line each.
        details: for whoever wants to know more, one line each.
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
    """One photo from its file to the file of its cut-out.

    Args:
        isolator: the network.
        finish: what the picture shows.
        choice: which subject a person asked for.
        records: whether outcomes carry a record.
    """

    def __init__(
        self, isolator: Isolator, finish: Finish, choice: Choice | None, records: bool
    ) -> None:
        self.isolator = isolator
        self.finish = finish
        self.choice = choice
        self.records = records

    def __call__(self, job: Job) -> Outcome:
        """Cut one photo. Raises VxError, or whatever else can go wrong with it."""
        started = perf_counter()
        photo = self._read(job.photo)
        opened = self.isolator.open(photo)
        if job.explanation is not None:  # before the cut: it also says why there is no subject
            explain(job.explanation, photo, opened.instances, opened.select(self.choice))
        if job.layers is not None:
            make_folder_for(job.layers)
            write_layers(
                Path(job.layers), Path(job.photo).name, photo, opened.instances, opened.alpha_of
            )
        cutout = opened.cut(self.choice)
        record = record_of(cutout) if self.records else None
        if job.output == STDOUT:
            self.finish.write(sys.stdout.buffer, photo, cutout.alpha)
        else:
            make_folder_for(job.output)
            self.finish.write(job.output, photo, cutout.alpha)
        return Outcome(
            job,
            "done",
            cutout.subject.reason,
            notes=photo.notes,
            details=_details(cutout),
            fallback=cutout.subject.method == FALLBACK,
            seconds=perf_counter() - started,
            record=record,
        )

    def _read(self, path: str) -> Photo:
        limits = self.isolator.cfg.VX.INPUT
        source = sys.stdin.buffer if path == STDIN else path
        name = "standard input" if path == STDIN else path
        return read_photo(
            source, name=name, max_pixels=limits.MAX_PIXELS, max_bytes=limits.MAX_BYTES
        )


def run(
    jobs: Sequence[Job], existing: Existing, load: Callable[[], Callable[[Job], Outcome]]
) -> Iterator[Outcome]:
    """Do the jobs in turn; each outcome comes as soon as it is there.

    Args:
        jobs: what to do.
        existing: what to do about outputs that are there already.
        load: makes what cuts one photo. Called once, and only if some photo is to be cut; what
            it raises ends the run.
    """
    cut: Callable[[Job], Outcome] | None = None
    tidy = Housekeeping()
    for job in jobs:
        outcome = attempt(job, lambda job: _there_already(job, existing))
        if outcome is None:
            cut = cut or load()
            outcome = attempt(job, cut)
            tidy()
        yield outcome


def _there_already(job: Job, existing: Existing) -> Outcome | None:
    if not existing.is_done(job):
        return None
    return Outcome(job, "skipped", f"{job.output} is there already")


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
    return (*ranking, f"mask from {ran.mask_source}; {steps}", times)


def _evidence(one: Candidate) -> str:
    """The features that count, the strongest first, in log-odds."""
    parts = sorted(one.contributions.items(), key=lambda pair: -abs(pair[1]))
    return ", ".join(f"{name} {value:+.1f}" for name, value in parts if abs(value) >= 0.2)
