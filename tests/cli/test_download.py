"""The download command: what it prints, where, and its exit codes."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vx_detectron.cli.download import main
from vx_detectron.engines.guests import GUESTS
from vx_detectron.weights import catalog

ROOT = Path(__file__).resolve().parents[2]
R50 = "detectron2/ImageNetPretrained/MSRA/R-50.pkl"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no way out of this machine."""
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "rembg"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    return tmp_path / "cache"


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that has ``/good.pkl`` only."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/good.pkl"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(b"weights" if found else b"")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()
        thread.join()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_prints_where_the_file_is(server: str) -> None:
    result = run(f"{server}/good.pkl")
    assert result.exit_code == 0, result.output
    assert Path(result.stdout.strip()).read_bytes() == b"weights"


def test_a_name_that_is_there_needs_no_network(cache: Path) -> None:
    (cache / R50).parent.mkdir(parents=True)
    (cache / R50).write_bytes(b"weights")
    for name in ("R-50", "detectron2://ImageNetPretrained/MSRA/R-50.pkl"):
        result = run(name)
        assert (result.exit_code, result.stdout) == (0, f"{cache / R50}\n")


def test_one_failure_does_not_stop_the_others(server: str) -> None:
    result = run(f"{server}/bad.pkl", f"{server}/good.pkl")
    assert result.exit_code == 1
    assert "bad.pkl" in result.stderr and "answered 404" in result.stderr
    assert result.stdout.endswith("good.pkl\n") and result.stdout.count("\n") == 1


def test_all_without_a_network_says_so_for_each() -> None:
    result = run("--all")
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.count("Could not reach") == len(catalog.CATALOG)


def test_list_shows_names_and_what_is_there(cache: Path) -> None:
    (cache / R50).parent.mkdir(parents=True)
    (cache / R50).write_bytes(b"weights")
    result = run("--list")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in catalog.CATALOG)
    assert f"{cache / R50} (downloaded)" in result.stdout
    fetched = [guest.file.url for guest in GUESTS.values() if guest.file.url]
    assert all(f"--eye {name}\n" in result.stdout for name in GUESTS)
    assert result.stdout.count("(not downloaded yet)") == len(catalog.CATALOG) - 1 + len(fetched)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("no_such_name",),
        ("R-50", "--all"),
        ("http://example.com/x.pkl",),
        ("https://example.com/",),
        ("--nonsense",),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], cache: Path) -> None:
    result = run(*arguments)
    assert result.exit_code == 2 and result.stderr.startswith("Usage:")
    assert not cache.exists()


def test_the_script_passes_the_exit_code_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    script = [sys.executable, str(ROOT / "tools" / "download.py"), "no_such_name"]
    answer = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2 and "mask_rcnn_R_50_FPN_3x" in answer.stderr
