"""``python -m web`` as a process: it outlives its own death, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from web_photos import FOLDER
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

ROOT = Path(__file__).resolve().parents[2]
HOST = "::1"
OPTIONS = ["--opt", "VX.ENGINE", "onnx", "--opt", "MODEL.DEVICE", "cpu"]
LONG = 300  # seconds, which nothing takes


@dataclass(frozen=True)
class Server:
    """One that runs on IPv6's loopback, with a folder for temporary files of its own."""

    watcher: subprocess.Popen[bytes]
    port: int
    folder: Path

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        return self._ask("GET", path)

    def cut(self) -> int:
        """The status of the answer to a photo; waitress keeps so large a one in a file."""
        with (FOLDER / "astronaut.png").open("rb") as file:
            boundary, body = encode_multipart({"image": FileStorage(file, "photo")})
        kind = f"multipart/form-data; boundary={boundary}"
        return self._ask("POST", "/api/v1/isolate", body, {"Content-Type": kind})[0]

    def _ask(self, *request: Any) -> tuple[int, bytes]:
        connection = HTTPConnection(HOST, self.port, timeout=LONG)
        try:
            connection.request(*request)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def worker(self) -> int:
        """The process that serves; the watcher has another child, which tidies up."""
        pid = self.watcher.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        raise AssertionError("the server is not there")

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with socket.create_server((HOST, 0), family=socket.AF_INET6) as probe:
        port = probe.getsockname()[1]
    watcher = subprocess.Popen(
        [sys.executable, "-m", "web", "--host", HOST, "--port", str(port), *OPTIONS],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        server = Server(watcher, port, tmp_path)
        until_it_listens(server)
        yield server
    finally:
        watcher.kill()
        watcher.wait(LONG)


def until_it_listens(server: Server) -> None:
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        try:
            assert server.get("/ready")[0] == 200
            return
        except ConnectionRefusedError:  # once it listens, it lets us wait until it is ready
            time.sleep(0.1)
    raise AssertionError("it does not listen")


def test_110_clients_of_a_byte_each_few_seconds_stop_nobody(server: Server) -> None:
    head = (
        f"POST /api/v1/isolate HTTP/1.1\r\nHost: [{HOST}]\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n"
    ).encode()
    slow = [socket.create_connection((HOST, server.port), LONG) for _ in range(110)]
    try:
        for sent in (head, b"x", b"x", b"x"):
            for client in slow:
                with suppress(OSError):  # it was closed for its slowness
                    client.sendall(sent)
            assert server.get("/health")[0] == 200
            assert server.cut() == 200
            time.sleep(2)
    finally:
        for client in slow:
            client.close()


def test_after_kill_9_under_load_the_next_request_works(server: Server) -> None:
    killed = threading.Event()
    lost: list[Exception] = []

    def load() -> None:
        while not killed.is_set():
            try:
                server.cut()
            except (OSError, HTTPException) as error:
                lost.append(error)

    clients = [threading.Thread(target=load) for _ in range(4)]
    for client in clients:
        client.start()
    assert server.cut() == 200
    first = server.worker()
    os.kill(first, signal.SIGKILL)
    killed.set()
    assert server.cut() == 200
    for client in clients:
        client.join(LONG)
    assert lost  # it was under load
    assert server.worker() != first
    assert server.files() == []


def test_sigterm_ends_it_when_what_has_begun_is_done(server: Server) -> None:
    statuses: list[int] = []
    client = threading.Thread(target=lambda: statuses.append(server.cut()))
    client.start()
    while b"vx_requests_inside 1.0" not in server.get("/metrics")[1]:
        time.sleep(0.01)
    server.watcher.terminate()
    client.join(LONG)
    assert server.watcher.wait(LONG) == 0
    assert statuses == [200]
    assert server.files() == []
