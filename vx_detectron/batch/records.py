"""The records of a batch: Parquet files with one row per photo; the newest row counts."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vx_detectron.batch.store import Store
from vx_detectron.batch.tars import without

if TYPE_CHECKING:
    import pyarrow as pa

RECORDS, SHARDS, PICTURES = "records", "shards", "pictures"
DONE, NO_SUBJECT, FAILED, KEPT = "done", "no subject", "failed", "kept"
"""What became of a photo; ``kept`` is the answer for one that was done before, never a record."""


def schema() -> pa.Schema:
    """The columns of the records.

    ``sha256`` is of the photo's bytes, empty where they could not be read. ``mask`` is the subject
    from alpha 0.5 up, as COCO's compressed run-length code at the photo's size; boxes are x, y,
    width, height in pixels. ``output`` is below the batch's own folder. ``run`` is the moment that
    its run began, in nanoseconds since 1970.
    """
    import pyarrow as pa

    rle = pa.struct([("size", pa.list_(pa.int32())), ("counts", pa.string())])
    instance = pa.struct(
        [
            ("label", pa.string()),
            ("score", pa.float32()),
            ("box", pa.list_(pa.float32())),
            ("mask", rle),
        ]
    )
    text, texts = pa.string(), pa.list_(pa.string())
    return pa.schema(
        [
            ("place", text),
            ("path", text),
            ("member", text),
            ("output", text),
            ("sha256", text),
            ("bytes", pa.int64()),
            ("version", text),
            ("status", text),
            ("kind", text),
            ("error", text),
            ("reason", text),
            ("labels", texts),
            ("method", text),
            ("score", pa.float32()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("mask", rle),
            ("instances", pa.list_(instance)),
            ("notes", texts),
            ("engine", text),
            ("weights_sha256", text),
            ("eye_sha256", text),
            ("refinement", texts),
            ("options", text),
            ("seconds", pa.float32()),
            ("worker", text),
            ("run", pa.int64()),
            ("finished", pa.timestamp("us", tz="UTC")),
        ]
    )


def key_of(place: str) -> int:
    """A photo's name below the output as 64 bits, which find its record."""
    digest = hashlib.blake2b(place.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def sample_key(place: str) -> str:
    """A photo's key in a shard: WebDataset cuts names at their first dot, so not its name."""
    return hashlib.blake2b(place.encode(), digest_size=12).hexdigest()


def part_name(table: pa.Table) -> str:
    """The name of a part, derived from its contents, so that writing it again replaces it."""
    digest = hashlib.sha256()
    for column in ("place", "sha256", "status", "options", "run"):
        for value in sorted(map(str, table[column].to_pylist())):
            digest.update(value.encode() + b"\0")
    return f"part-{digest.hexdigest()[:24]}"


def write_part(store: Store, name: str, table: pa.Table) -> None:
    """Write one file of records, completely or not at all. Raises StoreError."""
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    store.write(f"{RECORDS}/{name}.parquet", buffer.getvalue())


def parts(store: Store, columns: Sequence[str] | None = None) -> Iterator[tuple[str, pa.Table]]:
    """The name of each file of records, and its rows."""
    import pyarrow.parquet

    for entry in store.files(RECORDS, ".parquet"):
        with store.open(entry.name) as file:
            table = pyarrow.parquet.read_table(
                file, columns=None if columns is None else [*columns]
            )
        yield entry.name.rpartition("/")[2].removesuffix(".parquet"), table


@dataclass(frozen=True)
class Rows:
    """Which row of which file is the newest of its photo.

    Attributes:
        names: of the files.
        keys: uint64 (N,), of the photos, rising; see ``key_of``.
        file: int32 (N,), position in ``names``.
        row: int32 (N,), position in that file.
        newest: bool (N,).
    """

    names: tuple[str, ...]
    keys: Any
    file: Any
    row: Any
    newest: Any


def all_rows(store: Store) -> Rows:
    """All rows of all files, of which the newest of each photo counts: the later run's first."""
    names: list[str] = []
    keys, files, rows, runs, times = [], [], [], [], []
    for index, (name, table) in enumerate(parts(store, ("place", "run", "finished"))):
        names.append(name)
        places = table["place"].to_pylist()
        keys.append(np.fromiter(map(key_of, places), dtype=np.uint64, count=len(places)))
        files.append(np.full(len(places), index, dtype=np.int32))
        rows.append(np.arange(len(places), dtype=np.int32))
        runs.append(table["run"].to_numpy())
        times.append(table["finished"].cast("int64").to_numpy())
    if not names:
        empty = np.zeros(0, dtype=np.int64)
        return Rows((), empty.astype(np.uint64), empty, empty, empty.astype(np.bool_))
    key, file, row, run, time = (np.concatenate(one) for one in (keys, files, rows, runs, times))
    order = np.lexsort((row, file, time, run, key))
    key, file, row = key[order], file[order], row[order]
    newest = np.append(key[1:] != key[:-1], True) if len(key) else np.zeros(0, dtype=np.bool_)
    return Rows(tuple(names), key, file, row, newest)


def tidy(store: Store) -> int:
    """Leave one row, and one result, of each photo; returns how many rows went.

    Older rows are removed, with the pictures and samples that only they name; a shard without
    records, which a killed run left, is removed too. May itself be killed at any moment.
    """
    rows = all_rows(store)
    dropped = 0
    if not rows.newest.all():
        doubled = rows.keys[~rows.newest]
        kept_outputs = _outputs(store, rows, np.isin(rows.keys, doubled) & rows.newest)
        for file in np.unique(rows.file[~rows.newest]):
            old = rows.row[(rows.file == file) & ~rows.newest]
            dropped += _drop(store, rows.names[file], old, kept_outputs)
    shards = {one.name for one in store.files(SHARDS, ".tar")}
    known = {f"{SHARDS}/{name}.tar" for name in rows.names}
    for name in shards - known:
        store.remove(name)
    if not shards:
        _merge(store)
    return dropped


_SMALL, _MANY = 200, 64  # rows of a file that is merged, and how many such files are let be


def _merge(store: Store) -> None:
    """Make few files of many small ones, such as those of a watched folder."""
    import pyarrow as pa

    small: list[tuple[str, pa.Table]] = []
    for name, table in parts(store):
        if len(table) < _SMALL:
            small.append((name, table))
        if sum(len(table) for _, table in small) > 100 * _SMALL:
            break
    if len(small) <= _MANY:
        return
    whole = pa.concat_tables([table for _, table in small])
    merged = part_name(whole)
    write_part(store, merged, whole)  # if it ends here, its rows are doubled and dropped next time
    for name, _ in small:
        if name != merged:
            store.remove(f"{RECORDS}/{name}.parquet")


def _outputs(store: Store, rows: Rows, mask: Any) -> set[str]:
    """The outputs that some rows name."""
    import pyarrow.parquet

    found: set[str] = set()
    for file in np.unique(rows.file[mask]):
        with store.open(f"{RECORDS}/{rows.names[file]}.parquet") as stream:
            column = pyarrow.parquet.read_table(stream, columns=["output"])["output"]
        found |= set(column.take(rows.row[mask & (rows.file == file)]).to_pylist())
    return found - {None}


def _drop(store: Store, name: str, old: Any, kept_outputs: set[str]) -> int:
    """Take some rows out of one file, and their results out of the store."""
    import pyarrow.parquet

    path = f"{RECORDS}/{name}.parquet"
    with store.open(path) as stream:
        table = pyarrow.parquet.read_table(stream)
    gone = table.take(old)
    shard = f"{SHARDS}/{name}.tar"
    for output in gone["output"].to_pylist():
        if output is not None and output != shard and output not in kept_outputs:
            store.remove(output)
    rest = table.filter(~np.isin(np.arange(len(table)), old))
    if shard in set(gone["output"].to_pylist()):
        keys = {sample_key(place) for place in gone["place"].to_pylist()}
        if len(rest):
            data = store.read(shard, 2**40)
            store.write(shard, without(data, keys.__contains__))
    if len(rest):
        write_part(store, name, rest)
    else:
        store.remove(path)
        store.remove(shard)
    return len(gone)


class Index:
    """What is done already, in about 80 bytes a photo.

    A clash of two names in their 64 bits does no harm: the worker compares contents, and cuts a
    photo again whose contents are not those of the record.

    Args:
        store: the output.
        shards: whether results are in shards, so that those of a lost shard are not done.
    """

    def __init__(self, store: Store, shards: bool) -> None:
        self._forgotten: set[int] = set()
        columns = ("place", "run", "finished", "sha256", "status", "options", "version", "output")
        found: list[tuple[Any, ...]] = []
        tars = {one.name for one in store.files(SHARDS, ".tar")} if shards else set()
        for _, table in parts(store, columns):
            rows = table.to_pydict()
            there = [o is None or not shards or o in tars for o in rows["output"]]
            count = len(there)
            if not count:
                continue
            found.append(
                (
                    np.fromiter(map(key_of, rows["place"]), np.uint64, count),
                    table["run"].to_numpy(),
                    table["finished"].cast("int64").to_numpy(),
                    np.array([bytes.fromhex(one or "") for one in rows["sha256"]], "S32"),
                    np.array(rows["status"], "S12"),
                    np.array(rows["options"], "S16"),
                    np.array([_short(one) for one in rows["version"]], "S8"),
                    np.array(there),
                )
            )
        if not found:
            self._columns = None
            return
        columns_ = [np.concatenate(one) for one in zip(*found, strict=True)]
        order = np.lexsort((columns_[2], columns_[1], columns_[0]))
        columns_ = [one[order] for one in columns_]
        newest = np.append(columns_[0][1:] != columns_[0][:-1], True)
        keep = newest & columns_[7]
        self._columns = [one[keep] for one in columns_]

    def __len__(self) -> int:
        return 0 if self._columns is None else len(self._columns[0])

    def find(self, place: str) -> Done | None:
        """The newest record of a photo."""
        if self._columns is None or (place_key := key_of(place)) in self._forgotten:
            return None
        key = np.uint64(place_key)
        at = int(np.searchsorted(self._columns[0], key))
        if at == len(self) or self._columns[0][at] != key:
            return None
        sha, status, options, version = (self._columns[i][at] for i in (3, 4, 5, 6))
        # numpy drops zeros at the end of bytes.
        digest = bytes(sha).ljust(32, b"\0").hex() if sha else ""
        return Done(digest, status.decode(), options.decode(), bytes(version))

    def forget(self, place: str) -> None:
        """Let go of a photo whose record is no longer the newest."""
        self._forgotten.add(key_of(place))


@dataclass(frozen=True)
class Done:
    """What a record says of a photo: its digest, status, options, and its version in short."""

    sha256: str
    status: str
    options: str
    version: bytes

    def is_version(self, version: str | None) -> bool:
        """Whether the store calls the photo the same as then."""
        return version is not None and _short(version).rstrip(b"\0") == self.version


def _short(version: str | None) -> bytes:
    return b"" if version is None else hashlib.blake2b(version.encode(), digest_size=8).digest()
