"""Everything that may go wrong with a batch while it runs, then a count: each photo exactly once.

    python benchmarks/batch_faults.py --photos 3000      # as root: it mounts a small file system

The network is replaced by the constant mask of ``Order.test_mask``, so that the photos go by fast.
One run after another in one output: a worker is killed twice, a poison photo kills its worker, the
driver is killed with -9; then the disk is full; then it is read-only; then a second run is started
beside the last one, a photo of the plan vanishes, and the last run ends well. `batch_count.py`
counts what is there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import psutil
import pyarrow.dataset
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
BEGAN = time.monotonic()
DRIVER = """
import os, signal, sys
from pathlib import Path
from vx_detectron.batch.engine import load_ray, start_ray
from vx_detectron.batch.order import Cluster, Order
from vx_detectron.batch.progress import Progress
from vx_detectron.batch.run import run_batch
from vx_detectron.config import load_cfg
from vx_detectron.errors import VxError

def poison():
    from vx_detectron.batch import cutting
    whole = cutting.read_photo
    def read(data, name, **limits):
        if "poison" in name:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(data, name=name, **limits)
    cutting.read_photo = read

ray = load_ray()
start_ray(ray, dict(address="local", num_cpus=2, object_store_memory=100 * 2**20,
                include_dashboard=False, log_to_driver=False, logging_level="ERROR",
                runtime_env={"worker_process_setup_hook": poison}), tries=5)
order = Order(sys.argv[1], sys.argv[2], load_cfg(), test_mask=True)
try:
    summary = run_batch(order, Cluster(workers=(2, 2)), say=print)
except VxError as error:
    sys.exit(f"ended by {type(error).__name__}: {error}")
print(summary.counts, summary.kinds, "all records:", dict(summary.records))
"""


class Run:
    """One run, as a process."""

    def __init__(self, source: Path, output: Path) -> None:
        self.output = output
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", DRIVER, str(source), str(output)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )

    def workers(self) -> list[psutil.Process]:
        """The processes that cut."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in children if "MapWorker" in "".join(one.cmdline())]

    def pictures(self) -> int:
        """How many results are there."""
        folder = self.output / "pictures"
        return len(os.listdir(folder)) if folder.is_dir() else 0

    def until(self, condition: Callable[[], object], seconds: float = 600) -> None:
        """Wait for something that happens while it runs."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                raise click.ClickException("the run ended before the fault")
            if time.monotonic() > deadline:
                raise click.ClickException("it takes too long")
            time.sleep(0.05)


@click.command(context_settings={"show_default": True})
@click.option("--photos", default=3000)
def main(photos: int) -> None:
    """Make photos, and trouble."""
    with tempfile.TemporaryDirectory() as name:
        source, disk = Path(name) / "in", Path(name) / "disk"
        source.mkdir()
        disk.mkdir()
        for number in range(photos):
            Image.new("RGB", (64, 48), (number % 256, number // 256, 7)).save(
                source / f"{number:06d}.png"
            )
        (source / "000100 poison.png").write_bytes((source / "000100.png").read_bytes())
        (source / "000200.png").write_bytes(b"not a photo")
        mount("-t", "tmpfs", "-o", "size=1g", "tmpfs", str(disk))
        try:
            trouble(source, disk / "out", disk, photos)
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=True)


def trouble(source: Path, output: Path, disk: Path, photos: int) -> None:
    """One fault after the other."""
    run = Run(source, output)
    run.until(lambda: run.pictures() > photos * 0.02)
    for share in (0.1, 0.2):
        run.until(lambda share=share: run.pictures() > photos * share and run.workers())
        worker = run.workers()[0]
        worker.send_signal(signal.SIGKILL)
        say(f"kill -9 of a worker, at {run.pictures()} results")
    run.until(lambda: run.pictures() > photos * 0.4)
    run.process.kill()
    run.process.wait()
    say(f"kill -9 of the driver, at {run.pictures()} results")
    count(source, output)

    run = Run(source, output)
    before = run.pictures()
    run.until(lambda: run.pictures() > before + photos * 0.05)
    used = sum(path.stat().st_blocks * 512 for path in disk.rglob("*") if path.is_file())
    mount("-o", f"remount,size={used + 200_000}", str(disk))
    say(f"the disk is full at {run.pictures()}; ended with {run.process.wait()}")
    mount("-o", "remount,size=1g", str(disk))
    count(source, output)

    run = Run(source, output)
    before = run.pictures()
    run.until(lambda: run.pictures() > before + photos * 0.05)
    # Nobody, root included, may write into an immutable folder. The file system itself cannot be
    # remounted while the lock is open.
    subprocess.run(["chattr", "+i", str(output / "pictures")], check=True)
    say(f"read-only at {run.pictures()}; ended with {run.process.wait()}")
    subprocess.run(["chattr", "-i", str(output / "pictures")], check=True)
    count(source, output)

    say("the last run")
    run = Run(source, output)
    second = Run(source, output)
    say(f"a second one at the same time ended with {second.process.wait()}")
    before = run.pictures()
    run.until(lambda: run.pictures() > before)
    gone = source / f"{photos - 1:06d}.png"
    gone.unlink()  # of the last unit
    say(f"a photo that is in the plan has vanished: {gone.name}")
    say(f"the last run ended with {run.process.wait()}")
    if count(source, output):
        raise click.ClickException("the count is wrong")
    failed = pyarrow.dataset.dataset(output / "records").to_table(
        columns=["place", "kind", "error"], filter=pyarrow.dataset.field("status") == "failed"
    )
    for row in failed.to_pylist():
        print("  ", row)
    expected = {gone.name, "000100 poison.png", "000200.png"}
    if set(failed["place"].to_pylist()) != expected:
        raise click.ClickException(f"expected these to fail: {expected}")
    say("the same once more")
    Run(source, output).process.wait()
    sys.exit(count(source, output))


def count(source: Path, output: Path) -> int:
    """The counting script; while photos are missing it says so."""
    script = ROOT / "benchmarks" / "batch_count.py"
    return subprocess.run(
        [sys.executable, str(script), str(source), str(output)], check=False
    ).returncode


def say(words: str) -> None:
    """A line, and when it was."""
    print(f"* {time.monotonic() - BEGAN:.0f} s: {words}", flush=True)


def mount(*arguments: str) -> None:
    """Mount or change a mount; a busy one is tried again."""
    for _ in range(200):
        if not subprocess.run(["mount", *arguments], capture_output=True).returncode:
            return
        time.sleep(0.05)
    raise click.ClickException(f"mount {' '.join(arguments)} failed; it needs root")


if __name__ == "__main__":
    main()
