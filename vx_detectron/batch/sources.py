"""From what a person named to photos, a few thousand at a time: never all of them in memory."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from vx_detectron.batch.store import Store, scheme_of, version_of
from vx_detectron.errors import BatchError
from vx_detectron.image_io import SUPPORTED_SUFFIXES
from vx_detectron.image_io.names import printable, reason

LISTS = (".parquet", ".csv")
CUTOUT, MASK = "_cutout", "_cutout_mask"
"""How the names of results end, as `isolate` names them."""


@dataclass(frozen=True)
class Item:
    """One photo to cut.

    Attributes:
        path: of the file, or of the tar that holds it.
        place: its name below the output, unique among the photos; see ``output_of``.
        size: of the photo in bytes, where it is known.
        version: a text that changes when the file does, where there is one.
        member: its name in the tar; None for a file.
        offset: where it starts in the tar.
        options: its own options as sorted json; None for none.
        named: whether a list names the output, so that nothing is added to its name.
        problem: why it cannot be cut, known before it is read.
    """

    path: str
    place: str
    size: int | None = None
    version: str | None = None
    member: str | None = None
    offset: int | None = None
    options: str | None = None
    named: bool = False
    problem: str | None = None


@dataclass
class Source:
    """The given input, and what was wrong with parts of it.

    Attributes:
        text: as the user wrote it.
        problems: folders or tars without usable photos, and why.
        remarks: what the user may want to know, such as unused columns.
    """

    text: str
    problems: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.remote = scheme_of(self.text) not in (None, "file")
        self.path = self.text if self.remote else self.text.removeprefix("file://")
        if not self.remote:
            self.path = os.path.expanduser(self.path)

    def items(self, without: str | None = None) -> Iterator[Item]:
        """The photos, by folder and name.

        Args:
            without: a folder or address whose contents are results and no input.

        Raises:
            BatchError: nothing of that name is there, or a list cannot be read.
        """
        if self.path.lower().endswith(LISTS):
            from vx_detectron.batch.manifest import manifest_items

            yield from manifest_items(self)
        elif self._means_tars():
            from vx_detectron.batch.tars import tar_items

            for path, place in self._files((".tar",), without):
                yield from tar_items(self, path, place)
        elif self.remote:
            yield from self._objects(tuple(SUPPORTED_SUFFIXES), without)
        elif os.path.isdir(self.path):
            yield from self._folder(self.path, tuple(SUPPORTED_SUFFIXES), without)
        elif glob.has_magic(self.path) and not os.path.lexists(self.path):
            yield from self._pattern()
        elif os.path.isfile(self.path):
            yield self.local_item(self.path, os.path.basename(self.path))
        else:
            raise BatchError(f"{printable(self.text)}: no such folder, file or pattern")

    def watched(self) -> str | None:
        """The folder whose changes can be watched; None for object stores, lists and patterns."""
        return self.path if not self.remote and os.path.isdir(self.path) else None

    def _means_tars(self) -> bool:
        return self.path.lower().endswith(".tar")

    def _files(self, suffixes: tuple[str, ...], without: str | None) -> Iterator[tuple[str, str]]:
        """Path and place of files that the text names itself."""
        if self.remote:
            for item in self._objects(suffixes, without):
                yield item.path, item.place
            return
        paths = sorted(glob.glob(self.path, recursive=True)) if glob.has_magic(self.path) else []
        if os.path.lexists(self.path):
            paths = [self.path]
        if not paths:
            raise BatchError(f"{printable(self.text)}: no such file or pattern")
        root = _root_of(self.path)
        for path in paths:
            yield path, _posix(os.path.relpath(path, root))

    # --- on disk --------------------------------------------------------------------------------

    def local_item(self, path: str, place: str) -> Item:
        """A file on disk; one that vanishes meanwhile is found missing when it is read."""
        try:
            status = os.stat(path)
        except OSError:
            return Item(path, place)
        return Item(path, place, status.st_size, f"{status.st_size}-{status.st_mtime_ns}")

    def _folder(
        self, folder: str, suffixes: tuple[str, ...], without: str | None
    ) -> Iterator[Item]:
        """All below a folder, folder by folder; each is entered once, so circles do no harm."""
        left_out = None if without is None else os.path.realpath(without)
        seen: set[tuple[int, int]] = set()
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            files, folders = self._entries(current, seen)
            waiting += [one for one in reversed(folders) if os.path.realpath(one) != left_out]
            for path in files:
                if os.path.splitext(path)[1].lower() in suffixes:
                    yield self.local_item(path, _posix(os.path.relpath(path, folder)))

    def _entries(self, folder: str, seen: set[tuple[int, int]]) -> tuple[list[str], list[str]]:
        files: list[str] = []
        folders: list[str] = []
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                return files, folders
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                for one in entries:
                    if one.name.startswith("."):
                        continue
                    if not _is_text(one.name):
                        self.problems.append((one.path, "its name is not UTF-8; rename it"))
                    else:
                        (folders if _is_folder(one) else files).append(one.path)
        except OSError as error:
            self.problems.append((folder, f"this folder cannot be read: {reason(error)}"))
        return sorted(files), sorted(folders)

    def _pattern(self) -> Iterator[Item]:
        root, found = _root_of(self.path), False
        for path in sorted(glob.iglob(self.path, recursive=True)):
            if os.path.isfile(path) and os.path.splitext(path)[1].lower() in SUPPORTED_SUFFIXES:
                found = True
                yield self.local_item(path, _posix(os.path.relpath(path, root)))
        if not found:
            raise BatchError(f"{printable(self.text)}: no photo matches; check the pattern")

    # --- in an object store ---------------------------------------------------------------------

    def _objects(self, suffixes: tuple[str, ...], without: str | None) -> Iterator[Item]:
        scheme, _, rest = self.text.partition("://")
        bucket = Store(f"{scheme}://{rest.split('/')[0]}")
        fs, path = bucket.remote, rest.rstrip("/")
        infos: Iterable[dict[str, Any]]
        try:
            if glob.has_magic(path):
                root = _root_of(path)
                infos = sorted(fs.glob(path, detail=True).values(), key=_name)
            elif path.lower().endswith(suffixes) and fs.isfile(path):
                root, infos = path.rpartition("/")[0], [fs.info(path)]
            else:
                root, infos = path, _walk(fs, path)
            left_out = None if without is None else without.partition("://")[2].rstrip("/") + "/"
            found = False
            for info in infos:
                name = str(info["name"])
                if info["type"] != "file" or not name.lower().endswith(suffixes):
                    continue
                if left_out is not None and name.startswith(left_out):
                    continue
                found = True
                place = name[len(root) :].removeprefix("/")
                if is_inside(place):
                    yield Item(f"{scheme}://{name}", place, info.get("size"), version_of(info))
                else:  # such as ../x or a//b, which would be another file on a disk
                    self.problems.append((name, "its key is not the path of a file; rename it"))
        except FileNotFoundError:
            found = False
        except OSError as error:
            raise BatchError(
                f"{printable(self.text)}: cannot be listed: {reason(error)}"
            ) from error
        if not found:
            raise BatchError(f"{printable(self.text)}: no photo there")


def in_chunks(items: Iterator[Item], count: int) -> Iterator[Sequence[Item]]:
    """The items, some at a time."""
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == count:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def output_of(place: str, named: bool, ending: str, format: str) -> str:
    """The picture's name below ``pictures/``: it depends on nothing but the photo's own name.

    >>> output_of("cats/tom.jpg", False, "_cutout", "png")
    'cats/tom.jpg_cutout.png'
    """
    return f"{place}.{format}" if named else f"{place}{ending}.{format}"


def is_inside(place: str) -> bool:
    """Whether a name stays below the folder that it is joined to, and is the only one for its file.

    >>> is_inside("a/b.jpg"), is_inside("../b.jpg"), is_inside("/b.jpg"), is_inside("a//b.jpg")
    (True, False, False, False)
    """
    path = PurePosixPath(place)
    plain = path.as_posix() == place and place != "."
    return plain and not path.is_absolute() and ".." not in path.parts and "\0" not in place


def _walk(fs: Any, folder: str) -> Iterator[dict[str, Any]]:
    """All objects below a prefix, a folder at a time."""
    waiting = [folder]
    while waiting:
        infos = sorted(fs.ls(waiting.pop(), detail=True, refresh=True), key=_name)
        waiting += [str(one["name"]) for one in reversed(infos) if one["type"] == "directory"]
        yield from (one for one in infos if one["type"] == "file")


def _name(info: dict[str, Any]) -> str:
    return str(info["name"])


def _root_of(pattern: str) -> str:
    root = os.path.dirname(pattern)
    while glob.has_magic(root):
        root = os.path.dirname(root)
    return root or os.curdir


def _posix(path: str) -> str:
    return path.replace(os.sep, "/")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
