"""Slow, greedy and rude clients, over real sockets on loopback: nobody else may notice them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from typing import Any

import pytest
from flask import Flask
from web_photos import upload
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from web.connections import Limits, Server
from web.guard import unwanted
from web.visitors import visitor_of

HOST = "127.0.0.1"
LONG = 60.0  # seconds, which no test takes
MEBIBYTE = 2**20
HALF_OPEN = (
    b"POST /api/v1/isolate HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n--x"
)


@dataclass
class Running:
    """A server in a thread of its own."""

    server: Server
    port: int
    _clients: ExitStack = field(default_factory=ExitStack)

    def connect(self, source: str = HOST) -> socket.socket:
        made = socket.create_connection((HOST, self.port), LONG, source_address=(source, 0))
        return self._clients.enter_context(made)

    def half_open(self, count: int, source: str = HOST) -> list[socket.socket]:
        """Clients that have begun to send a photo, and send no more."""
        clients = [self.connect(source) for _ in range(count)]
        for client in clients:
            client.sendall(HALF_OPEN)
        return clients

    def ask(self, *request: Any) -> tuple[int, bytes]:
        with closing(HTTPConnection(HOST, self.port, timeout=LONG)) as connection:
            connection.request(*request)
            answer = connection.getresponse()
            return answer.status, answer.read()


@contextmanager
def serve(
    app: Flask, *, connections: int = 200, of_one: int = 50, seconds: float = LONG,
    memory: int = 100 * MEBIBYTE, body: int = 8 * MEBIBYTE,
) -> Iterator[Running]:  # fmt: skip
    listener = socket.create_server((HOST, 0))
    limits = Limits(connections, of_one, seconds, memory, body)
    server = Server(app, listener, partial(unwanted, app), limits, threads=4)
    thread = threading.Thread(target=server.asyncore.loop, args=(0.2, True, server._map))
    thread.start()
    running = Running(server, listener.getsockname()[1])
    try:
        yield running
    finally:
        running._clients.close()
        # Not pull_trigger: between its two steps, another thread's pull may close the trigger.
        with server.trigger.lock:
            server.trigger.thunks.append(partial(server.asyncore.close_all, server._map))
            server.trigger._physical_pull()
        thread.join(LONG)


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LONG
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def answer_of(client: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    parts = []
    with suppress(ConnectionResetError):
        while part := client.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def photo_request(name: str = "astronaut.png") -> tuple[str, str, bytes, dict[str, str]]:
    boundary, body = encode_multipart({"image": FileStorage(*upload(name))})
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return "POST", "/api/v1/isolate", body, headers


def test_110_half_open_requests_of_one_visitor_stop_nobody(app: Flask) -> None:
    with serve(app, of_one=20) as running:
        running.half_open(110)
        assert until(lambda: len(running.server.active_channels) <= 20)
        assert running.ask("GET", "/health")[0] == 200
        assert running.ask(*photo_request())[0] == 200


def test_half_open_requests_of_many_visitors_stop_nobody(app: Flask) -> None:
    with serve(app, connections=40, of_one=10) as running:
        for last in range(2, 12):
            running.half_open(8, source=f"127.0.0.{last}")
        assert running.ask("GET", "/health")[0] == 200
        assert running.ask(*photo_request())[0] == 200
        assert until(lambda: len(running.server.active_channels) <= 40)


def test_a_trickle_does_not_prolong_a_request(app: Flask) -> None:
    with serve(app, seconds=2.0) as running:
        (client,) = running.half_open(1)
        begun = time.monotonic()
        with suppress(OSError):
            while time.monotonic() < begun + LONG and not _readable(client):
                client.send(b"x")
                time.sleep(0.1)
        answer = answer_of(client)
        assert time.monotonic() - begun < LONG / 2
        assert answer.startswith(b"HTTP/1.0 408 ") or answer.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in answer


def _readable(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    finally:
        client.setblocking(True)
        client.settimeout(LONG)


def test_an_answer_that_nobody_fetches_is_dropped() -> None:
    def large(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [])
        return [bytes(32 * MEBIBYTE)]

    with serve(large, seconds=2.0) as running:  # type: ignore[arg-type]
        client = running.connect()
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert until(lambda: len(running.server.active_channels) == 1)
        assert until(lambda: len(running.server.active_channels) == 0)


def test_bytes_under_way_are_bounded(app: Flask) -> None:
    with serve(app, memory=MEBIBYTE) as running:
        greedy = running.connect()
        greedy.sendall(HALF_OPEN.replace(b"100000", b"4000000") + bytes(1_500_000))
        assert b" 503 " in answer_of(greedy)
        assert running.ask("GET", "/health")[0] == 200


def test_health_has_a_thread_of_its_own() -> None:
    busy, done = threading.Semaphore(0), threading.Event()

    def blocked(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != "/health":
            busy.release()
            done.wait(LONG)
        start("200 OK", [])
        return [b"alive"]

    with serve(blocked) as running:  # type: ignore[arg-type]
        try:
            for _ in range(4):  # as many as there are threads
                running.connect().sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert busy.acquire(timeout=LONG)
            assert running.ask("GET", "/health") == (200, b"alive")
        finally:
            done.set()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused_as_a_problem(make_app: Any, chunked: bool) -> None:
    app = make_app(MAX_CONTENT_LENGTH=MEBIBYTE)
    with serve(app, body=MEBIBYTE) as running:
        method, path, _, headers = photo_request()
        body = iter([bytes(100_000)] * 300) if chunked else bytes(30_000_000)
        status, text = running.ask(method, path, body, headers)
        problem = json.loads(text)
        assert (status, problem["status"], problem["code"]) == (413, 413, "too_large")
        assert until(lambda: not running.server.active_channels)


@pytest.mark.parametrize(
    ("token", "status"), [("secret", 200), ("wrong", 401), (None, 401)], ids=str
)
def test_what_the_header_refuses_is_not_kept(
    make_app: Any, token: str | None, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    from waitress.buffers import OverflowableBuffer

    append = OverflowableBuffer.append

    def note(self: Any, data: bytes) -> None:
        if bytes(data[:6]) != b"HTTP/1":
            kept.append(len(data))
        append(self, data)

    with serve(make_app(TOKEN="secret")) as running:
        method, path, body, headers = photo_request()
        if token:
            headers["X-Api-Key"] = token
        if status != 200:
            monkeypatch.setattr(OverflowableBuffer, "append", note)
        assert running.ask(method, path, body, headers)[0] == status
        assert sum(kept) < 2000  # the answer


def test_a_body_is_never_taken_for_a_request(make_app: Any) -> None:
    with serve(make_app(TOKEN="secret")) as running:
        inner = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: secret\r\n\r\n"
        client = running.connect()
        client.sendall(
            b"POST /api/v1/isolate HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n"
            + b"Content-Length: %d\r\n\r\n" % len(inner)
            + inner
        )
        answer = answer_of(client)
        assert answer.count(b"HTTP/1.1 ") == 1 and b" 401 " in answer


def test_what_is_no_http_is_answered_as_a_problem(app: Flask) -> None:
    with serve(app) as running:
        client = running.connect()
        client.sendall(b"GET / HTTP/1.1\r\nbroken\r\n\r\n")
        head, _, body = answer_of(client).partition(b"\r\n\r\n")
        assert b"application/problem+json" in head
        assert json.loads(body)["status"] == 400


def test_health_without_a_host(app: Flask) -> None:
    with serve(app) as running:
        client = running.connect()
        client.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert answer_of(client).startswith(b"HTTP/1.0 200 ")


def test_expect_continue_is_not_followed_by_a_refused_body(make_app: Any) -> None:
    with serve(make_app(TOKEN="secret")) as running:
        client = running.connect()
        client.sendall(HALF_OPEN.replace(b"\r\n\r\n--x", b"\r\nExpect: 100-continue\r\n\r\n"))
        assert answer_of(client).startswith(b"HTTP/1.1 401 ")


def test_ipv6_customers_are_one_visitor_each() -> None:
    assert visitor_of("2001:db8:1:2::1") == visitor_of("2001:db8:1:2:ffff::9")
    assert visitor_of("2001:db8:1:2::1") != visitor_of("2001:db8:1:3::1")
    assert visitor_of("::ffff:10.0.0.7") == visitor_of("10.0.0.7") != visitor_of("10.0.0.8")


def test_abandoned_cuts_make_room_for_the_wanted_one(app: Flask) -> None:
    with serve(app) as running:
        client = app.test_client()
        photo = {"image": upload("chelsea.png")}
        name = client.post("/api/v1/instances", data=photo).get_json()["id"]
        path, kind = f"/api/v1/instances/{name}/compose", "application/x-www-form-urlencoded"
        body = b"edges=matte&rank=1"
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        gate = app.extensions["vx"].gate
        with ExitStack() as clients:
            for _ in range(3):
                one = clients.enter_context(socket.create_connection((HOST, running.port), LONG))
                one.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert until(lambda: gate.inside > 0)
        wanted = running.ask("POST", path, b"edges=sharp", {"Content-Type": kind})
        assert wanted[0] == 200
        assert until(lambda: gate.inside == 0)
        figures = running.ask("GET", "/metrics")[1].decode()
        assert 'endpoint="api.compose",status="499"' in figures
