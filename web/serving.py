"""The production server: waitress in one process, supervised by a second one.

One process, since the network is loaded once and shared by all threads. The watcher owns the
listening socket: when the server dies, clients that come meanwhile wait in the socket's queue until
the next one is up, and nobody is refused.
"""

from __future__ import annotations

import _thread
import ipaddress
import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from functools import partial
from multiprocessing.synchronize import Event
from typing import Any

import click

from web.gate import Gate

_log = logging.getLogger("web")

_SPARE_THREADS = 4  # for what needs no turn: the page, /health, /metrics, "busy"
_GRACE = 30.0  # seconds that a stopping server gives to the requests it has begun


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--host", default="127.0.0.1", help="The address to listen on.")
@click.option("--port", default=8000, type=click.IntRange(0, 65535), help="The port; 0 takes a "
              "free one.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), default=1, help="Photos processed at the same "
              "time; each already uses several cores.")  # fmt: skip
@click.option("--queue", type=click.IntRange(0), default=8, help="Photos that may wait in line.")
@click.option("--name", "names", multiple=True, metavar="HOST", help="A host name that the server "
              "answers to; may be repeated. Needed where clients use a name other than "
              "localhost.")  # fmt: skip
@click.option("--trusted-proxy", metavar="ADDRESS", help="The reverse proxy whose "
              "X-Forwarded-For and X-Forwarded-Proto headers are trusted.")  # fmt: skip
@click.option("--config-file", metavar="FILE", help="As for vx isolate.")
@click.option("--eye", metavar="NAME|FILE", help="As for vx isolate: the network that maps the "
              "main subject.")  # fmt: skip
@click.option("--opt", nargs=2, multiple=True, metavar="KEY VALUE", help="As for vx isolate.")
def main(host: str, port: int, trusted_proxy: str | None, **options: Any) -> None:
    """Serve the page and the API.

    Limits and the token are environment variables, VX_TOKEN and others: see web/README.md.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    config: dict[str, Any] = {
        "WORKERS": options["workers"],
        "QUEUE": options["queue"],
        "CONFIG_FILE": options["config_file"],
        "OPTS": [*_eye(options["eye"]), *(word for pair in options["opt"] for word in pair)],
    }
    if options["names"]:
        config["TRUSTED_HOSTS"] = list(options["names"])
    if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
        _warn(host)
    _watch_over(listener, config, trusted_proxy)


def _eye(name: str | None) -> list[str]:
    return [] if name is None else ["VX.EYE.NAME", repr(name)]  # quoted, so that it stays a text


def _warn(host: str) -> None:
    _log.warning("*" * 72)
    _log.warning("Listening on %s: anyone who can reach this machine can use the server.", host)
    _log.warning("Set VX_TOKEN, and put a proxy with TLS in front.")
    _log.warning("*" * 72)


def _watch_over(listener: socket.socket, config: dict[str, Any], proxy: str | None) -> None:
    """Run the server, and again when it dies; ends when it is asked to, or cannot start."""
    spawn = multiprocessing.get_context("spawn")  # torch does not survive a fork
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        server.terminate()

    while not stopping:
        ready = spawn.Event()
        server = spawn.Process(target=_serve, args=(listener, config, proxy, ready))
        server.start()
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        server.join()
        if not stopping and not ready.is_set():
            raise SystemExit("The server could not start; see the reason above.")
        if not stopping:
            _log.error("the server died (exit code %s); restarting it", server.exitcode)


def _serve(
    listener: socket.socket, config: dict[str, Any], proxy: str | None, ready: Event
) -> None:
    """The server's process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # that is the gate's business
    from vx_detectron.errors import VxError
    from web import create_app
    from web.connections import Limits, Server
    from web.guard import unwanted

    try:
        app = create_app(config)
    except VxError as error:
        raise SystemExit(f"Error: {error}") from error
    given = app.config
    server = Server(
        app,
        listener,
        partial(unwanted, app),
        Limits(
            connections=given["CONNECTIONS"],
            of_one=given["CONNECTIONS_OF_ONE"],
            seconds=given["TRANSFER_TIME"],
            memory=given["TRANSFER_MEMORY"],
            body=given["MAX_CONTENT_LENGTH"],
        ),
        threads=config["WORKERS"] + config["QUEUE"] + _SPARE_THREADS,
        proxy=proxy,
    )
    _stop_gently(server, app.extensions["vx"].gate)
    host = server.effective_host
    _log.info("ready on http://%s:%s", f"[{host}]" if ":" in host else host, server.effective_port)
    ready.set()
    server.run()
    logging.shutdown()
    os._exit(0)  # nothing is left to do, and taking the interpreter with torch down takes seconds


def _stop_gently(server: Any, gate: Gate) -> None:
    """On SIGTERM, on Ctrl-C, or when the watcher is gone: finish current requests, then exit."""
    finished = threading.Event()

    def drain() -> None:
        deadline = time.monotonic() + _GRACE
        while server.unfinished and time.monotonic() < deadline:
            time.sleep(0.1)
        finished.set()
        _thread.interrupt_main()

    def stop(*_: object) -> None:
        if finished.is_set():
            raise SystemExit
        if not gate.closed:
            gate.close()
            threading.Thread(target=drain, daemon=True).start()

    def follow_watcher() -> None:
        watcher = multiprocessing.parent_process()
        if watcher is not None:
            watcher.join()
            stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.Thread(target=follow_watcher, daemon=True).start()
