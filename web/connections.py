"""Waitress with time limits: slow clients cannot keep others out.

Waitress reads requests and sends responses in one thread and passes complete requests to others, so
a slow client costs a connection, not a thread. What it lacks is added here:

- a time limit for a request to arrive and its response to be fetched, even if bytes keep trickling;
- too many connections, per visitor or in total, close the slowest one instead of locking out
  newcomers; so do too many bytes in transit;
- if the header alone is enough to refuse a request, its body is neither read nor kept;
- /health and /ready have a separate thread;
- HTTP protocol errors are answered like all others.
"""

from __future__ import annotations

import select
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher

from web.errors import Problem, for_programs, problem_of_status
from web.visitors import visitor_of

_IDLE_TIME = 30.0  # seconds between two requests of one connection
_HEADER_TIME = 15.0  # seconds for a header to arrive
_LINGER_TIME = 20.0  # seconds for a refused client to read its answer
_GRACE = 2.0  # seconds before a connection may be called slow
_SUPERVISORS = {"/health", "/ready"}
_WITHOUT_POLL = 400  # connections, where there is only select(), which takes 512 at most


@dataclass(frozen=True)
class Limits:
    """The limits for clients.

    Attributes:
        connections: in total.
        of_one: connections of one visitor.
        seconds: for a request to arrive, and for its response to be fetched.
        memory: bytes of unfinished requests and unfetched responses.
        body: bytes of one request.
    """

    connections: int
    of_one: int
    seconds: float
    memory: int
    body: int


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Reads a request, or only its header where that refuses it."""

    path = ""  # until it is known
    body_rcv: Any

    def __init__(self, adj: Adjustments, channel: _Channel) -> None:
        super().__init__(adj)
        self._channel = channel

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.error is not None:
            self._channel.deaf = True
        # Else the rest of a body that is not read would be taken for the next request.
        return len(data) if self._channel.deaf else consumed

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.body_rcv is not None and self._channel.server.unwanted(_environ(self)):
            self.body_rcv, self.content_length, self.expect_continue = None, 0, False
            self.headers["CONNECTION"] = "close"
            self._channel.deaf = True


def _environ(request: HTTPRequestParser) -> dict[str, Any]:
    """As much of WSGI's environment as a header has."""
    plain = ("CONTENT_TYPE", "CONTENT_LENGTH")
    return {
        "REQUEST_METHOD": request.command.upper(),
        "SCRIPT_NAME": "",
        "PATH_INFO": "/" + request.path.lstrip("/"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "wsgi.url_scheme": request.url_scheme,
        **{k if k in plain else f"HTTP_{k}": value for k, value in request.headers.items()},
    }


class _Refusal:
    """A problem as waitress takes its errors."""

    def __init__(self, problem: Problem) -> None:
        self.code, self.problem = problem.status, problem


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """Answers errors of HTTP itself."""

    def execute(self) -> None:
        error = self.request.error
        problem = getattr(error, "problem", None) or problem_of_status(error.code)
        status, mimetype, text = for_programs(problem, self.request.path)
        body = text.encode()
        self.status = f"{status} {problem.title}"
        self.response_headers = [("Content-Type", mimetype), ("Cache-Control", "no-store")]
        self.response_headers += problem.headers.items()
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """One connection, which tracks how slow it is.

    Attributes:
        deaf: what arrives is discarded; the next response is the last one.
    """

    error_task_class = _ErrorTask
    request: _Parser | None
    close_when_flushed: bool

    def __init__(self, server: Server, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        self.deaf = False
        self._lingers = False
        self._begin()
        super().__init__(server, sock, *args, **kwargs)
        self.parser_class = partial(_Parser, channel=self)
        self.visitor = visitor_of(self.addr[0])

    def _begin(self) -> None:
        """A request, an answer, or a pause between them begins."""
        self._since, self._moved = monotonic(), 0

    @property
    def waits_for_client(self) -> bool:
        """Whether nothing goes on but what its client does, or does not do."""
        return not self.requests and not self.will_close

    @property
    def speed(self) -> tuple[bool, float]:
        """Sorts connections: those first that may be closed first."""
        age = monotonic() - self._since
        return (True, -age) if age < _GRACE else (False, self._moved / age)

    @property
    def bytes_held(self) -> int:
        """Bytes of an unfinished request and an unfetched answer."""
        request = self.request
        return int(self.total_outbufs_len) + (request.body_bytes_received if request else 0)

    def expire(self, seconds: float) -> None:
        """Close it where its time is up."""
        if self._lingers:
            most = _LINGER_TIME
        elif self.total_outbufs_len:
            most = seconds
        elif self.request is None:
            most = _IDLE_TIME
        else:
            most = seconds if self.request.headers_finished else min(_HEADER_TIME, seconds)
        if monotonic() - self._since > most:
            self.give_up(problem_of_status(408, "The request did not arrive in time."))

    def give_up(self, problem: Problem) -> None:
        """Close it; a request that has begun to arrive is answered before."""
        with self.requests_lock:
            if self.request is not None and not self.total_outbufs_len:
                self.request.error = _Refusal(problem)
                self.deaf = True
                self.requests.append(self.request)
                self.request = None
                self.server.add_task(self)
                return
        # Not by will_close, which waits until the client fetches something.
        self.will_close = True
        self.handle_close()

    # What waitress calls

    def received(self, data: bytes) -> bool:
        if self.deaf:
            return True
        if self.request is None and not self.requests:
            self._begin()
        self._moved += len(data)
        return bool(super().received(data))

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent = int(super().send(data, do_close=do_close))
        self._moved += sent
        return sent

    def service(self) -> None:
        super().service()
        self._begin()

    def readable(self) -> bool:
        return (self._lingers and not self.will_close) or bool(super().readable())

    def handle_write(self) -> None:
        """Half-close where the client still sends: a closed socket would cost it the answer."""
        if not (self.deaf and self.close_when_flushed) or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.connected and not self.will_close and not self.total_outbufs_len:
            self.close_when_flushed = False
            self._begin()
            self._lingers = True
            with suppress(OSError):  # it is gone already
                self.socket.shutdown(socket.SHUT_WR)


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Waitress' server with those connections.

    Args:
        application: of WSGI.
        listener: a listening socket.
        unwanted: whether a WSGI environment without a body is refused anyway.
        limits: the limits for clients.
        threads: that run the application.
        proxy: the address whose X-Forwarded-For and -Proto are believed.
    """

    channel_class = _Channel

    def __init__(
        self,
        application: Callable[..., Any],
        listener: socket.socket,
        unwanted: Callable[[dict[str, Any]], bool],
        limits: Limits,
        threads: int,
        proxy: str | None = None,
    ) -> None:
        trusted = {
            "trusted_proxy": proxy,
            "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto",
        }
        most = min(limits.connections, _most_connections())
        adjustments = Adjustments(
            sockets=[listener],
            threads=threads,
            asyncore_use_poll=True,
            connection_limit=most + 100,  # more than there are ever: the slowest is closed before
            cleanup_interval=1,
            recv_bytes=65_536,
            max_request_body_size=limits.body + 1,  # of chunked ones; see _Parser
            outbuf_high_watermark=2**40,  # no thread ever waits for a client to fetch its answer
            channel_request_lookahead=1,  # so that a client that hangs up is noticed
            ident=None,
            **(trusted if proxy else {}),
        )
        self.unwanted, self._limits, self._most = unwanted, limits, most
        self._proxy = visitor_of(proxy) if proxy else None
        self._health_dispatcher = _dispatcher(1)
        super().__init__(
            application,
            _sock=listener,
            dispatcher=_dispatcher(threads),
            adj=adjustments,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
        )

    @property
    def unfinished(self) -> bool:
        """Whether some connection waits for an answer, or for the rest of one."""
        channels = list(self.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)

    # What waitress calls

    def add_task(self, channel: _Channel) -> None:
        """Have a request served, by a thread that supervisors need not share."""
        request = channel.requests[0]
        supervised = request.error is None and request.path in _SUPERVISORS
        (self._health_dispatcher if supervised else self.task_dispatcher).add_task(channel)

    def handle_accept(self) -> None:
        """Take a connection, at the cost of a slower one."""
        super().handle_accept()
        self._make_room()

    def maintenance(self, now: float) -> None:
        """Close what took too long; once a second."""
        for channel in list(self.active_channels.values()):
            if channel.waits_for_client:
                channel.expire(self._limits.seconds)
        self._make_room()

    def _make_room(self) -> None:
        """Close the slowest connections, as many as there are too many."""
        open_ones = [one for one in self.active_channels.values() if not one.will_close]
        excess = len(open_ones) - self._most
        of_one = Counter(one.visitor for one in open_ones)
        of_one.pop(self._proxy, None)
        held = sum(one.bytes_held for one in open_ones)
        if excess <= 0 and held <= self._limits.memory and not _above(of_one, self._limits.of_one):
            return
        for one in sorted((one for one in open_ones if one.waits_for_client), key=_speed):
            too_many_bytes = held > self._limits.memory and one.bytes_held > 0
            if excess > 0 or too_many_bytes or of_one[one.visitor] > self._limits.of_one:
                excess -= 1
                of_one[one.visitor] -= 1
                held -= one.bytes_held
                one.give_up(_CROWDED)


_CROWDED = Problem(
    503,
    "busy",
    "The server has too many connections, and this one was among the slowest.",
    headers={"Retry-After": "10"},
)


def _above(counts: Counter[str], most: int) -> bool:
    return any(count > most for count in counts.values())


def _speed(channel: _Channel) -> tuple[bool, float]:
    return channel.speed


def _dispatcher(threads: int) -> ThreadedTaskDispatcher:
    made = ThreadedTaskDispatcher()
    made.set_thread_count(threads)
    return made


def _most_connections() -> int:
    """As many as this process may open, with room for its other files and for large bodies."""
    try:
        import resource  # not on Windows
    except ImportError:
        return _WITHOUT_POLL
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    free = 8192 if soft == resource.RLIM_INFINITY else soft
    most = max((free - 200) // 3, 16)  # each may have two temporary files beside its socket
    return most if hasattr(select, "poll") else min(most, _WITHOUT_POLL)
