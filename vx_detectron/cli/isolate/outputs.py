"""Where each cut-out goes: one name for one photo, the same in every run, and never a photo's."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from vx_detectron.cli.isolate.photos import CUTOUT, EXPLAINED, MASK, STDIN, Source
from vx_detectron.deliver.layers import LAYERED
from vx_detectron.errors import ImageError
from vx_detectron.image_io import PictureFormat, format_from_suffix

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
    """Whether ``--output`` means a file: it has a suffix and is not, or will not be, a folder."""
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
        raise click.UsageError(f"{error}; end a folder's name with /") from error
    if format and format != asked:
        raise click.UsageError(
            f"--output {output} is a {asked} file, but --format asks for {format}."
        )
    return asked


def plan_outputs(
    sources: Sequence[Source], output: str | None, format: PictureFormat, mask_only: bool
) -> list[Job]:
    """Give each photo its output.

    Beside the photo, or below the output folder as the photos lie below the folder that was
    named, as NAME_cutout.png. Photos whose names differ only in the suffix keep it, as in
    NAME.jpg_cutout.png; those whose names still clash are numbered.

    Raises:
        click.UsageError: one file for several photos.
    """
    if any(one.path == STDIN for one in sources):
        if len(sources) > 1:
            raise click.UsageError("- reads one photo from standard input; pass it alone.")
        if output is None:
            return [Job(STDIN, STDOUT)]
    single = len(sources) == 1 and sources[0].named
    if output is not None and (output == STDOUT or is_file_name(output)):
        if not single and sources:
            raise click.UsageError(
                f"--output must be a folder if there are several photos, got {output!r}; write "
                f"{output}/ if that is the name of a folder."
                if output != STDOUT
                else "--output - works for a single photo file only."
            )
        return [Job(one.path, output) for one in sources]
    ending = f"{MASK if mask_only else CUTOUT}.{format}"
    return _name_all(sources, output, ending)


def plan_explanations(
    jobs: Sequence[Job], sources: Sequence[Source], explain: str | None
) -> list[Job]:
    """The jobs with the places of their explanations, as NAME_explained.png in a folder.

    Raises:
        click.UsageError: one file for several photos, a file that is not a PNG or is the cut-out
            too, or standard output.
    """
    if explain is None:
        return list(jobs)
    if explain == STDOUT:
        raise click.UsageError("--explain writes two files; use a folder or NAME.png, not -.")
    if is_file_name(explain):
        if len(jobs) != 1:
            raise click.UsageError(
                f"--explain must be a folder if there are several photos, got {explain!r}."
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
        click.UsageError: one file for several photos, a file of another kind, or standard output.
    """
    if layers is None:
        return list(jobs)
    if layers == STDOUT:
        raise click.UsageError("--layers cannot go to standard output; use a folder or NAME.ora.")
    if Path(layers).suffix.lower() in LAYERED:
        if len(jobs) != 1:
            raise click.UsageError(
                f"--layers must be a folder if there are several photos, got {layers!r}."
            )
        return [replace(jobs[0], layers=layers)]
    if is_file_name(layers):
        raise click.UsageError(
            f"--layers writes {' and '.join(LAYERED)} files, or a folder; got {layers!r}. "
            "End a folder's name with /."
        )
    folders = _name_all(sources, layers, "_layers")
    return [replace(job, layers=one.output) for job, one in zip(jobs, folders, strict=True)]


def _name_all(sources: Sequence[Source], output: str | None, ending: str) -> list[Job]:
    """Names that no two photos share, the same in every run over the same photos.

    NAME with the ending; where some would be alike, NAME.suffix with it; where some still are,
    all but the first in the order of their paths get a number: NAME.suffix-2.
    """
    bases = [one.path if output is None else os.path.join(output, one.place) for one in sources]
    whole = [False] * len(bases)  # whether it keeps its suffix
    while True:
        names = [
            (base if keeps else os.path.splitext(base)[0]) + ending
            for base, keeps in zip(bases, whole, strict=True)
        ]
        uses = Counter(map(_folded, names))
        clashing = [i for i, name in enumerate(names) if uses[_folded(name)] > 1 and not whole[i]]
        if not clashing:
            break
        for i in clashing:  # this may lead to another clash, with a photo named a.jpg.webp
            whole[i] = True
    taken = set(uses)
    first: set[str] = set()
    for i in sorted(range(len(names)), key=lambda i: os.path.abspath(sources[i].path)):
        number = 1
        while _folded(names[i]) in (taken if number > 1 else first):
            number += 1
            names[i] = f"{bases[i]}-{number}{ending}"
        first.add(_folded(names[i]))
        taken.add(_folded(names[i]))
    return [Job(one.path, name) for one, name in zip(sources, names, strict=True)]


def _folded(name: str) -> str:
    """The name as file systems see it that do not tell capitals or spellings of é apart."""
    plain = unicodedata.normalize("NFD", os.path.abspath(name)).casefold()
    return unicodedata.normalize("NFC", plain)
