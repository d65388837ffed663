"""A real HTTP server on this machine that behaves as well or as badly as a test asks."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import socket
import threading
from collections.abc import Callable

DATA = bytes(range(256)) * 1000  # 256 kB
SHA256 = hashlib.sha256(DATA).hexdigest()

Behaviour = Callable[["Handler"], None]


class Site(http.server.ThreadingHTTPServer):
    """Serves ``data``; the first requests are answered by ``script``, the rest honestly."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = DATA
        self.etag: str | None = '"one"'
        self.modified: str | None = None
        self.script: list[Behaviour] = []
        self.requests: list[dict[str, str]] = []
        self.closing = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/model.pkl"

    def ranges(self) -> list[str | None]:
        """What each request asked for."""
        return [request.get("Range") for request in self.requests]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        self.close_connection = True
        with self.server.lock:
            self.server.requests.append(dict(self.headers))
            behaviour = self.server.script.pop(0) if self.server.script else honest
        with contextlib.suppress(ConnectionError):
            behaviour(self)

    def begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        site = self.server
        marks = {"ETag": site.etag, "Last-Modified": site.modified, "Connection": "close"}
        for name, value in (marks | headers).items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def honest(handler: Handler) -> None:
    """Range and If-Range as RFC 9110 has them."""
    site, data = handler.server, handler.server.data
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if asked and handler.headers["If-Range"] in (site.etag, site.modified):
        start = int(asked[1])
        if start >= len(data):
            handler.begin(416, Content_Range=f"bytes */{len(data)}", Content_Length=0)
            return
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        handler.begin(206, Content_Range=span, Content_Length=len(data) - start)
        handler.wfile.write(data[start:])
    else:
        whole(handler)


def whole(handler: Handler) -> None:
    """Knows no ranges."""
    handler.begin(200, Content_Length=len(handler.server.data))
    handler.wfile.write(handler.server.data)


def cut(length: int) -> Behaviour:
    """Announces the whole file, sends a part and hangs up."""

    def behave(handler: Handler) -> None:
        handler.begin(200, Content_Length=len(handler.server.data))
        handler.wfile.write(handler.server.data[:length])

    return behave


def answers(status: int, body: bytes = b"", **headers: object) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin(status, Content_Length=len(body), **headers)
        handler.wfile.write(body)

    return behave


def silent(handler: Handler) -> None:
    handler.server.closing.wait()


def crawls(handler: Handler) -> None:
    """A byte now and then, for ever: every single wait is short."""
    handler.begin(200, Content_Length=len(DATA))
    while not handler.server.closing.wait(0.02):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def endless(handler: Handler) -> None:
    """Never says how long it is."""
    handler.begin(200)
    while not handler.server.closing.is_set():
        handler.wfile.write(DATA)


def chunked(length: int, ends: bool) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.begin(200, Transfer_Encoding="chunked")
        piece = DATA[:length]
        handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n" if ends else b"")

    return behave


def hangs_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
