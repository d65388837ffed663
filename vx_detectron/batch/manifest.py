"""A list of photos, as Parquet or CSV: a column ``path``, and each photo's own options."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

from vx_detectron.batch.sources import CUTOUT, Item, Source, is_inside, output_of
from vx_detectron.batch.store import Store, scheme_of
from vx_detectron.batch.wishes import COLUMNS, wishes_of
from vx_detectron.errors import BatchError
from vx_detectron.image_io.names import printable, reason

_KNOWN = ("path", "name", "bytes", *COLUMNS)


def manifest_items(source: Source) -> Iterator[Item]:
    """The photos of a list, in its order.

    A path may be relative to the list's own folder. ``name`` names the result; without it, the
    result is named as the path is. Two photos that would share one result are a problem of the
    second.

    Raises:
        BatchError: the list cannot be read, or has no column ``path``.
    """
    folder, _, name = source.path.replace(os.sep, "/").rpartition("/")
    store = Store(folder or ("/" if source.path.startswith("/") else os.curdir))
    taken: set[bytes] = set()
    try:
        with store.open(name) as file:
            for number, row in enumerate(_rows(source, file)):
                item = _item(store, row, number)
                keys = {_short(item.place), _short(output_of(item.place, item.named, CUTOUT, ""))}
                if keys & taken:
                    words = "an earlier row has the same path or name; give each row its own `name`"
                    item = Item(item.path, f"row {number}", problem=words)
                taken |= keys
                yield item
    except BatchError:
        raise
    except Exception as error:  # pyarrow, and the stores' libraries, have classes of their own
        words = f"{printable(source.text)}: this list cannot be read: {reason(error)}"
        raise BatchError(words) from error


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def _rows(source: Source, file: Any) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if source.path.lower().endswith(".csv"):
        # Everything is text: a column of names like 2024 or true must not turn into numbers.
        names = _header(file)
        types = {name: pa.string() for name in names}
        options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
        reader = pyarrow.csv.open_csv(file, convert_options=options)
        columns, batches = reader.schema.names, iter(reader)
    else:
        parquet = pyarrow.parquet.ParquetFile(file)
        columns = parquet.schema_arrow.names
        used = [name for name in columns if name in _KNOWN]
        batches = parquet.iter_batches(batch_size=4096, columns=used)
    _check_columns(source, columns)
    for batch in batches:
        yield from batch.to_pylist()


def _header(file: Any) -> list[str]:
    import csv
    import io

    line = file.readline().decode("utf-8-sig")
    file.seek(0)
    return next(csv.reader(io.StringIO(line)), [])


def _check_columns(source: Source, columns: list[str]) -> None:
    if "path" not in columns:
        raise BatchError(
            f"{printable(source.text)}: expected a column `path`, got {', '.join(columns)}"
        )
    others = [name for name in columns if name not in _KNOWN]
    for name in others:
        near = get_close_matches(name, _KNOWN, n=1, cutoff=0.8)
        if near:
            raise BatchError(
                f"{printable(source.text)}: the column {name!r} is not known; rename it to "
                f"{near[0]!r} if that is meant, or to something less alike"
            )
    if others:
        source.remarks.append(f"columns that are not used: {', '.join(map(printable, others))}")


def _item(store: Store, row: dict[str, Any], number: int) -> Item:
    path, name = row.get("path"), row.get("name")
    if not isinstance(path, str) or not path:
        return Item("", f"row {number}", problem="the row has no path")
    try:
        remote = scheme_of(path) is not None
    except BatchError as error:
        return Item(path, f"row {number}", problem=str(error))
    place = path.split("://", 1)[1] if remote else path
    place = (str(name) if name not in (None, "") else place).lstrip("/")
    place = PurePosixPath(place).as_posix()
    if not is_inside(place):
        words = "expected a name that stays inside a folder; give the row a `name`"
        return Item(path, f"row {number}", problem=words)
    whole = path if remote or path.startswith("/") else _joined(store, path)
    size = row.get("bytes")
    return Item(
        whole,
        place,
        size=int(size) if size not in (None, "") else None,
        options=wishes_of(row),
        named=name not in (None, ""),
    )


def _joined(store: Store, path: str) -> str:
    if store.local is None:
        return f"{store.url.rstrip('/')}/{path}"
    return store.path(path)
