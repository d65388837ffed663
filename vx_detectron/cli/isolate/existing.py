"""Existing outputs: which photo they belong to, and what to do about them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from vx_detectron.cli.isolate.outputs import STDOUT, Job
from vx_detectron.cli.isolate.photos import STDIN
from vx_detectron.deliver.explain import record_path
from vx_detectron.deliver.layers import ANNOTATIONS, LAYERED
from vx_detectron.deliver.mark import Mark, read_mark
from vx_detectron.errors import ImageError
from vx_detectron.weights.catalog import sha256_of


class Existing:
    """What to do about existing outputs.

    Args:
        overwrite: True replaces them, False leaves them and skips the photo if they are its own,
            None is an error.
        photos: what may never be overwritten, whatever was asked for.
        options: the fingerprint of all options, as in a ``Mark``.
    """

    def __init__(self, overwrite: bool | None, photos: Iterable[str], options: str = "") -> None:
        self.overwrite = overwrite
        self.photos = {_identity(path): path for path in photos if os.path.exists(path)}
        self.options = options

    def is_done(self, job: Job) -> bool:
        """Whether the photo can be skipped; checks too whether its outputs can be written.

        Raises:
            ImageError: one of them must not, or cannot, be written.
        """
        wanted = Mark(_digest(job.photo), self.options) if self._compares(job) else None
        # All of them are looked at: each may be what must not be overwritten.
        there = [self._is_there(file, wanted) for file in outputs_of(job)]
        return job.output != STDOUT and all(there)

    def _compares(self, job: Job) -> bool:
        """Whether some output is there that may have to be kept."""
        kept = self.overwrite is False and any(map(os.path.isfile, outputs_of(job)))
        if kept and job.photo == STDIN:
            raise ImageError(
                "an output already exists, and --skip-existing cannot tell whether it belongs to "
                "a photo from standard input; use --overwrite to replace it"
            )
        return kept

    def _is_there(self, output: str, wanted: Mark | None) -> bool:
        """Whether the result of an earlier run is there that must be kept."""
        if not os.path.exists(output):
            _expect_place(output)
            return False
        photo = self.photos.get(_identity(output))
        if photo is not None:
            raise ImageError(f"the output {output} is the photo {photo}; choose another name")
        if os.path.isdir(output):
            raise ImageError(f"the output {output} is a folder; choose another name")
        if self.overwrite or not os.path.isfile(output):
            return False  # a device or pipe is not a result of an earlier run
        if wanted is None:
            raise ImageError(
                f"the output {output} already exists; use --overwrite to replace it or "
                "--skip-existing to keep it"
            )
        _expect_own(output, wanted)
        return True


def outputs_of(job: Job) -> list[str]:
    """The files that show that a photo is done, without standard output."""
    files = [] if job.output == STDOUT else [job.output]
    if job.explanation is not None:
        files += [job.explanation, record_path(job.explanation)]
    if job.layers is not None:
        files.append(last_of_layers(job.layers))
    return files


def last_of_layers(layers: str) -> str:
    """The file that is written last: the layered one itself, or the json in the folder."""
    path = Path(layers)
    return layers if path.suffix.lower() in LAYERED else str(path / ANNOTATIONS)


def _digest(photo: str) -> str:
    try:
        return sha256_of(photo)
    except OSError as error:
        raise ImageError(f"{photo}: cannot be read: {error.strerror or error}") from error


def _expect_own(output: str, wanted: Mark) -> None:
    """ImageError unless the file is the result of that photo with those options."""
    if Path(output).suffix.lower() == ".json" and Path(output).name != ANNOTATIONS:
        return  # the json of an explanation, written before its picture
    mark = read_mark(output)
    if mark == wanted:
        return
    if mark is None:
        words = "was not made by this program, or was made by a version before 0.2"
    elif mark.photo != wanted.photo:
        words = "is the result of another photo, or of this one before it was changed"
    else:
        words = "was made with other options"
    raise ImageError(
        f"the output {output} already exists, but {words}; use --overwrite to replace it, or "
        "choose another name"
    )


def _expect_place(output: str) -> None:
    """ImageError unless a file of this name can be made: its folder, its name, the rights."""
    above = Path(output).absolute().parent
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        raise ImageError(f"{output}: cannot be written: {above} is not a folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise ImageError(f"{output}: cannot be written: no permission to write to {above}")
    try:
        os.lstat(output)
    except OSError as error:
        _expect_short(output, error)
    for part in Path(output).absolute().relative_to(above).parts:
        try:
            os.lstat(above / part)
        except OSError as error:
            _expect_short(part, error)


def _expect_short(name: str, error: OSError) -> None:
    if error.errno == errno.ENAMETOOLONG:
        raise ImageError(
            f"{name}: cannot be written: the name is too long for this file system, "
            f"{len(os.fsencode(name))} bytes; choose a shorter one with --output"
        ) from error


def _identity(path: str) -> tuple[int, int]:
    """What stays the same under another name or through a link."""
    status = os.stat(path)
    return status.st_dev, status.st_ino
