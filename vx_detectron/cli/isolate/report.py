"""The output of a run: results on stdout for the next program, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter

from tqdm import tqdm  # type: ignore[import-untyped]

from vx_detectron.cli.common import OutputError, result, say
from vx_detectron.cli.isolate.batch import Outcome, Status
from vx_detectron.cli.isolate.outputs import STDOUT
from vx_detectron.cli.isolate.photos import STDIN
from vx_detectron.deliver.record import to_line
from vx_detectron.engines import Detector, Eye
from vx_detectron.image_io.names import printable
from vx_detectron.pipeline import Isolator

QUIET, NORMAL, VERBOSE = -1, 0, 1


def _weights(network: Detector | Eye) -> str:
    digest = f" (sha256 {network.weights_sha256[:12]})" if network.weights_sha256 else ""
    return f"weights {printable(network.weights)}{digest}"


class Report:
    """Prints the outcomes one by one, and counts them.

    Args:
        total: how many there will be.
        verbosity: ``QUIET`` prints no words but errors, ``VERBOSE`` the details too.
        as_json: print records, not paths.
    """

    def __init__(self, total: int, verbosity: int, as_json: bool) -> None:
        self.total = total
        self.verbosity = verbosity
        self.as_json = as_json
        self.counts: Counter[Status] = Counter()
        self.began: float | None = None  # with the first photo
        self.lost = False  # whether results could not be printed
        shown = total > 1 and verbosity >= NORMAL and sys.stderr.isatty()
        self._bar = tqdm(total=total, unit="photo", disable=not shown, file=sys.stderr)

    def loaded(self, isolator: Isolator, seconds: float) -> None:
        """Say which networks run, and where."""
        self.began = perf_counter()
        detector, eye = isolator.detector, isolator.eye
        looks = f"eye {eye.name} in {eye.engine}, {_weights(eye)}" if eye else "no eye"
        self.say(
            f"{detector.name} on {detector.device}, {_weights(detector)}; {looks}; "
            f"loaded in {seconds:.1f} s"
        )

    def add(self, outcome: Outcome) -> None:
        """Print one outcome."""
        self.counts[outcome.status] += 1
        self._bar.update()
        with self._above_bar():
            self._words(outcome)
            if not self.lost:
                self._print(outcome)

    def say(self, line: str, *, least: int = NORMAL) -> None:
        """Print one line to stderr, if the verbosity is at least that."""
        with self._above_bar():
            self._line(line, least)

    def _line(self, line: str, least: int = NORMAL) -> None:
        if self.verbosity >= least:
            say(line)

    def left_out(self, own: Sequence[str], namesakes: Sequence[str]) -> None:
        """Say which pictures are not taken for photos, and which are despite their name."""
        if own:
            self.say(f"left out {len(own)} that this command made, such as {printable(own[0])}")
        if namesakes:
            self.say(
                f"{len(namesakes)} are named like results of this command but lack its mark, such "
                f"as {printable(namesakes[0])}; they are cut like any other photo"
            )

    def __enter__(self) -> Report:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Remove the progress bar, and sum up a batch."""
        self._bar.close()
        if kind is KeyboardInterrupt:
            done = self.counts["done"] + self.counts["skipped"]
            self.say(
                f"Interrupted: {done} of {self.total} are done; run the same command with "
                "--skip-existing to continue",
                least=QUIET,
            )
        elif kind is None and self.total > 1:
            self.say(self._summary())

    def _words(self, outcome: Outcome) -> None:
        photo = "standard input" if outcome.job.photo == STDIN else printable(outcome.job.photo)
        message = printable(outcome.message.removeprefix(f"{photo}: "))
        if outcome.status in ("failed", "no subject"):
            self._line(f"Error: {photo}: {message}", QUIET)
        elif outcome.status == "skipped":
            # A resumed batch may skip thousands; the summary counts them.
            self._line(f"{photo}: skipped, {message}", VERBOSE if self.total > 1 else NORMAL)
        else:
            fallback = "FALLBACK, not cut by the network: " if outcome.fallback else ""
            self._line(f"{photo}: {fallback}{message} [{outcome.seconds:.2f} s]")
        for note in outcome.notes:
            self._line(f"    note: {note}")
        for detail in outcome.details:
            self._line(f"    {detail}", VERBOSE)

    def _print(self, outcome: Outcome) -> None:
        """Print the result; a closed standard output must not stop the other photos."""
        try:
            self._result(outcome)
        except OutputError as error:
            self.lost = True
            words = "the remaining photos are cut, but nothing more is printed there"
            self._line(f"Error: {error}; {words}", QUIET)

    def _result(self, outcome: Outcome) -> None:
        done = outcome.status in ("done", "skipped")
        if self.as_json:
            found = outcome.record or {}
            head = {
                "photo": outcome.job.photo,
                "output": outcome.job.output if done else None,
                "status": outcome.status,
            }
            failure = {} if done else {"error": outcome.message}
            notes = {"notes": list(outcome.notes)}
            result(to_line({**head, **failure, **notes, **found, "seconds": outcome.seconds}))
        elif outcome.status == "done" and outcome.job.output != STDOUT:
            path = outcome.job.output
            # Whoever reads a pipe needs the very bytes; a terminal must not be steered by them.
            terminal = sys.stdout is not None and sys.stdout.isatty()
            result(printable(path) if terminal else os.fsencode(path))

    def _summary(self) -> str:
        counts, done = self.counts, self.counts["done"]
        words = [f"{done} of {self.total} photos cut out"]
        if done and self.began is not None:
            words[0] += f", {(perf_counter() - self.began) / done:.2f} s each"
        others: list[tuple[Status, str]] = [
            ("skipped", "already done"),
            ("no subject", "without a subject"),
            ("failed", "failed"),
        ]
        words += [f"{counts[status]} {word}" for status, word in others if counts[status]]
        return "; ".join(words)

    @contextmanager
    def _above_bar(self) -> Iterator[None]:
        """Lines printed meanwhile scroll above the bar instead of through it."""
        if self._bar.disable:
            yield
        else:
            with tqdm.external_write_mode(file=sys.stderr):
                yield
