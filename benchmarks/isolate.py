"""How long cutting out one photo takes, stage by stage, beside the usual heavy way.

    python benchmarks/isolate.py [PHOTO] [--repeats 3] [--threads N] [--config-file ...]

Each line is measured in a process of its own, so that its memory is its own. The README beside this
file explains what the lines show, and what they do not.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # also from a checkout that is not installed

R50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x"
OURS = "ours"
# Heavy imports are inside the functions below: a child's memory counts from its parent's.
Stages = dict[str, float]


def main() -> None:
    """Measure every line in a process of its own, then print the table."""
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        if options.measure:
            print(json.dumps(measure(options)))
            return
        photo = options.photo or child(options, "photo", Path(folder))["path"]
        options.photo = photo
        weights = child(options, "weights", Path(folder))["path"]
        lines = {name: child(options, name, Path(folder), weights) for name in present()}
    print_table(options, lines)


def arguments() -> argparse.Namespace:
    """The command line; ``--measure`` is for the children."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?", help="default: the astronaut, 640 x 480")
    parser.add_argument("--config-file", help="of our side; default: the bundled model")
    parser.add_argument("--weights", help="of our side, as MODEL.WEIGHTS names them")
    parser.add_argument("--engine", default="auto", help="of our side; default: auto")
    parser.add_argument("--repeats", type=int, default=3, help="after one to warm up")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    for hidden in ("--measure", "--folder", "--rival-weights"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    return parser.parse_args()


def present() -> list[str]:
    """The lines that can be measured here."""
    engines = ["torchvision"]
    if importlib.util.find_spec("detectron2"):
        engines.append("detectron2")
    lines = [OURS, *(f"R50-FPN, {engine}" for engine in engines)]
    return lines + (["DenseCRF"] if importlib.util.find_spec("pydensecrf") else [])


def child(
    options: argparse.Namespace, what: str, folder: Path, weights: str = ""
) -> dict[str, Any]:
    """What a process of its own answers."""
    command = [sys.executable, __file__, "--measure", what, "--folder", str(folder)]
    command += ["--rival-weights", weights, "--engine", options.engine]
    command += ["--repeats", str(options.repeats), "--threads", str(options.threads)]
    for name in ("config_file", "weights"):
        if getattr(options, name):
            command += [f"--{name.replace('_', '-')}", getattr(options, name)]
    command += [str(options.photo)] if options.photo else []
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False)
    if answer.returncode:
        sys.exit(f"{what}: the measurement failed, see above")
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """In the child: prepare something, or run one line and say how long and how large it was."""
    import cv2

    cv2.setNumThreads(options.threads)  # the others obey OMP_NUM_THREADS
    folder = Path(options.folder)
    if options.measure == "photo":
        return {"path": write_photo(folder / "astronaut.jpg")}
    if options.measure == "weights":
        return {"path": write_weights(folder / "rival.pth")}
    started = perf_counter()
    run = build(options, folder)
    start_up = perf_counter() - started
    run()
    runs, cpu = [], []
    for _ in range(max(options.repeats, 1)):
        started = process_time()
        runs.append(run())
        cpu.append(process_time() - started)
    stages = {name: median(one[name] for one in runs) for name in runs[0]}
    memory = peak_memory()
    return {"start_up": start_up, "stages": stages, "cpu": median(cpu), "memory": memory}


def build(options: argparse.Namespace, folder: Path) -> Callable[[], Stages]:
    """The function that runs one line once."""
    if options.measure == OURS:
        return ours(options, folder)
    from vx_detectron.image_io import read_photo

    pixels = read_photo(options.photo).pixels
    if options.measure == "DenseCRF":
        return lambda: timed("DenseCRF", lambda: dense_crf(pixels))
    from vx_detectron.engines import build_detector

    engine = build_detector(rival_cfg(options.rival_weights, options.measure.split()[-1]))
    return lambda: timed("network", lambda: engine.predict(pixels))


def ours(options: argparse.Namespace, folder: Path) -> Callable[[], Stages]:
    """From the file to the cut-out on black in a file."""
    from vx_detectron.config import load_cfg
    from vx_detectron.deliver import compose
    from vx_detectron.image_io import read_photo, write_picture
    from vx_detectron.pipeline import Isolator

    overrides = ["VX.ENGINE", options.engine, "MODEL.DEVICE", "cpu"]
    overrides += ["VX.ONNX.THREADS", str(options.threads)]  # it does not obey OMP_NUM_THREADS
    overrides += ["MODEL.WEIGHTS", options.weights] if options.weights else []
    isolator = Isolator(load_cfg(options.config_file, overrides))

    def run() -> Stages:
        at = [perf_counter()]
        photo = read_photo(options.photo)
        at.append(perf_counter())
        cutout = isolator.isolate(photo.pixels)
        at.append(perf_counter())
        picture = compose(photo.pixels, cutout.alpha)
        at.append(perf_counter())
        write_picture(folder / "cutout.png", picture, format="png")
        at.append(perf_counter())
        read, _, paint, write = (later - sooner for sooner, later in pairwise(at))
        stages = dict(cutout.provenance.seconds)
        return {"read": read, **stages, "compose": paint, "write PNG": write}

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


def peak_memory() -> float:
    """The most memory this process has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def print_table(options: argparse.Namespace, lines: dict[str, dict[str, Any]]) -> None:
    """Stages of ours, then totals side by side."""
    total = sum(lines[OURS]["stages"].values())
    print(f"{options.photo}, {options.threads} threads, median of {options.repeats}\n")
    columns = ("ms", "of ours", "CPU ms", "of ours", "start-up s", "peak MiB")
    print(" " * 28 + "".join(f"{column:>11}" for column in columns))
    for stage, seconds in lines[OURS]["stages"].items():
        print(f"  {stage:26}{1000 * seconds:11.1f}{seconds / total:11.2f}")
    for name, line in lines.items():
        seconds, cpu = sum(line["stages"].values()), line["cpu"]
        title = {OURS: "ours, all of it", "DenseCRF": "DenseCRF, whole frame"}.get(name, name)
        print(
            f"{title:28}{1000 * seconds:11.1f}{seconds / total:11.2f}{1000 * cpu:11.1f}"
            f"{cpu / lines[OURS]['cpu']:11.2f}{line['start_up']:11.1f}{line['memory']:11.0f}"
        )


if __name__ == "__main__":
    main()
