"""The server under load: what it answers, how soon, and what memory it keeps afterwards.

    python benchmarks/load.py --minutes 30

Starts ``python -m web`` and sends it photos from many clients at once: from 300 pixels up to 12
megapixels, some slowly, some hanging up before the answer, one request in twenty hostile. Memory is
what the server's own /metrics tells of it (Linux only), read after some idle seconds in which no
photo was opened: "before" after a warm-up with the largest photo, "after" when the load is over.
Exit code 1 when a client saw what none should, memory grew by more than 10 %, or a file was left.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from time import monotonic
from urllib.parse import urlsplit
from urllib.request import urlopen

import click
from load_clients import PATIENCE, Client, Material, Tally, warm_up
from load_files import hostile_files, hostile_requests, largest_photo, photos

ROOT = Path(__file__).resolve().parents[1]
REST = 30.0  # idle seconds before memory is read
GROWTH = 1.10  # of memory, at most

# All clients come from one address, and opened photos should expire soon. What the caller's
# environment says wins.
SETTINGS = {"VX_RATE_LIMIT": "", "VX_PHOTO_LIFETIME": "30"}


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--minutes", type=click.FloatRange(0.1), default=2.0, help="How long the load lasts.")
@click.option("--clients", type=click.IntRange(1), default=32, help="At the same time.")
@click.option("--seed", type=int, default=0, help="Of the clients' choices.")
@click.option("--url", help="A server that runs already, without a rate limit, is taken instead.")
@click.argument("server_options", nargs=-1)
def main(
    minutes: float, clients: int, seed: int, url: str | None, server_options: tuple[str, ...]
) -> None:
    """Put load on the server, and say how it bore it.

    SERVER_OPTIONS, after a --, are those of python -m web.
    """
    with tempfile.TemporaryDirectory() as folder:
        if url:
            faults = put_load_on(url, minutes, clients, seed)
        else:
            with served(folder, server_options) as address:
                faults = put_load_on(address, minutes, clients, seed)
        left = [path.name for path in Path(folder).rglob("*") if path.is_file()]
    faults += [f"temporary file left: {name}" for name in left]
    for fault in faults:
        click.echo(f"FAULT: {fault}")
    sys.exit(bool(faults))


@contextmanager
def served(folder: str, options: Sequence[str]) -> Iterator[str]:
    """A server with its temporary files in a folder of its own; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**SETTINGS, **os.environ, "TMPDIR": folder}
    command = [sys.executable, "-m", "web", "--port", str(port), *options]
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)


def put_load_on(url: str, minutes: float, clients: int, seed: int) -> list[str]:
    """Warm up, load, let it rest, report; returns what must not be."""
    parts = urlsplit(url)
    address = parts.hostname or "", parts.port or 80
    photo = largest_photo()
    material = Material(photos(), [*hostile_files(photo).values()], [*hostile_requests(photo)])
    await_ready(url)
    warm = warm_up(address, photo)
    before = at_rest(url)
    tally = Tally()
    until = monotonic() + 60 * minutes
    crowd = [Client(address, material, tally, until, seed + place) for place in range(clients)]
    for client in crowd:
        client.start()
    peak = watch(url, until)
    for client in crowd:
        client.join()
    after = at_rest(url)
    report(tally, before, after, peak)
    faults = [f"{count} x {what}" for what, count in (warm.faults + tally.faults).items()]
    if after["memory"] > GROWTH * before["memory"]:
        faults.append("memory grew")
    if after["files"] > before["files"]:
        faults.append("files are still open")
    return faults


def figures(url: str) -> dict[str, float]:
    """What /metrics says of the server's memory in MB, open files, and opened photos."""
    with urlopen(f"{url}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    names = {
        "memory": "process_resident_memory_bytes",
        "files": "process_open_fds",
        "photos": "vx_opened_photos",
        "inside": "vx_requests_inside",
    }
    found = {
        name: float(re.search(rf"^{metric} (\S+)$", text, re.MULTILINE)[1])
        for name, metric in names.items()
    }
    found["memory"] /= 1e6
    return found


def await_ready(url: str) -> None:
    """Until the network is loaded."""
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        try:
            urlopen(f"{url}/ready", timeout=PATIENCE).close()
            return
        except OSError:
            time.sleep(0.5)
    sys.exit(f"{url} does not answer")


def at_rest(url: str) -> dict[str, float]:
    """The figures after some seconds without work and without opened photos."""
    while (now := figures(url))["photos"] or now["inside"]:
        time.sleep(1)
    time.sleep(REST)
    return figures(url)


def watch(url: str, until: float) -> float:
    """Tell the memory once a minute; returns the most of it."""
    peak = 0.0
    while (left := until - monotonic()) > 0:
        time.sleep(min(left, 60))
        now = figures(url)
        peak = max(peak, now["memory"])
        click.echo(f"{now['memory']:.0f} MB, {now['photos']:.0f} photos opened", err=True)
    return peak


def report(tally: Tally, before: dict[str, float], after: dict[str, float], peak: float) -> None:
    """The table on standard output."""
    answers = ", ".join(f"{status}: {count}" for status, count in sorted(tally.answers.items()))
    ranks = quantiles(tally.seconds, n=20)
    tried = sum(tally.came_back.values())
    click.echo(f"answers by status       {answers}")
    click.echo(f"hung up on purpose      {tally.hung_up}")
    click.echo(f"photos cut or opened    {len(tally.seconds)}")
    click.echo(f"p50, p95 of these       {ranks[9]:.2f} s, {ranks[18]:.2f} s")
    click.echo(f"let in after waiting    {tally.came_back[True]} of {tried}, as Retry-After said")
    click.echo(f"memory before, after    {before['memory']:.0f} MB, {after['memory']:.0f} MB")
    click.echo(f"  most, once a minute   {peak:.0f} MB")
    click.echo(f"open files the same     {before['files']:.0f}, {after['files']:.0f}")


if __name__ == "__main__":
    main()
