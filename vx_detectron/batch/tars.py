"""WebDataset's tars: photos are read in place from them, and results are written as them."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from vx_detectron.batch.sources import Item, Source, is_inside
from vx_detectron.batch.store import Store
from vx_detectron.image_io import SUPPORTED_SUFFIXES
from vx_detectron.image_io.names import reason


def tar_items(source: Source, path: str, place: str) -> Iterator[Item]:
    """The photos in one tar, in its order; only its headers are read.

    Args:
        source: receives the problem of a tar that cannot be read.
        path: of the tar.
        place: its name below what was named.
    """
    folder, name = split(path)
    try:
        # "r:" takes no compressed tar: inside one, nothing can be found without reading all of it.
        taken: set[str] = set()
        with Store(folder).open(name) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for one in tar:
                tar.members = []  # type: ignore[attr-defined]  # it keeps every header
                if not one.isreg() or os.path.splitext(one.name)[1].lower() not in _SUFFIXES:
                    continue
                own = PurePosixPath(one.name).as_posix()
                if not _sound(own) or own in taken:
                    words = "its name in the tar points outside, or appears twice"
                    yield Item(path, f"{place}/at-{one.offset}", problem=words)
                    continue
                taken.add(own)
                version = f"{one.size}-{one.mtime}-{one.offset_data}"
                yield Item(path, f"{place}/{own}", one.size, version, one.name, one.offset_data)
    except Exception as error:  # a hostile tar may raise anything
        words = f"this tar cannot be read (compressed tars are not supported): {reason(error)}"
        source.problems.append((path, words))


def split(path: str) -> tuple[str, str]:
    """Folder and name of a path or address."""
    folder, slash, name = path.rpartition("/")
    return (folder or ("/" if slash else os.curdir)), name


def write_tar(members: Iterable[tuple[str, Mapping[str, bytes]]]) -> bytes:
    """Samples as a tar; the same samples give the same bytes.

    Args:
        members: the key of each sample, and its files by suffix.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for key, files in members:
            for suffix, data in files.items():
                info = tarfile.TarInfo(f"{key}.{suffix}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def without(data: bytes, is_dropped: Callable[[str], bool]) -> bytes:
    """A tar without the samples of some keys."""
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(data), mode="r:") as old,
        tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for one in old:
            if not is_dropped(one.name.split(".")[0]):
                new.addfile(one, old.extractfile(one))
    return buffer.getvalue()


def _sound(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return is_inside(name)


_SUFFIXES = SUPPORTED_SUFFIXES
