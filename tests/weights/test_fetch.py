"""Fetching a file from a real server on this machine, one that behaves and many that do not."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from misbehaving_site import (
    DATA,
    SHA256,
    Behaviour,
    Handler,
    Site,
    answers,
    chunked,
    crawls,
    cut,
    endless,
    hangs_up,
    silent,
    whole,
)

from vx_detectron.errors import DownloadError
from vx_detectron.weights.fetch import download, sha256_of
from vx_detectron.weights.safe_http import is_safe_url

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "model.pkl"


def fetch(site: Site, target: Path, **more: object) -> Path:
    """``download`` with short waits."""
    return download(site.url, target, **({"timeout": 5.0, "pause": 0.0} | more))  # type: ignore[arg-type]


def leftovers(target: Path) -> set[str]:
    """Files beside the target, except the lock that Detectron2 leaves there too."""
    return {path.name for path in target.parent.iterdir()} - {target.name, target.name + ".lock"}


# When all goes well


def test_fetches_a_file(site: Site, target: Path) -> None:
    assert fetch(site, target, size=len(DATA), sha256=SHA256.upper()) == target
    assert target.read_bytes() == DATA and sha256_of(target) == SHA256
    assert site.ranges() == [None] and leftovers(target) == set()


def test_checks_the_md5_in_a_zoo_name(site: Site, target: Path) -> None:
    fetch(site, target, md5=hashlib.md5(DATA).hexdigest()[:6])
    with pytest.raises(DownloadError, match="md5 that begins with ffffff, got"):
        fetch(site, target.with_name("other.pkl"), md5="ffffff")


def test_asks_nobody_for_a_file_that_is_there(site: Site, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(DATA)
    fetch(site, target, size=len(DATA), sha256=SHA256)
    assert site.requests == []


@pytest.mark.parametrize("old", [b"", DATA[:-1], bytes(len(DATA))])
def test_replaces_a_file_that_fails_the_checks(site: Site, target: Path, old: bytes) -> None:
    target.parent.mkdir()
    target.write_bytes(old)
    fetch(site, target, size=len(DATA), sha256=SHA256)
    assert target.read_bytes() == DATA


def test_takes_a_stream_of_unknown_length(site: Site, target: Path) -> None:
    site.script = [chunked(5000, ends=True)]
    fetch(site, target)
    assert target.read_bytes() == DATA[:5000]


def test_follows_redirects_on_this_machine(site: Site, target: Path) -> None:
    site.script = [answers(302, Location="/elsewhere.pkl")]
    fetch(site, target, sha256=SHA256)
    assert len(site.requests) == 2


def test_draws_a_bar_on_a_terminal_only(
    site: Site, target: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fetch(site, target)
    assert capfd.readouterr() == ("", "")
    reader, writer = pytest.importorskip("pty").openpty()
    termios, fcntl = pytest.importorskip("termios"), pytest.importorskip("fcntl")
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    with open(writer, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        fetch(site, target.with_name("quiet.pkl"), progress=False)
        fetch(site, target.with_name("loud.pkl"))
        terminal.flush()
        drawn = os.read(reader, 10_000).decode()
    os.close(reader)
    assert "loud.pkl" in drawn and "quiet.pkl" not in drawn


# When it breaks off


def test_continues_where_the_connection_broke(site: Site, target: Path) -> None:
    site.script = [cut(100_000)]
    fetch(site, target, size=len(DATA), sha256=SHA256)
    assert site.ranges() == [None, "bytes=100000-"]
    assert site.requests[1]["If-Range"] == '"one"'
    assert target.read_bytes() == DATA


def test_continues_in_a_later_call(site: Site, target: Path) -> None:
    site.script = [cut(100_000)]
    with pytest.raises(
        DownloadError, match=r"after 100000 of 256000 bytes.*kept and will be resumed"
    ):
        fetch(site, target, attempts=1)
    assert not target.exists()
    fetch(site, target)
    assert site.ranges() == [None, "bytes=100000-"] and target.read_bytes() == DATA


def test_continues_by_date_where_the_tag_is_weak(site: Site, target: Path) -> None:
    site.etag, site.modified = 'W/"weak"', "Wed, 21 Oct 2015 07:28:00 GMT"
    site.script = [cut(1000)]
    fetch(site, target)
    assert site.requests[1]["If-Range"] == site.modified
    assert target.read_bytes() == DATA


def test_begins_again_where_versions_cannot_be_told_apart(site: Site, target: Path) -> None:
    site.etag = None
    site.script = [cut(1000)]
    fetch(site, target)
    assert site.ranges() == [None, None] and target.read_bytes() == DATA


def test_begins_again_where_the_server_knows_no_ranges(site: Site, target: Path) -> None:
    site.script = [cut(100_000), whole]
    fetch(site, target)
    assert site.ranges() == [None, "bytes=100000-"] and target.read_bytes() == DATA


def test_begins_again_when_the_file_changed(site: Site, target: Path) -> None:
    site.script = [cut(100_000)]
    with pytest.raises(DownloadError):
        fetch(site, target, attempts=1)
    site.data, site.etag = DATA[::-1], '"two"'
    fetch(site, target)
    assert target.read_bytes() == DATA[::-1]


def test_sees_a_changed_file_that_the_server_hides(site: Site, target: Path) -> None:
    """A server that ignores If-Range sends the rest of another version."""

    def careless(handler: Handler) -> None:
        site.etag, site.data = '"two"', DATA[::-1]
        handler.begin(206, Content_Range="bytes 100000-255999/256000", Content_Length=156_000)
        handler.wfile.write(site.data[100_000:])

    site.script = [cut(100_000), careless]
    fetch(site, target)
    assert site.ranges() == [None, "bytes=100000-", None]
    assert target.read_bytes() == DATA[::-1]


def test_begins_again_when_the_answer_begins_elsewhere(site: Site, target: Path) -> None:
    span = {"Content_Range": "bytes 0-9/256000"}
    site.script = [cut(100_000), answers(206, DATA[:10], **span)]
    fetch(site, target)
    assert target.read_bytes() == DATA


def test_begins_again_when_there_is_nothing_left_to_ask_for(site: Site, target: Path) -> None:
    site.script = [cut(100_000)]
    with pytest.raises(DownloadError):
        fetch(site, target, attempts=1)
    site.data = DATA[:100_000]
    fetch(site, target)
    assert site.ranges() == [None, "bytes=100000-", None]
    assert target.read_bytes() == DATA[:100_000]


def test_does_not_continue_a_file_of_another_address(site: Site, target: Path) -> None:
    site.script = [cut(100_000)]
    with pytest.raises(DownloadError):
        fetch(site, target, attempts=1)
    download(site.url + "?other", target, pause=0.0)
    assert site.ranges() == [None, None] and target.read_bytes() == DATA


@pytest.mark.parametrize("note", [b"", b"[]", b"{}", b"\xff\xfe", b'{"url": 1}'])
def test_ignores_a_damaged_note(site: Site, target: Path, note: bytes) -> None:
    target.parent.mkdir()
    target.with_name("model.pkl.part").write_bytes(b"rubbish")
    target.with_name("model.pkl.part.json").write_bytes(note)
    fetch(site, target)
    assert site.ranges() == [None] and target.read_bytes() == DATA


@pytest.mark.parametrize(
    "fault", [answers(500), answers(503), answers(429), hangs_up, chunked(1000, ends=False)]
)
def test_tries_again_after_a_passing_fault(site: Site, target: Path, fault: Behaviour) -> None:
    site.script = [fault]
    fetch(site, target, sha256=SHA256)
    assert len(site.requests) == 2 and target.read_bytes() == DATA


def test_gives_up_after_some_attempts(site: Site, target: Path) -> None:
    site.script = [answers(500)] * 9
    with pytest.raises(DownloadError, match=r"after 3 attempts, .* answered 500"):
        fetch(site, target, attempts=3)
    assert len(site.requests) == 3 and not target.exists()


@pytest.mark.parametrize(
    ("fault", "words"),
    [(silent, "no response arrived in time"), (crawls, r"only \d+ bytes arrived in")],
)
def test_does_not_wait_for_ever(site: Site, target: Path, fault: Behaviour, words: str) -> None:
    site.script = [fault]
    with pytest.raises(DownloadError, match=words):
        fetch(site, target, timeout=0.3, attempts=1)


# When what comes is wrong


def test_removes_what_fails_the_digest(site: Site, target: Path) -> None:
    site.data = DATA[::-1]
    with pytest.raises(DownloadError) as caught:
        fetch(site, target, sha256=SHA256)
    words = str(caught.value)
    assert SHA256 in words and hashlib.sha256(DATA[::-1]).hexdigest() in words
    assert not target.exists() and leftovers(target) == set()


def test_a_bad_answer_leaves_the_old_file_alone(site: Site, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"old")
    site.script = [answers(404)]
    with pytest.raises(DownloadError):
        fetch(site, target, sha256=SHA256)
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
def test_refuses_another_length_before_fetching_it(site: Site, target: Path, size: int) -> None:
    with pytest.raises(DownloadError, match=f"256000 bytes long, expected {size} bytes"):
        fetch(site, target, size=size)
    assert not target.exists() and leftovers(target) == set()


def test_stops_a_stream_that_goes_on(site: Site, target: Path) -> None:
    site.script = [endless]
    with pytest.raises(DownloadError, match="continues after the expected 256000 bytes"):
        fetch(site, target, size=len(DATA))
    assert leftovers(target) == set()


def test_refuses_an_empty_file(site: Site, target: Path) -> None:
    site.data = b""
    with pytest.raises(DownloadError, match="empty"):
        fetch(site, target)
    assert not target.exists()


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_refuses_a_web_page(site: Site, target: Path, kind: str) -> None:
    site.script = [answers(200, b"\n<!DOCTYPE html><html>Log in", Content_Type=kind)]
    with pytest.raises(DownloadError, match="page"):
        fetch(site, target)
    assert not target.exists() and leftovers(target) == set()


def test_refuses_a_compressed_answer(site: Site, target: Path) -> None:
    site.script = [answers(200, b"123", Content_Encoding="gzip")]
    with pytest.raises(DownloadError, match="gzip"):
        fetch(site, target)
    assert site.requests[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_says_at_once_that_there_is_no_such_file(site: Site, target: Path, status: int) -> None:
    site.script = [answers(status)]
    with pytest.raises(DownloadError, match=f"answered {status}"):
        fetch(site, target)
    assert len(site.requests) == 1


# Where it may go


@pytest.mark.parametrize(
    "place",
    [
        "http://example.com/x.pkl",
        "http://192.0.2.1/x.pkl",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
    ],
)
def test_follows_no_redirect_to_an_unsafe_place(site: Site, target: Path, place: str) -> None:
    site.script = [answers(302, Location=place)]
    with pytest.raises(DownloadError, match=r"[Rr]edirect"):
        fetch(site, target)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.pkl",
        "https://example.com:8443/a.pkl?x=1",
        "http://127.0.0.1/a",
        "http://127.8.9.1:80/a",
        "http://localhost:8000/a",
        "http://[::1]:8000/a",
    ],
)
def test_safe_addresses(url: str) -> None:
    assert is_safe_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.pkl",
        "https://",
        "https:///a.pkl",
        "http://example.com/a.pkl",
        "http://127.0.0.1.example.com/a",
        "http://localhost.example.com/a",
        "http://127.0.0.1@example.com/a",
        "https://user:secret@example.com/a",
        "http://0.0.0.0/a",
        "ftp://example.com/a",
        "file:///a",
        "https://[::1/a",
        "https://example.com:99999/a",
        "https://example.com/a b",
        "https://example.com/a\r\nX: y",
        "https://example.com/ä",
        f"https://{'a' * 70}.com/a",
    ],
)
def test_unsafe_addresses(url: str, target: Path) -> None:
    assert not is_safe_url(url)
    with pytest.raises(DownloadError, match="Expected an https:// URL"):
        download(url, target)
    assert not target.parent.exists()


def closed_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("http://127.0.0.1", "refused"),
        # Too long for any name server to be asked.
        (f"https://{'.'.join(['a' * 60] * 5)}", "name cannot be resolved"),
    ],
)
def test_says_what_to_do_without_a_connection(
    target: Path, monkeypatch: pytest.MonkeyPatch, host: str, words: str
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    url = f"{host}:{closed_port()}/model.pkl"
    with pytest.raises(DownloadError, match=words) as caught:
        download(url, target, size=12, sha256=SHA256)
    message = str(caught.value)
    assert all(part in message for part in (url, str(target), SHA256, "12 bytes", "put it at"))


def test_this_machine_is_not_asked_through_a_proxy(
    site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    fetch(site, target, sha256=SHA256)


def test_says_that_a_folder_cannot_be_made(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match=r"Could not write .*FVCORE_CACHE"):
        fetch(site, tmp_path / "file" / "model.pkl")


# Not alone


def test_processes_wait_for_each_other(site: Site, target: Path) -> None:
    def slowly(handler: Handler) -> None:
        handler.begin(200, Content_Length=len(DATA))
        for start in range(0, len(DATA), 16_000):
            handler.wfile.write(DATA[start : start + 16_000])
            time.sleep(0.02)

    site.script = [slowly] * 3
    code = (
        "import sys; from vx_detectron.weights.fetch import download;"
        "download(sys.argv[1], sys.argv[2], sha256=sys.argv[3])"
    )
    command = [sys.executable, "-c", code, site.url, str(target), SHA256]
    runs = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert [run.wait(timeout=60) for run in runs] == [0, 0, 0]
    assert target.read_bytes() == DATA and len(site.requests) == 1


def test_honours_the_lock_of_detectron2s_downloader(site: Site, target: Path) -> None:
    file_io = pytest.importorskip("iopath.common.file_io")
    target.parent.mkdir()
    with file_io.file_lock(str(target)):
        thread = threading.Thread(target=fetch, args=(site, target))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive() and site.requests == []
    thread.join(30)
    assert target.read_bytes() == DATA


def test_digest_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")  # the example of FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "abc") == expected
