"""Where photos come from and results go to: a folder on disk, or a prefix in an object store."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vx_detectron.errors import BatchError, ImageError
from vx_detectron.files import replacing
from vx_detectron.image_io.names import printable, reason
from vx_detectron.image_io.opening import expect_file, read_bytes

STATE = "_batch"
"""The folder in an output that holds what a run needs for itself; no results."""
WORKSHOP = f"{STATE}/tmp"

# Others, such as http, would let a list of photos reach into networks that nobody named.
_REMOTE = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# What is wrong with one name alone. All else, such as a full disk, would be so with every photo.
_ITS_OWN = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ENOTDIR, errno.EISDIR}


class StoreError(BatchError):
    """The output cannot be written at all; every further photo would fail."""


@dataclass(frozen=True)
class Entry:
    """A file in a store.

    Attributes:
        name: below the store's root, with ``/`` between its parts.
        size: in bytes; None where the store does not say.
        version: a text that changes when the file does: size and time, or an ETag.
    """

    name: str
    size: int | None
    version: str | None


class Store:
    """One folder or prefix. Cheap to make and to send to another process.

    Args:
        url: a path, or ``file://``, ``s3://``, ``gs://``, ``abfs://``.

    Attributes:
        local: the folder on this disk, or None for an object store.

    Raises:
        BatchError: the address is of another kind, or its library is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        scheme = scheme_of(url)
        self.local: Path | None = None
        if scheme is None or scheme == "file":
            self.local = Path(os.path.abspath(url.removeprefix("file://")))
            self.root = str(self.local)
        else:
            self.root = url.split("://", 1)[1].rstrip("/")
            if not self.root:
                raise BatchError(f"{url}: expected a bucket, as in {scheme}://BUCKET/PREFIX")
        self._scheme = scheme
        self._remote: Any = None

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        return Store, (self.url,)

    def __str__(self) -> str:
        return printable(self.url)

    @property
    def remote(self) -> Any:
        """The fsspec file system of an object store; connected when it is first used."""
        if self._remote is None:
            self._remote = _connect(str(self._scheme))
        return self._remote

    def path(self, name: str) -> str:
        """The whole path of a name below the root, as the file system takes it."""
        return f"{self.root}/{name}" if name else self.root

    # --- reading --------------------------------------------------------------------------------

    def read(self, name: str, most: int, start: int = 0, length: int | None = None) -> bytes:
        """The bytes of a file, or of a part of it.

        Args:
            name: below the root.
            most: the largest file that is read.
            start: where the part begins.
            length: of the part; by default to the end.

        Raises:
            ImageError: it cannot be read, or is larger.
        """
        if length is not None and length > most:
            raise ImageError(f"is larger than {most:,} bytes, the limit")
        try:
            if self.local is not None:
                if length is None:
                    return read_bytes(self.path(name), most)
                return self._read_part(name, start, length)
            end = start + (most + 1 if length is None else length)
            data: bytes = self.remote.cat_file(self.path(name), start=start, end=end)
        except ImageError:
            raise
        except Exception as error:  # the stores' libraries raise classes of their own
            raise ImageError(f"cannot be read: {reason(error)}") from error
        if len(data) > most:
            raise ImageError(f"is larger than {most:,} bytes, the limit")
        return data

    def _read_part(self, name: str, start: int, length: int) -> bytes:
        expect_file(os.stat(self.path(name)).st_mode)
        with open(self.path(name), "rb") as file:
            file.seek(start)
            data = file.read(length)
        if len(data) < length:
            raise ImageError("cannot be read: its tar ends before it")
        return data

    def open(self, name: str) -> Any:
        """The file as a seekable binary stream. Raises whatever the store does."""
        if self.local is not None:
            return open(self.path(name), "rb")
        return self.remote.open(self.path(name), "rb", cache_type="readahead")

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        if self.local is not None:
            return os.path.exists(self.path(name))
        return bool(self.remote.exists(self.path(name)))

    def files(self, under: str = "", suffix: str = "") -> Iterator[Entry]:
        """The files right below a folder, by name; none where there is no such folder."""
        if self.local is not None:
            folder = Path(self.path(under))
            names = sorted(os.listdir(folder)) if folder.is_dir() else []
            for name in names:
                if name.endswith(suffix) and not name.startswith("."):
                    yield Entry(f"{under}/{name}" if under else name, None, None)
            return
        try:
            infos = self.remote.ls(self.path(under), detail=True, refresh=True)
        except FileNotFoundError:
            return
        for info in sorted(infos, key=lambda info: str(info["name"])):
            name = str(info["name"])[len(self.root) + 1 :]
            if info["type"] == "file" and name.endswith(suffix) and not name.endswith("/"):
                yield Entry(name, info.get("size"), version_of(info))

    # --- writing --------------------------------------------------------------------------------

    def write(self, name: str, data: bytes) -> None:
        """Write a file completely or not at all.

        On disk it is written in the workshop and renamed; an object store shows an object only
        when all of it is there.

        Raises:
            StoreError: the store cannot be written: it is full, read-only or unreachable.
            ImageError: only this file cannot be written, such as one whose name is too long.
        """
        try:
            if self.local is not None:
                path = Path(self.path(name))
                workshop = Path(self.path(WORKSHOP))
                path.parent.mkdir(parents=True, exist_ok=True)
                workshop.mkdir(parents=True, exist_ok=True)
                with replacing(path, workshop) as temporary, open(temporary, "xb") as file:
                    file.write(data)
            else:
                self.remote.pipe_file(self.path(name), data)
        except OSError as error:
            words = f"{self}/{printable(name)}: cannot be written: {reason(error)}"
            if self.local is not None and error.errno in _ITS_OWN:
                raise ImageError(words) from error
            raise StoreError(words) from error
        except Exception as error:  # the stores' libraries raise classes of their own
            raise StoreError(f"{self}/{printable(name)}: cannot be written: {error}") from error

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        try:
            if self.local is not None:
                os.unlink(self.path(name))
            else:
                self.remote.rm_file(self.path(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"{self}/{name}: cannot be removed: {reason(error)}") from error

    def remove_folder(self, name: str) -> None:
        """Remove a folder and all that is in it."""
        if self.local is not None:
            shutil.rmtree(self.path(name), ignore_errors=True)
            return
        if self.remote.exists(self.path(name)):
            self.remote.rm(self.path(name), recursive=True)


def scheme_of(url: str) -> str | None:
    """The scheme of an address, None for a plain path.

    Raises:
        BatchError: a scheme that is not read here.
    """
    found = _SCHEME.match(url)
    if "::" in url:
        raise BatchError(f"{printable(url)}: chained URLs (::) are not supported")
    if found is None:
        return None
    scheme = found[1].lower()
    if scheme != "file" and scheme not in _REMOTE:
        raise BatchError(
            f"{printable(url)}: expected a path or one of file, {', '.join(_REMOTE)}, "
            f"got {scheme}://"
        )
    return scheme


def version_of(info: dict[str, Any]) -> str | None:
    """What changes when an object does, from what its store says of it."""
    for key in ("ETag", "etag", "md5Hash"):
        if isinstance(info.get(key), str):
            return str(info[key]).strip('"')
    when = info.get("LastModified") or info.get("last_modified") or info.get("mtime")
    return None if when is None else f"{info.get('size')}-{when}"


def _connect(scheme: str) -> Any:
    import fsspec

    try:
        # Listings are never cached: another machine writes to the same place.
        return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as error:
        package = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}.get(scheme, "adlfs")
        raise BatchError(
            f"{scheme}:// needs {package}, which is not installed: pip install {package}"
        ) from error
