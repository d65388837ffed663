"""Real photos through `vx batch` beside the single process: photos per core-second, memory, masks.

    python benchmarks/batch_photos.py PHOTOS --copies 4 --most 20000 --workers 2

PHOTOS is a folder of JPEGs. Copies get other bytes (a comment after the JPEG's first marker) and
the same pixels. Single processes without Ray, as many at a time as the batch has workers, cut a
sample of them in the same run, once before the batch and once after it. Core-seconds are what the
kernel counted for all processes; where two threads share a core, they get longer when both are
busy, so both sides keep the same number of threads busy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import pyarrow.parquet
from watcher import Watcher

ROOT = Path(__file__).resolve().parents[1]
SINGLE = """
import json, resource, sys, time
from pathlib import Path
import cv2
from vx_detectron.config import load_cfg
from vx_detectron.deliver.finish import Finish
from vx_detectron.image_io import read_photo
from vx_detectron.pipeline import Isolator
from vx_detectron.rle import encode_mask
paths, out = json.load(open(sys.argv[1])), Path(sys.argv[2])
cv2.setNumThreads(1)
isolator = Isolator(load_cfg(None, ["VX.ONNX.THREADS", "1"]))
isolator.isolate(paths[0])
began, clock, masks = time.process_time(), time.monotonic(), {}
for path in paths:
    try:
        photo = read_photo(Path(path).read_bytes(), name=path)
        cutout = isolator.isolate(photo)
    except Exception as error:
        masks[path] = type(error).__name__
        continue
    Finish().write(str(out / (Path(path).name + "_cutout.png")), photo, cutout.alpha)
    masks[path] = encode_mask(cutout.alpha >= 0.5)
spent, passed = time.process_time() - began, time.monotonic() - clock
print(json.dumps({"cpu": spent, "wall": passed, "masks": masks}))
"""


def copies(folder: Path, target: Path, count: int, most: int) -> list[Path]:
    """Photos with other bytes and the same pixels."""
    made: list[Path] = []
    for number in range(count):
        for path in sorted(folder.rglob("*.jpg")):
            if len(made) == most:
                return made
            data = path.read_bytes()
            if data[:2] != b"\xff\xd8":
                continue
            words = f"copy {number}".encode()
            comment = b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words
            place = target / f"{number:02d}" / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data[:2] + comment + data[2:])
            made.append(place)
    return made


@click.command(context_settings={"show_default": True})
@click.argument("photos", type=click.Path(exists=True, path_type=Path))
@click.option("--copies", "count", default=4)
@click.option("--most", default=20_000, help="Photos in all.")
@click.option("--single", default=100, help="How many of them the single processes cut too.")
@click.option("--workers", type=click.IntRange(1), default=2)
@click.option("--keep", type=click.Path(path_type=Path), help="Leave input and output here.")
def main(photos: Path, count: int, most: int, single: int, workers: int, keep: Path | None) -> None:
    """Cut PHOTOS in both ways and compare."""
    with tempfile.TemporaryDirectory() as name:
        work = keep or Path(name)
        work.mkdir(parents=True, exist_ok=True)
        made = copies(photos, work / "in", count, most)
        step = max(len(made) // single, 1)
        some = [str(path) for path in made[::step]]
        print(f"{len(made)} photos; {len(some)} of them in the single processes too")
        before = run_single(work, some, workers)
        batch = run_batch(work, workers)
        after = run_single(work, some, workers)
        report(work, len(made), some, batch, (before, after))


def run_batch(work: Path, workers: int) -> tuple[Watcher, float]:
    """The batch, watched."""
    command = [sys.executable, str(ROOT / "tools" / "batch.py"), str(work / "in")]
    command += ["-o", str(work / "out"), "--workers", str(workers), "--no-dashboard"]
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment())
    watcher = Watcher(process.pid)
    watcher.start()
    code = process.wait()
    watcher.done.set()
    watcher.join()
    print(f"the batch ended with {code}")
    return watcher, time.monotonic() - began


def run_single(work: Path, some: list[str], count: int) -> tuple[float, dict[str, object]]:
    """The single processes: core-seconds for each photo, and the masks."""
    (work / "single").mkdir(exist_ok=True)
    started = []
    for number in range(count):
        part = work / f"some-{number}.json"
        part.write_text(json.dumps(some[number::count]))
        command = [sys.executable, "-c", SINGLE, str(part), str(work / "single")]
        started.append(
            subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
        )
    spent, masks = 0.0, {}
    for process in started:
        said, _ = process.communicate()
        assert process.returncode == 0, said
        answer = json.loads(said.splitlines()[-1])
        spent += answer["cpu"]
        masks.update(answer["masks"])
    return spent / len(some), masks


def environment() -> dict[str, str]:
    """One thread for each process."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def report(
    work: Path,
    total: int,
    some: list[str],
    batch: tuple[Watcher, float],
    alone: tuple[tuple[float, dict[str, object]], tuple[float, dict[str, object]]],
) -> None:
    """Print the figures."""
    watcher, wall = batch
    rows = {
        row["path"]: row
        for file in (work / "out" / "records").glob("*.parquet")
        for row in pyarrow.parquet.read_table(file).to_pylist()
    }
    spent = watcher.spent
    each = [seconds for seconds, _ in alone]
    single = sum(each) / len(each)
    workers = watcher.of("MapWorker")
    print(f"single process: {1 / single:.2f} photos a core-second, {single:.3f} s each")
    print("  before and after the batch:", *(f"{one:.3f} s" for one in each))
    print(f"batch, everything: {total / spent:.2f} photos a core-second, in {wall:.0f} s")
    print(f"  ratio {total / spent * single:.3f}")
    print(f"  the workers that cut, alone: {workers / total:.3f} s each")
    for line in watcher.lines():
        print(f"  {line}")
    print("driver memory, peak in each quarter of the time, MiB:", watcher.peaks())
    masks = alone[-1][1]
    cut = {path: mask for path, mask in masks.items() if isinstance(mask, dict)}
    same = sum(rows[path]["mask"] == mask for path, mask in cut.items())
    pixels = sum(same_picture(work, Path(path)) for path in cut)
    print(f"{len(masks)} compared, {len(cut)} of them with a cut-out in the single process")
    print(f"same masks: {same}; same pixels: {pixels}")


def same_picture(work: Path, path: Path) -> bool:
    """Whether both wrote the same pixels."""
    import numpy as np
    from PIL import Image

    name = path.relative_to(work / "in")
    with (
        Image.open(work / "out" / "pictures" / f"{name}_cutout.png") as one,
        Image.open(work / "single" / f"{path.name}_cutout.png") as other,
    ):
        return bool(np.array_equal(np.asarray(one), np.asarray(other)))


if __name__ == "__main__":
    main()
