"""A million tiny photos through the whole plan, with a constant mask in place of the network.

    python benchmarks/batch_rows.py --rows 1000000 --workers 2

The photos are 16 x 12 pixels, in WebDataset tars. ``Order.test_mask`` gives each the same mask, so
what is measured is everything around the network: the headers of the tars, the plan, Ray, reading,
hashing and decoding, the records, tidying and the report. Then the same again, twice: once when the
listing says that all is done (the anti-join alone), and once when each photo's bytes are compared.
"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

import click
from watcher import Watcher

ROOT = Path(__file__).resolve().parents[1]
DRIVER = """
import sys, time, resource
from vx_detectron.batch import run as module
from vx_detectron.batch.order import Cluster, Order
from vx_detectron.config import load_cfg

spent = {}
def timed(name):
    whole = getattr(module, name)
    def call(*arguments, **named):
        began = time.monotonic()
        try:
            return whole(*arguments, **named)
        finally:
            spent[name] = spent.get(name, 0) + time.monotonic() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"    {name}: {spent[name]:.1f} s; driver's peak {peak:.0f} MiB", flush=True)
    setattr(module, name, call)
for name in ("tidy", "index_of", "make_plan", "cut_units", "write_report"):
    timed(name)
order = Order(sys.argv[1], sys.argv[2], load_cfg(), target="records", compare=sys.argv[4],
              test_mask=True)
workers = int(sys.argv[3])
found = module.run_batch(order, Cluster(workers=(workers, workers), dashboard=False), say=print)
total = found.found
print(f"  {found.counts}: {found.seconds:.0f} s, {found.seconds / total * 1e3:.3f} ms a row")
"""


def make_tars(folder: Path, rows: int, each: int = 50_000) -> None:
    """Tars of tiny PNGs, all of which differ."""
    for start in range(0, rows, each):
        with tarfile.open(folder / f"{start:08d}.tar", "w") as tar:
            for number in range(start, min(start + each, rows)):
                data = tiny_png(number)
                info = tarfile.TarInfo(f"{number:08d}.png")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def tiny_png(number: int) -> bytes:
    """A black PNG of 16 x 12 pixels whose first pixel is the number."""
    lines = bytearray(12 * (1 + 16 * 3))  # a filter's byte before each line
    lines[1:4] = number.to_bytes(3, "little")
    chunks = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", 16, 12, 8, 2, 0, 0, 0)
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 1)), (b"IEND", b"")):
        body = kind + data
        chunks += struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    return chunks


@click.command(context_settings={"show_default": True})
@click.option("--rows", default=1_000_000)
@click.option("--workers", default=1)
def main(rows: int, workers: int) -> None:
    """Make the rows, and send them through."""
    with tempfile.TemporaryDirectory() as name:
        source, output = Path(name) / "in", Path(name) / "out"
        source.mkdir()
        make_tars(source, rows)
        for compare in ("content", "listing", "content"):
            print(f"compare by {compare}:", flush=True)
            command = [sys.executable, "-W", "ignore", "-c", DRIVER, f"{source}/*.tar"]
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
            process = subprocess.Popen(
                [*command, str(output), str(workers), compare], env=environment
            )
            watcher = Watcher(process.pid)
            watcher.start()
            if process.wait():
                raise click.ClickException("the run failed")
            watcher.done.set()
            watcher.join()
            spent = watcher.spent
            print(f"  core-seconds: {spent:.0f}, {spent / rows * 1e3:.3f} ms a row")
            for line in watcher.lines():
                print(f"    {line}")
            print(f"  driver memory, peak in each quarter of the time, MiB: {watcher.peaks()}")
        files = list((output / "records").glob("*.parquet"))
        size = sum(path.stat().st_size for path in files)
        print(f"records: {len(files)} files, {size / 1e6:.1f} MB, {size / rows:.0f} bytes a row")


if __name__ == "__main__":
    main()
