"""Prove that every photo is there exactly once: input, records and results, against each other.

    python benchmarks/batch_count.py IN OUT

It lists the input with nothing of the batch's own code (os.walk), reads the records with pyarrow,
and opens every result. It prints what it counted, and ends with 1 where anything is missing,
doubled, half-written or nobody's. A photo whose record is a failure is counted as such.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
from collections import Counter
from pathlib import Path

import click
import pyarrow.parquet
from PIL import Image

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"}


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--hash/--no-hash", default=True, help="Compare each photo's sha256 with its record.")
def main(source: Path, output: Path, hash: bool) -> None:
    """Count IN against OUT."""
    photos = {
        path.relative_to(source).as_posix(): path
        for folder, _, names in os.walk(source)
        for path in (Path(folder) / name for name in names)
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    }
    rows = [
        row
        for file in sorted((output / "records").glob("*.parquet"))
        for row in pyarrow.parquet.read_table(file).to_pylist()
    ]
    counts = Counter(row["place"] for row in rows)
    problems = [f"no record: {place}" for place in photos.keys() - counts.keys()]
    problems += [f"{count} records: {place}" for place, count in counts.items() if count > 1]
    gone = sum(row["place"] not in photos for row in rows)
    changed = 0
    if hash:
        for row in rows:
            photo = photos.get(row["place"])
            if photo is not None and row["sha256"]:
                changed += hashlib.sha256(photo.read_bytes()).hexdigest() != row["sha256"]
    problems += [f"{changed} records are of other bytes"] if changed else []
    pictures, broken = results(output)
    problems += broken
    named = Counter(row["output"] for row in rows if row["status"] == "done")
    named.pop(None, None)
    problems += [f"no such result: {name}" for name in named.keys() - pictures.keys()]
    problems += [f"nobody's result: {name}" for name in pictures.keys() - named.keys()]
    problems += [
        f"{pictures[name]} samples for {count} records: {name}"
        for name, count in named.items()
        if name in pictures and pictures[name] != count
    ]
    left = [path for path in output.rglob(".*.part")]
    problems += [f"half-written: {path}" for path in left]
    print(f"{len(photos)} photos, {len(rows)} records, {sum(pictures.values())} results")
    print("records:", dict(Counter(row["status"] for row in rows)))
    print("failures:", dict(Counter(row["kind"] for row in rows if row["status"] == "failed")))
    print(f"{gone} records of photos that are no longer there; {len(problems)} problems")
    for problem in problems[:20]:
        print("  ", problem)
    sys.exit(bool(problems))


def results(output: Path) -> tuple[Counter[str], list[str]]:
    """Every picture and every sample that is whole, and what is not."""
    found: Counter[str] = Counter()
    broken = []
    for path in (output / "pictures").rglob("*"):
        if path.is_file():
            found[path.relative_to(output).as_posix()] += 1
            try:
                with Image.open(path) as image:
                    image.load()
            except OSError as error:
                broken.append(f"broken: {path}: {error}")
    for path in (output / "shards").glob("*.tar"):
        with tarfile.open(path) as tar:
            keys = Counter(name for name in tar.getnames() if not name.endswith(".json"))
        broken += [f"doubled in {path}: {key}" for key, count in keys.items() if count > 1]
        found[path.relative_to(output).as_posix()] += len(keys)
    return found, broken


if __name__ == "__main__":
    main()
