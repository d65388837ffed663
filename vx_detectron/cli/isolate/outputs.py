"""Where each cut-out goes: one name for one photo, the same in every run, and never a photo's."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from vx_detectron.cli.isolate.photos import CUTOUT, EXPLAINED, MASK, STDIN, Source
from vx_detectron.deliver.explain import record_path
from vx_detectron.deliver.layers import ANNOTATIONS, LAYERED
from vx_detectron.errors import ImageError
from vx_detectron.image_io import PictureFormat, format_from_suffix
from vx_detectron.image_io.names import printable

STDOUT = "-"


@dataclass(frozen=True)
class Job:
    """One photo and where its cut-out goes; both are ``-`` for the standard streams.

    ``explanation`` is where the picture that explains the choice goes, with its json beside it;
    ``layers`` the folder or layered file of all things in the photo.
    """

    photo: str
    output: str
    explanation: str | None = None
    layers: str | None = None


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


def plan_explanations(
    jobs: Sequence[Job], sources: Sequence[Source], explain: str | None
) -> list[Job]:
    """The jobs with the places of their explanations, as NAME_explained.png in a folder.

    Raises:
        click.UsageError: one file for several photos, a file that is no PNG or that shall be the
            cut-out too, or standard output.
    """
    if explain is None:
        return list(jobs)
    if explain == STDOUT:
        raise click.UsageError("--explain writes two files; give a folder or NAME.png, not -.")
    if is_file_name(explain):
        if len(jobs) != 1:
            raise click.UsageError(
                f"--explain must be a folder for several photos, got {explain!r}."
            )
        if Path(explain).suffix.lower() != ".png":
            raise click.UsageError(f"--explain writes PNG; got {explain!r}, expected NAME.png.")
        if _folded(explain) == _folded(jobs[0].output):
            raise click.UsageError(f"--explain and the cut-out would both be written to {explain}.")
        return [replace(jobs[0], explanation=explain)]
    pictures = _name_all(sources, explain, f"{EXPLAINED}.png")
    return [
        replace(job, explanation=picture.output)
        for job, picture in zip(jobs, pictures, strict=True)
    ]


def plan_layers(jobs: Sequence[Job], sources: Sequence[Source], layers: str | None) -> list[Job]:
    """The jobs with the places of their layers: a file, or a folder NAME_layers in a folder.

    Raises:
        click.UsageError: one file for several photos, or standard output.
    """
    if layers is None:
        return list(jobs)
    if layers == STDOUT:
        raise click.UsageError("--layers cannot go to standard output; give a folder or NAME.ora.")
    if Path(layers).suffix.lower() in LAYERED:
        if len(jobs) != 1:
            raise click.UsageError(f"--layers must be a folder for several photos, got {layers!r}.")
        return [replace(jobs[0], layers=layers)]
    folders = _name_all(sources, layers, "_layers")
    return [replace(job, layers=one.output) for job, one in zip(jobs, folders, strict=True)]


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
        """Whether the photo can be skipped; checks too whether its outputs can be written.

        Raises:
            ImageError: one of them must not, or cannot, be written.
        """
        done = job.output != STDOUT and self._is_there(job.output)
        if job.explanation is not None and not done:
            self._is_there(job.explanation)
            self._is_there(record_path(job.explanation))
        if job.layers is not None and not done:
            self._is_there(last_of_layers(job.layers))
        return done

    def _is_there(self, output: str) -> bool:
        """Whether a result of an earlier run is there that shall be kept."""
        if not os.path.exists(output):
            _expect_folder(output)
            return False
        photo = self.photos.get(_identity(output))
        if photo is not None:
            raise ImageError(f"the output {output} is the photo {photo}; choose another name")
        if os.path.isdir(output):
            raise ImageError(f"the output {output} is a folder; choose another name")
        if self.overwrite or not os.path.isfile(output):
            return False  # a device or pipe is no result of an earlier run
        if self.overwrite is False:
            return True
        raise ImageError(
            f"the output {output} is there already; use --overwrite to replace it or "
            "--skip-existing to keep it"
        )


def last_of_layers(layers: str) -> str:
    """The file that is written last: the layered one itself, or the json in the folder."""
    path = Path(layers)
    return layers if path.suffix.lower() in LAYERED else str(path / ANNOTATIONS)


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
