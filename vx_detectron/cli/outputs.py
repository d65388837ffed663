"""Where each cut-out goes: one name for one photo, the same in every run, and never a photo's."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from vx_detectron.cli.photos import CUTOUT, MASK, STDIN, Source
from vx_detectron.errors import ImageError
from vx_detectron.image_io import PictureFormat, format_from_suffix
from vx_detectron.image_io.names import printable

STDOUT = "-"


@dataclass(frozen=True)
class Job:
    """One photo and where its cut-out goes; both are ``-`` for the standard streams."""

    photo: str
    output: str


def is_file_name(output: str) -> bool:
    """Whether ``--output`` names a file: it has a suffix, and no folder is or shall be there."""
    if output.endswith((os.sep, "/")) or os.path.isdir(output):
        return False
    return bool(Path(output).suffix) or os.path.exists(output)


def choose_format(output: str | None, format: PictureFormat | None) -> PictureFormat:
    """The format that ``--format`` and the name given with ``--output`` ask for; png by default.

    Raises:
        click.UsageError: the name asks for another one, or for one that is not written.
    """
    if output in (None, STDOUT) or not is_file_name(output) or not Path(output).suffix:
        return format or "png"
    try:
        asked = format_from_suffix(output)
    except ImageError as error:
        raise click.UsageError(f"{error}; a folder's name ends with /") from error
    if format and format != asked:
        raise click.UsageError(f"--output {output} is a {asked} file, but --format asks {format}.")
    return asked


def plan_outputs(
    sources: Sequence[Source], output: str | None, format: PictureFormat, mask_only: bool
) -> list[Job]:
    """Give each photo its output.

    Beside the photo, or below the output folder as the photos lie below the folder that was
    named, as NAME_cutout.png. Photos that differ in their suffix only keep it: NAME.jpg_cutout.png.

    Raises:
        click.UsageError: one file for several photos, or two photos of one name.
    """
    if any(one.path == STDIN for one in sources):
        if len(sources) > 1:
            raise click.UsageError("- reads one photo from standard input; give nothing beside it.")
        if output is None:
            return [Job(STDIN, STDOUT)]
    single = len(sources) == 1 and sources[0].named
    if output is not None and (output == STDOUT or is_file_name(output)):
        if not single and sources:
            raise click.UsageError(
                f"--output must be a folder for several photos, got {output!r}; write {output}/ "
                "if it shall be a folder's name."
                if output != STDOUT
                else "--output - takes the cut-out of one photo, named as a file."
            )
        return [Job(one.path, output) for one in sources]
    ending = f"{MASK if mask_only else CUTOUT}.{format}"
    return _name_all(sources, output, ending)


def _name_all(sources: Sequence[Source], output: str | None, ending: str) -> list[Job]:
    bases = [one.path if output is None else os.path.join(output, one.place) for one in sources]
    short = [os.path.splitext(base)[0] + ending for base in bases]
    uses = Counter(map(_folded, short))
    names = [
        name if uses[_folded(name)] == 1 else base + ending
        for base, name in zip(bases, short, strict=True)
    ]
    first: dict[str, str] = {}
    for one, name in zip(sources, names, strict=True):
        other = first.setdefault(_folded(name), one.path)
        if other != one.path:
            raise click.UsageError(
                f"{printable(other)} and {printable(one.path)} would both be written to "
                f"{printable(name)}; cut them in two runs with an output folder each, or name the "
                "folder that holds both."
            )
    return [Job(one.path, name) for one, name in zip(sources, names, strict=True)]


def _folded(name: str) -> str:
    """The name as file systems see it that do not tell capitals apart."""
    return os.path.abspath(name).casefold()


class Existing:
    """What to do about outputs that are there already.

    Args:
        overwrite: True replaces them, False leaves them and skips the photo, None is an error.
        photos: what may never be overwritten, whatever was asked for.
    """

    def __init__(self, overwrite: bool | None, photos: Iterable[str]) -> None:
        self.overwrite = overwrite
        self.photos = {_identity(path): path for path in photos if os.path.exists(path)}

    def is_done(self, job: Job) -> bool:
        """Whether the photo can be skipped; checks too whether its output can be written.

        Raises:
            ImageError: it must not, or cannot, be written.
        """
        if job.output == STDOUT:
            return False
        if not os.path.exists(job.output):
            _expect_folder(job.output)
            return False
        photo = self.photos.get(_identity(job.output))
        if photo is not None:
            raise ImageError(f"the output {job.output} is the photo {photo}; choose another name")
        if os.path.isdir(job.output):
            raise ImageError(f"the output {job.output} is a folder; choose another name")
        if self.overwrite or not os.path.isfile(job.output):
            return False  # a device or pipe is no result of an earlier run
        if self.overwrite is False:
            return True
        raise ImageError(
            f"the output {job.output} is there already; use --overwrite to replace it or "
            "--skip-existing to keep it"
        )


def make_folder(output: str) -> None:
    """The folder that an output goes to, with those above it; ImageError when it cannot be."""
    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(
            f"{output}: its folder cannot be made: {error.strerror or error}"
        ) from error


def _expect_folder(output: str) -> None:
    """ImageError unless the output's folder, or the next one above that exists, can be written."""
    above = Path(output).absolute().parent
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        raise ImageError(f"{output}: cannot be written: {above} is no folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise ImageError(f"{output}: cannot be written: no right to write into {above}")


def _identity(path: str) -> tuple[int, int]:
    """What stays the same under another name or through a link."""
    status = os.stat(path)
    return status.st_dev, status.st_ino
