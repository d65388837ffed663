"""How long cutting out one photo takes, engine by engine and stage by stage, beside others.

    python benchmarks/isolate.py [PHOTO] [--repeats 3] [--threads N] [--peer NAME=FILE.onnx:SIDE]

Every line is measured in a process of its own, so that its memory is its own; all in one run, for
only ratios carry over to other machines. The README beside this file explains what the lines show,
and what they do not.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # also from a checkout that is not installed

R50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x"
OURS, RIVAL, CRF, PEER = "ours", "R50-FPN", "DenseCRF", "peer"

# Engine to what chooses it, the modules that it needs, and the extras that bring them.
ENGINES: dict[str, tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "onnx": ({"VX.ENGINE": "onnx"}, ("onnxruntime",), ()),
    "openvino": (
        {"VX.ENGINE": "onnx", "VX.ONNX.RUNTIME": "openvino"}, ("openvino",), ("openvino",)
    ),
    "torchvision": ({"VX.ENGINE": "torchvision"}, ("torchvision",), ("torch",)),
    "detectron2": ({"VX.ENGINE": "detectron2"}, ("detectron2",), ("torch", "detectron2")),
}  # fmt: skip
# Heavy imports are inside the functions below: a child's memory counts from its parent's.
Stages = dict[str, float]


@dataclass(frozen=True)
class Peer:
    """Somebody else's network, which only has to run: its answer is not looked at."""

    name: str
    file: str
    side: int

    @classmethod
    def parse(cls, text: str) -> Peer:
        """From NAME=FILE.onnx:SIDE; ArgumentTypeError for anything else."""
        name, _, rest = text.partition("=")
        file, _, side = rest.rpartition(":")
        if not (name and file and side.isdigit() and int(side)):
            raise argparse.ArgumentTypeError(f"expected NAME=FILE.onnx:SIDE, got {text!r}")
        if not Path(file).is_file():
            raise argparse.ArgumentTypeError(f"{file} is not a file")
        return cls(name, file, int(side))


def main() -> None:
    """Measure every line in a process of its own, then print the tables."""
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        if options.measure:
            print(json.dumps(measure(options, Path(options.folder))))
            return
        options.folder = folder
        options.photo = options.photo or child(options, "photo")["path"]
        torch_is_here = importlib.util.find_spec("torchvision") is not None
        rival = child(options, "weights")["path"] if torch_is_here else ""
        lines: dict[str, dict[str, Any]] = {}
        for engine in present():
            lines[f"{OURS}, {engine}"] = {
                **child(options, OURS, "--line", engine),
                **first_cut(options, engine, Path(folder)),
                "size": installed_size(ENGINES[engine][2]),
            }
        for engine in ("torchvision", "detectron2"):
            if engine in present():
                extra = ("--line", engine, "--rival-weights", rival)
                lines[f"{RIVAL} at 800 px, {engine}"] = child(options, RIVAL, *extra)
        if importlib.util.find_spec("pydensecrf"):
            lines["DenseCRF, whole frame"] = child(options, CRF)
        for peer in options.peer:
            words = f"{peer.name}={peer.file}:{peer.side}"
            lines[f"{peer.name} at {peer.side} px"] = child(options, PEER, "--peer", words)
    print_tables(options, lines)


def arguments() -> argparse.Namespace:
    """The command line; ``--measure`` is for the children."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?", help="default: scikit-image's astronaut, 640 x 480")
    parser.add_argument("--repeats", type=int, default=3, help="after one to warm up")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--peer", action="append", default=[], type=Peer.parse,
                        metavar="NAME=FILE.onnx:SIDE", help="also time this network on the photo, "
                        "stretched to SIDE x SIDE; may be repeated")  # fmt: skip
    for hidden in ("--measure", "--folder", "--line", "--rival-weights"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    return parser.parse_args()


def present() -> list[str]:
    """The engines that can be measured here."""
    return [
        engine
        for engine, (_, modules, _) in ENGINES.items()
        if all(importlib.util.find_spec(module) for module in modules)
    ]


# --- in this process: children, and what they cost ------------------------------------------------


def child(options: argparse.Namespace, what: str, *more: str) -> dict[str, Any]:
    """What a process of its own answers."""
    command = [sys.executable, __file__, "--measure", what, "--folder", options.folder, *more]
    command += ["--repeats", str(options.repeats), "--threads", str(options.threads)]
    command += [str(options.photo)] if options.photo else []
    answer = subprocess.run(
        command, env=environment(options), stdout=subprocess.PIPE, check=False, text=True
    )
    if answer.returncode:
        sys.exit(f"{what}: the measurement failed, see above")
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result


def environment(options: argparse.Namespace) -> dict[str, str]:
    """The children find the package, and keep to the number of threads."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(options.threads)}


def first_cut(options: argparse.Namespace, engine: str, folder: Path) -> dict[str, float]:
    """Seconds from the command to the file, and the most memory, in MiB, of a fresh process."""
    keys = {**ENGINES[engine][0], "MODEL.DEVICE": "cpu", "VX.ONNX.THREADS": str(options.threads)}
    command = [sys.executable, "-m", "vx_detectron", "isolate", options.photo, "--overwrite",
               "--quiet", "-o", str(folder / "first.png")]  # fmt: skip
    command += [word for pair in keys.items() for word in ("--opt", *pair)]
    seconds, memory = [], []
    for _ in range(max(options.repeats, 1)):
        started = perf_counter()
        process = subprocess.Popen(command, env=environment(options), stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds.append(perf_counter() - started)
        memory.append(in_mebibytes(used.ru_maxrss))
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{engine}: the first cut-out failed, see above")
    return {"first": median(seconds), "first_memory": max(memory)}


def installed_size(extras: Iterable[str]) -> float | None:
    """Megabytes of this package with everything that pip installs for it; None where unknown."""
    try:
        from packaging.requirements import Requirement

        open_ = [Requirement(f"vx-detectron[{','.join(extras)}]")]
        total = sum(one.stat().st_size for one in (ROOT / "vx_detectron").rglob("*")
                    if one.is_file())  # fmt: skip
        seen = set()
        while open_:
            wanted = open_.pop()
            key = (wanted.name.lower().replace("_", "-"), frozenset(wanted.extras))
            if key in seen:
                continue
            known = any(name == key[0] for name, _ in seen)
            seen.add(key)
            package = importlib.metadata.distribution(wanted.name)
            if not known and key[0] != "vx-detectron":
                files = (Path(str(package.locate_file(file))) for file in package.files or ())
                total += sum(file.stat().st_size for file in files if file.is_file())
            for text in package.requires or ():
                needed = Requirement(text)
                for_extras = [{"extra": extra} for extra in wanted.extras] or [{"extra": ""}]
                if needed.marker is None or any(map(needed.marker.evaluate, for_extras)):
                    open_.append(needed)
    except ImportError:  # also PackageNotFoundError: this package, or an extra's, is not installed
        return None
    return total / 1e6


# --- in a child -----------------------------------------------------------------------------------


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Prepare something, or run one line and say how long and how large it was."""
    import cv2

    cv2.setNumThreads(options.threads)  # the others obey OMP_NUM_THREADS
    if options.measure == "photo":
        return {"path": write_photo(folder / "astronaut.jpg")}
    if options.measure == "weights":
        return {"path": write_weights(folder / "rival.pth")}
    run = build(options, folder)
    run()
    runs, cpu = [], []
    for _ in range(max(options.repeats, 1)):
        started = process_time()
        runs.append(run())
        cpu.append(process_time() - started)
    stages = {name: median(one[name] for one in runs) for name in runs[0]}
    memory = in_mebibytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return {"stages": stages, "cpu": median(cpu), "memory": memory}


def build(options: argparse.Namespace, folder: Path) -> Callable[[], Stages]:
    """The function that runs one line once."""
    from vx_detectron.image_io import read_photo

    if options.measure == OURS:
        return ours(options, folder)
    pixels = read_photo(options.photo).pixels
    if options.measure == CRF:
        return lambda: timed("DenseCRF", lambda: dense_crf(pixels))
    if options.measure == PEER:
        run = peer_network(options.peer[0], options.threads, pixels)
        return lambda: timed("network", run)
    from vx_detectron.engines import build_detector

    engine = build_detector(rival_cfg(options.rival_weights, options.line))
    return lambda: timed("network", lambda: engine.predict(pixels))


def ours(options: argparse.Namespace, folder: Path) -> Callable[[], Stages]:
    """From the file to the cut-out on black in a file."""
    from vx_detectron.config import load_cfg
    from vx_detectron.deliver import compose_photo
    from vx_detectron.image_io import read_photo, write_picture
    from vx_detectron.pipeline import Isolator

    keys = {**ENGINES[options.line][0], "MODEL.DEVICE": "cpu"}
    keys["VX.ONNX.THREADS"] = str(options.threads)
    isolator = Isolator(load_cfg(None, [word for pair in keys.items() for word in pair]))

    def run() -> Stages:
        at = [perf_counter()]
        photo = read_photo(options.photo)
        at.append(perf_counter())
        cutout = isolator.isolate(photo)
        at.append(perf_counter())
        picture = compose_photo(photo, cutout.alpha)
        at.append(perf_counter())
        write_picture(folder / "cutout.png", picture, format="png")
        at.append(perf_counter())
        read, _, paint, write = (later - sooner for sooner, later in pairwise(at))
        stages = dict(cutout.provenance.seconds)
        return {"read": read, **stages, "compose": paint, "write PNG": write}

    return run


def peer_network(peer: Peer, threads: int, pixels: Any) -> Callable[[], object]:
    """Resize, scale to 0..1 and run, as everyone has to who uses that network."""
    import cv2
    import numpy as np
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(peer.file, settings, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run() -> object:
        seen = cv2.resize(pixels, (peer.side, peer.side), interpolation=cv2.INTER_AREA)
        batch = np.ascontiguousarray(seen.transpose(2, 0, 1)[None], dtype=np.float32) / 255
        return session.run(None, {name: batch})

    return run


def timed(name: str, work: Callable[[], object]) -> Stages:
    """One stage, timed."""
    started = perf_counter()
    work()
    return {name: perf_counter() - started}


def write_photo(path: Path) -> str:
    """The astronaut that scikit-image ships, at 640 x 480."""
    import skimage
    from PIL import Image

    with Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png") as picture:
        picture.convert("RGB").resize((640, 480), Image.Resampling.LANCZOS).save(path, quality=90)
    return str(path)


def rival_cfg(weights: str, engine: str) -> Any:
    """Detectron2's usual Mask R-CNN at its usual 800 pixels."""
    from vx_detectron.config import load_cfg

    keys = {"MODEL.WEIGHTS": weights, "VX.ENGINE": engine, "MODEL.DEVICE": "cpu",
            "TEST.DETECTIONS_PER_IMAGE": "30"}  # fmt: skip
    return load_cfg(R50, [part for pair in keys.items() for part in pair])


def write_weights(path: Path) -> str:
    """Random weights that favour one class, or no mask would be drawn."""
    import torch

    from vx_detectron.modeling.mask_rcnn import build_model

    torch.manual_seed(0)
    model = build_model(rival_cfg("", "torchvision"))
    with torch.no_grad():
        model.roi_heads.box_predictor.cls_score.bias[0] = 5.0
    torch.save({"model": model.state_dict()}, path)
    return str(path)


def dense_crf(pixels: Any) -> None:
    """Two labels, five iterations over the whole frame, with the parameters of the textbooks."""
    import numpy as np
    import pydensecrf.densecrf as densecrf

    height, width = pixels.shape[:2]
    subject = np.full((height, width), 0.1, dtype=np.float32)
    subject[height // 4 : -height // 4, width // 4 : -width // 4] = 0.9
    energy = -np.log(np.stack([1 - subject, subject]).reshape(2, -1))
    crf = densecrf.DenseCRF2D(width, height, 2)
    crf.setUnaryEnergy(np.ascontiguousarray(energy))
    crf.addPairwiseBilateral(sxy=60, srgb=10, rgbim=pixels.copy(), compat=5)
    crf.inference(5)


def in_mebibytes(peak: float) -> float:
    """What the system says of a process's peak."""
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


# --- the tables -----------------------------------------------------------------------------------


def print_tables(options: argparse.Namespace, lines: dict[str, dict[str, Any]]) -> None:
    """A fresh process by engine, the stages by engine, and all totals side by side."""
    own = [name for name in lines if name.startswith(OURS)]
    first = lines[own[0]]
    print(f"{options.photo}, {options.threads} threads, median of {options.repeats}\n")
    print_row("a fresh process", ("first s", "ratio", "peak MiB", "ratio", "size MB"))
    for name in own:
        line = lines[name]
        size = "?" if line["size"] is None else f"{line['size']:.0f}"
        print_row(name, (
            f"{line['first']:.2f}", f"{line['first'] / first['first']:.2f}",
            f"{line['first_memory']:.0f}", f"{line['first_memory'] / first['first_memory']:.2f}",
            size,
        ))  # fmt: skip
    print()
    print_row("stages, ms", [name.removeprefix(f"{OURS}, ") for name in own])
    for stage in first["stages"]:
        print_row(f"  {stage}", [f"{1000 * lines[name]['stages'][stage]:.1f}" for name in own])
    print()
    print_row("a photo", ("ms", "ratio", "CPU ms", "ratio", "peak MiB"))
    for name, line in [*lines.items(), *heavy_way(lines)]:
        seconds, own_seconds = sum(line["stages"].values()), sum(first["stages"].values())
        print_row(name, (
            f"{1000 * seconds:.1f}", f"{seconds / own_seconds:.2f}", f"{1000 * line['cpu']:.1f}",
            f"{line['cpu'] / first['cpu']:.2f}", f"{line['memory']:.0f}",
        ))  # fmt: skip


def heavy_way(lines: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """R50-FPN and then the DenseCRF, as one job."""
    parts = [line for name, line in lines.items() if name.startswith((RIVAL, CRF))]
    names = [name for name in lines if name.startswith(RIVAL)]
    if not names or not any(name.startswith(CRF) for name in lines):
        return []
    chosen = [lines[names[-1]], parts[-1]]
    both = {
        "stages": {str(index): sum(line["stages"].values()) for index, line in enumerate(chosen)},
        "cpu": sum(line["cpu"] for line in chosen),
        "memory": max(line["memory"] for line in chosen),
    }
    return [(f"{names[-1]} + DenseCRF", both)]


def print_row(title: str, cells: Iterable[str]) -> None:
    """One line of a table."""
    print(f"{title:44}" + "".join(f"{cell:>12}" for cell in cells))


if __name__ == "__main__":
    main()
