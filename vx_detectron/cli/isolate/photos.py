"""From what a person typed to the photos it means: files, folders, patterns, standard input."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from vx_detectron.deliver.layers import LAYER
from vx_detectron.image_io import SUPPORTED_SUFFIXES

STDIN = "-"
CUTOUT = "_cutout"
"""How the names of this tool's own pictures end, so that they are never taken for photos."""
MASK = "_cutout_mask"
EXPLAINED = "_explained"
OWN = (CUTOUT, MASK, EXPLAINED, LAYER)


@dataclass(frozen=True)
class Source:
    """One photo to cut.

    Attributes:
        path: as named or found; ``-`` is standard input.
        place: its place below the folder or pattern that was named; of a named file its name.
        named: whether this very file was named, and not a folder or pattern that holds it.
    """

    path: str
    place: PurePath
    named: bool = False


@dataclass
class Found:
    """What the inputs came to.

    Attributes:
        sources: each photo once, in the order of the inputs, within a folder by name.
        problems: inputs and folders that gave nothing: what was named, and why.
        own: pictures that are left out, since an earlier run of this tool made them.
    """

    sources: list[Source] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    own: list[str] = field(default_factory=list)


def find_photos(inputs: Sequence[str], *, recursive: bool = True) -> Found:
    """The photos that some inputs mean. No photo is opened, and none needs to be there.

    A file is taken whatever its name. In a folder only names that end like a photo's count, and
    hidden ones do not. Results of this tool are left out: in a folder all that are named like
    one, elsewhere those whose own photo is among the inputs.

    Args:
        inputs: paths of files and folders, patterns such as ``photos/*.jpg`` or
            ``photos/**/*.jpg``, ``-``. What exists by that very name is not taken for a pattern.
        recursive: whether folders are searched to the bottom; each is entered once, so links
            that lead in a circle do no harm.
    """
    found = Found()
    for text in inputs:
        path = text if os.path.lexists(text) else os.path.expanduser(text)
        before = len(found.sources) + len(found.problems)
        if path == STDIN:
            found.sources.append(Source(STDIN, PurePath("stdin"), named=True))
        elif os.path.isdir(path):
            # With other inputs beside it a folder keeps its name, else two would be mixed.
            place = PurePath(Path(path).absolute().name if len(inputs) > 1 else "")
            _add_folder(found, path, place, recursive)
        elif not os.path.lexists(path) and glob.has_magic(path):
            _add_pattern(found, path, recursive)
        else:
            found.sources.append(Source(path, PurePath(os.path.basename(path)), named=True))
        if before == len(found.sources) + len(found.problems):
            found.problems.append((text, _nothing(path)))
    found.sources = _once(found.sources)
    _leave_out_own(found)
    return found


def _nothing(path: str) -> str:
    if os.path.isdir(path):
        return "no photo in this folder; expected names that end like a photo's, such as .jpg"
    return "no file of such a name; check the pattern"


def _add_folder(found: Found, folder: str, place: PurePath, recursive: bool) -> None:
    for path in _walk(found, folder, recursive, set()):
        if Path(path).stem.endswith(OWN):
            found.own.append(path)
        else:
            found.sources.append(Source(path, place / os.path.relpath(path, folder)))


def _walk(found: Found, folder: str, recursive: bool, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Paths of what is named like a photo, by name; folders that cannot be read are a problem."""
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        names = sorted(os.listdir(folder))
    except OSError as error:
        found.problems.append((folder, f"this folder cannot be read: {error.strerror or error}"))
        return
    for name in names:
        path = os.path.join(folder, name)
        if name.startswith("."):  # also a Mac's ._photo.jpg, which is none
            continue
        if os.path.isdir(path):
            if recursive:
                yield from _walk(found, path, recursive, seen)
        elif Path(name).suffix.lower() in SUPPORTED_SUFFIXES:
            yield path


def _add_pattern(found: Found, pattern: str, recursive: bool) -> None:
    """What a shell would have put there, and in the same order."""
    root = os.path.dirname(pattern)
    while glob.has_magic(root):
        root = os.path.dirname(root)
    for path in sorted(glob.glob(pattern, recursive=True)):
        place = PurePath(os.path.relpath(path, root or os.curdir))
        if os.path.isdir(path):
            _add_folder(found, path, place, recursive)
        else:
            found.sources.append(Source(path, place))


def _once(sources: Sequence[Source]) -> list[Source]:
    """Without the second mention of a file, which may be spelled otherwise."""
    first: dict[str, Source] = {}
    for one in sources:
        first.setdefault(os.path.abspath(one.path), one)
    return list(first.values())


def _leave_out_own(found: Found) -> None:
    """Move what is named after another of the photos, beside which it lies, out of the sources."""
    names = set()
    for one in found.sources:
        folder, name = os.path.split(os.path.abspath(one.path))
        names |= {(folder, name), (folder, os.path.splitext(name)[0])}

    def is_own(one: Source) -> bool:
        folder, name = os.path.split(os.path.abspath(one.path))
        stem = os.path.splitext(name)[0]
        return any(
            stem.endswith(ending) and (folder, stem.removesuffix(ending)) in names for ending in OWN
        )

    found.own += [one.path for one in found.sources if is_own(one)]
    found.sources = [one for one in found.sources if not is_own(one)]
