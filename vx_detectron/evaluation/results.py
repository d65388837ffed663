"""Results as files: ``results.json`` with everything, ``results.csv`` with one line per photo."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from vx_detectron.errors import DataError
from vx_detectron.files import write_text

Results = dict[str, Any]


def problem(kind: str, name: str, reason: str) -> dict[str, str]:
    """One file or photo that is in no figure, as results name it."""
    return {"kind": kind, "name": name, "reason": reason}


def write_results(folder: Path, results: Results) -> None:
    """Write ``results.json``, and ``results.csv`` where there are photos; each whole or not at all.

    Raises:
        DataError: they cannot be written.
    """
    text = json.dumps(results, indent=1, allow_nan=False)
    write_text(folder / "results.json", text + "\n")
    if results["photos"]:
        write_text(folder / "results.csv", _table(results["photos"]))


def read_results(path: Path, schema: str) -> Results:
    """Read a ``results.json`` of one schema.

    Raises:
        DataError: it is missing, or no such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read the results {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} should be a results.json, but is not json: {error}") from error
    found = content.get("schema") if isinstance(content, dict) else None
    if found != schema:
        raise DataError(f"{path} should have the schema {schema}, it has {found!r}; evaluate again")
    return dict(content)


def _table(rows: list[dict[str, Any]]) -> str:
    flat = [_flat(row) for row in rows]
    columns = list(dict.fromkeys(column for row in flat for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """What stands in a dictionary in a row becomes columns such as ``seconds.network``."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": one for key, one in _flat(value).items()}
        else:
            flat[name] = value
    return flat
