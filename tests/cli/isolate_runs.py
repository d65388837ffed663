"""How the tests of ``isolate`` run it: in this process, or as a program of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from vx_detectron.cli.isolate import main

ROOT = Path(__file__).resolve().parents[2]
# The engine of people who install the package alone; it also loads quickest.
ENGINE = ("--engine", "onnx", "--device", "cpu")


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    """The command in this process; an exception that it lets out fails the test."""
    texts = [str(one) for one in (*ENGINE, *arguments)]
    result = CliRunner().invoke(main, texts, input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def records(result: Result) -> list[dict[str, Any]]:
    """What ``--json`` printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def start(
    *arguments: str | Path, closed: Sequence[int] = (), **options: Any
) -> subprocess.Popen[str]:
    """The command as a program of its own, from the folder of this checkout.

    It hears SIGINT, also where the tests run as a shell's background job, which does not. The
    streams of the numbers ``closed`` are not open in it.
    """

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in closed:
            os.close(number)

    return subprocess.Popen(
        [sys.executable, ROOT / "tools" / "isolate.py", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        preexec_fn=prepare,
        **options,
    )


def listing(folder: Path) -> set[str]:
    """Everything below a folder, hidden files too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
