"""What ``vx isolate --jobs N`` gains over one photo after another, beside what N processes gain.

    python benchmarks/jobs.py [--photos 40] [--side 640] [--jobs N] [--repeats 3]

N processes with one thread each, which share nothing, are the most that a machine can give: on two
threads of one core that is far from twice. Each way reads, cuts and writes the same photos, with
the networks loaded and warm before the clock starts. Rounds go through all ways by turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # also from a checkout that is not installed

NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")


def main() -> None:
    """Time every way by turns, then print photos a second and ratios."""
    options = arguments()
    if options.work:
        work(options)
        return
    from vx_detectron.cli.isolate.side_by_side import cores

    number = options.jobs or cores()
    ways = {
        "--jobs 1": (1, 1, []),
        "--jobs 1, one thread": (1, 1, ["--one-thread"]),
        f"--jobs {number}": (1, number, []),
        f"{number} processes, one thread each": (number, 1, ["--one-thread"]),
    }
    rounds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        photos = make_photos(Path(folder), options.photos, options.side)
        for _ in range(options.repeats):
            for way, (processes, jobs, more) in ways.items():
                rounds[way].append(timed(photos, processes, jobs, more))
    print(f"{options.photos} photos of {options.side} px, {cores()} logical cores, "
          f"median of {options.repeats} rounds")  # fmt: skip
    first = [took for took, _ in rounds["--jobs 1"]]
    for way, found in rounds.items():
        ratios = sorted(one / own for one, (own, _) in zip(first, found, strict=True))
        rate = options.photos / median(took for took, _ in found)
        cpu = 1000 * median(cpu for _, cpu in found) / options.photos
        print(f"{way:32} {rate:6.2f} photos/s, {median(ratios):.2f} times --jobs 1 "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f}), {cpu:.0f} ms CPU a photo")  # fmt: skip


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=40, help="how many, in each way")
    parser.add_argument("--side", type=int, default=640, help="their long side, in pixels")
    parser.add_argument("--jobs", type=int, default=0, help="by default as many as there are cores")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--work", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--part", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--one-thread", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def make_photos(folder: Path, count: int, side: int) -> list[Path]:
    """JPEGs of the photos that scikit-image ships, none like another."""
    import skimage
    from PIL import Image

    pictures = [Image.open(Path(skimage.__file__).parent / "data" / name) for name in NAMES]
    photos = []
    for number in range(count):
        picture = pictures[number % len(pictures)].convert("RGB")
        picture = picture.resize((side, round(side * picture.height / picture.width)))
        shifted = picture.crop((number, 0, picture.width, picture.height))
        photos.append(folder / f"{number:04}.jpg")
        shifted.save(photos[-1], quality=92)
    return photos


def timed(photos: list[Path], processes: int, jobs: int, more: list[str]) -> tuple[float, float]:
    """Seconds from when all processes are ready until the last is done; CPU seconds of all."""
    with tempfile.TemporaryDirectory() as folder:
        children = [
            subprocess.Popen(
                [sys.executable, __file__, "--work", folder, "--jobs", str(jobs), *more,
                 "--part", *map(str, photos[number::processes])],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for number in range(processes)
        ]  # fmt: skip
        for child in children:
            listen(child, "ready")
        started = perf_counter()
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        cpu = [float(listen(child, "done")) for child in children]
        seconds = perf_counter() - started
        for child in children:
            child.communicate()
    return seconds, sum(cpu)


def listen(child: subprocess.Popen[str], word: str) -> str:
    """What a process says after the word; SystemExit where it says another one."""
    assert child.stdout is not None
    said, _, rest = child.stdout.readline().strip().partition(" ")
    if said != word:
        raise SystemExit(f"a process of the measurement said {said} {rest}, expected {word}")
    return rest


def work(options: argparse.Namespace) -> None:
    """One process: load, say so, cut its photos as the command does when told to, say so."""
    import cv2

    from vx_detectron.cli.isolate.batch import Cutter, run
    from vx_detectron.cli.isolate.existing import Existing
    from vx_detectron.cli.isolate.outputs import Job
    from vx_detectron.cli.isolate.side_by_side import limit_threads, share_cores
    from vx_detectron.config import load_cfg
    from vx_detectron.deliver.finish import Finish
    from vx_detectron.pipeline import Isolator

    cfg = load_cfg(None, ["MODEL.DEVICE", "cpu"])
    if options.one_thread:
        cfg = load_cfg(None, ["MODEL.DEVICE", "cpu", "VX.ONNX.THREADS", "1"])
        cv2.setNumThreads(1)
    isolator = Isolator(share_cores(cfg, options.jobs))
    limit_threads(options.jobs)
    for photo in options.part[:2]:
        isolator.isolate(photo)
    cut = Cutter(isolator, Finish(), None, False, "benchmark")
    folder = Path(options.work)
    jobs = [Job(one, str(folder / f"{Path(one).stem}.png")) for one in options.part]
    print("ready", flush=True)
    sys.stdin.readline()
    started = process_time()
    outcomes = list(run(jobs, Existing(False, [], "benchmark"), lambda: cut, options.jobs))
    bad = [one for one in outcomes if one.status != "done"]
    print(bad[0].message if bad else f"done {process_time() - started}", flush=True)


if __name__ == "__main__":
    main()
