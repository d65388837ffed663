"""Masks from any command that reads a photo and writes a mask."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import IO, Any

from vx_detectron.data.categories import DatasetDict
from vx_detectron.errors import DataError
from vx_detectron.evaluation.predictors import MASKS, Prediction, read_alpha
from vx_detectron.image_io.names import printable

_LONGEST_REASON = 300


class CommandPredictor:
    """Runs a command for every photo, without a shell.

    Args:
        template: such as ``rembg i -om {image} {mask}``, split as a POSIX shell would, but nothing
            else of it is interpreted. ``{mask}`` becomes the path of a png that does not exist yet.
        time_limit: seconds that it may take for one photo, after which it is ended with all that it
            started.

    Raises:
        DataError: the template lacks a placeholder, or its program does not exist.
    """

    def __init__(self, template: str, time_limit: float) -> None:
        try:
            self.words = shlex.split(template)
        except ValueError as error:
            raise DataError(f"the command {template!r} cannot be split: {error}") from error
        for placeholder in ("{image}", "{mask}"):
            if placeholder not in template:
                raise DataError(f"the command {template!r} has no {placeholder}")
        if shutil.which(self.words[0]) is None:
            raise DataError(f"the command's program {self.words[0]!r} does not exist")
        self.time_limit = time_limit
        self.names: tuple[str, ...] = (MASKS,)
        self.extra: Sequence[str] = ()
        self.provenance: dict[str, Any] = {"command": template, "time_limit": time_limit}

    def predict(self, record: DatasetDict, name: str) -> dict[str, Prediction]:
        """See ``Predictor``; the command failed, took too long, or wrote no mask: DataError."""
        with tempfile.TemporaryDirectory() as folder:
            mask = Path(folder) / "mask.png"
            # Absolute, so that a name that starts with a dash is no option.
            image = str(Path(record["file_name"]).absolute())
            words = [
                word.replace("{image}", image).replace("{mask}", str(mask)) for word in self.words
            ]
            started = perf_counter()
            _run(words, self.time_limit, folder)
            seconds = perf_counter() - started
            if not mask.is_file():
                raise DataError("the command succeeded, but wrote no mask")
            return {MASKS: Prediction(read_alpha(mask), "command", {"command": seconds})}


def _run(words: Sequence[str], time_limit: float, folder: str) -> None:
    """Run to the end, or DataError."""
    # Its words go to a file: a pipe would be waited for as long as a child of it is alive.
    with open(os.path.join(folder, "words"), "w+b") as log:
        try:
            code = _wait(words, time_limit, log)
        except subprocess.TimeoutExpired:
            raise DataError(f"the command took more than {time_limit:g} s") from None
        except OSError as error:
            raise DataError(f"the command cannot be started: {error.strerror}") from error
        log.seek(0)
        last = log.read().decode(errors="replace").strip().splitlines()[-1:]
    if code:
        reason = printable(last[0])[:_LONGEST_REASON] if last else "it said nothing"
        raise DataError(f"the command failed with {code}: {reason}")


def _wait(words: Sequence[str], time_limit: float, log: IO[bytes]) -> int:
    """The exit code; whatever happens, nothing that the command started lives on."""
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    ) as process:
        try:
            return process.wait(time_limit)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
