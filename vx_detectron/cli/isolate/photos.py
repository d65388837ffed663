"""From the command line's inputs to photos: files, folders, patterns, standard input."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from vx_detectron.deliver.layers import LAYER
from vx_detectron.deliver.mark import read_mark
from vx_detectron.image_io import SUPPORTED_SUFFIXES

STDIN = "-"
CUTOUT = "_cutout"
MASK = "_cutout_mask"
EXPLAINED = "_explained"
OWN = (CUTOUT, MASK, EXPLAINED, LAYER)
"""How the names of this program's own pictures end; their mark says whether it made them."""


@dataclass(frozen=True)
class Source:
    """One photo to cut.

    Attributes:
        path: as named or found; ``-`` is standard input.
        place: its place below the folder or pattern that was named, never above; of a named file
            its name.
        named: whether this very file was named, and not a folder or pattern that holds it.
    """

    path: str
    place: PurePath
    named: bool = False


@dataclass
class Found:
    """What the inputs resolve to.

    Attributes:
        sources: each photo once, in the order of the inputs, within a folder by name.
        problems: inputs and folders that gave nothing: what was named, and why.
        own: pictures that are left out, since an earlier run of this program made them.
        namesakes: photos in folders that are named like such pictures but carry no mark.
    """

    sources: list[Source] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    namesakes: list[str] = field(default_factory=list)


def find_photos(inputs: Sequence[str], *, recursive: bool = True) -> Found:
    """The photos that some inputs mean. No photo is decoded, and none needs to be there.

    A file is taken whatever its name. In a folder only names that end like a photo's count, and
    hidden ones do not. Results of this program, known by their name and their mark, are left
    out: in a folder all of them, elsewhere those whose own photo is among the inputs.

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
            place = PurePath(_folder_name(path) if len(inputs) > 1 else "")
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


def _folder_name(path: str) -> str:
    """The folder's own name, also of ``up/x/..``, whose last part would lead out of the output."""
    return os.path.basename(os.path.realpath(path) if ".." in Path(path).parts else
                            os.path.abspath(path))  # fmt: skip


def _inside(place: PurePath) -> PurePath:
    """The place without what leads above where it starts."""
    parts = Path(os.path.normpath(place)).parts
    return PurePath(*(part for part in parts if part not in ("..", place.anchor)))


def _nothing(path: str) -> str:
    if os.path.isdir(path):
        return "no photo in this folder; expected names that end like a photo's, such as .jpg"
    return "no file matches; check the pattern"


def _add_folder(found: Found, folder: str, place: PurePath, recursive: bool) -> None:
    for path in _walk(found, folder, recursive):
        if Path(path).stem.endswith(OWN):
            if read_mark(path) is not None:
                found.own.append(path)
                continue
            found.namesakes.append(path)
        found.sources.append(Source(path, place / os.path.relpath(path, folder)))


def _walk(found: Found, folder: str, recursive: bool) -> Iterator[str]:
    """Paths of what is named like a photo, by name; folders that cannot be read are a problem."""
    seen: set[tuple[int, int]] = set()
    levels = [iter(_entries(found, folder, seen))]
    while levels:  # a loop and no recursion: folders may be nested thousands deep
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
        elif _is_folder(entry):
            if recursive:
                levels.append(iter(_entries(found, entry.path, seen)))
        elif Path(entry.name).suffix.lower() in SUPPORTED_SUFFIXES:
            yield entry.path


def _entries(found: Found, folder: str, seen: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    """What is not hidden in a folder, by name; nothing where it was entered before."""
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            return []
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            # Hidden is also a Mac's ._photo.jpg, which is not a photo.
            return sorted(
                (one for one in entries if not one.name.startswith(".")), key=lambda one: one.name
            )
    except OSError as error:
        found.problems.append((folder, f"this folder cannot be read: {error.strerror or error}"))
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _add_pattern(found: Found, pattern: str, recursive: bool) -> None:
    """What a shell would have put there, and in the same order."""
    root = os.path.dirname(pattern)
    while glob.has_magic(root):
        root = os.path.dirname(root)
    try:
        paths = sorted(glob.glob(pattern, recursive=True))
    except RecursionError:
        words = "folders are nested too deep for a pattern; pass the folder instead"
        found.problems.append((pattern, words))
        return
    for path in paths:
        place = _inside(PurePath(os.path.relpath(path, root or os.curdir)))
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
    """Move the results of other photos here, which lie beside them, out of the sources."""
    names = set()
    for one in found.sources:
        folder, name = os.path.split(os.path.abspath(one.path))
        names |= {(folder, name), (folder, os.path.splitext(name)[0])}

    def is_own(one: Source) -> bool:
        folder, name = os.path.split(os.path.abspath(one.path))
        stem = os.path.splitext(name)[0]
        bases = [stem.removesuffix(ending) for ending in OWN if stem.endswith(ending)]
        bases += [re.sub(r"-\d+$", "", base) for base in bases]  # the number of a clash
        return any((folder, base) in names for base in bases) and read_mark(one.path) is not None

    own = {one.path for one in found.sources if is_own(one)}
    found.own += [one.path for one in found.sources if one.path in own]
    found.sources = [one for one in found.sources if one.path not in own]
