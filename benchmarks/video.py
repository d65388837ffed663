"""What a video costs: the live path and the photo pipeline, frame by frame, in one run.

    python benchmarks/video.py                 640x480 and 1280x720, and the photo pipeline beside
    python benchmarks/video.py --memory 10000  the memory over so many frames

The clip is made here: an astronaut (scikit-image) moves before a table. CPU time is the time that
all threads of the process spent; unlike wall time it hardly depends on what else runs.
Frames per second "on two cores" are 2 / CPU seconds, which no pipeline can exceed there.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from time import perf_counter, process_time

import cv2
import numpy as np
from skimage import data

from vx_detectron import Isolator, load_cfg
from vx_detectron.deliver import Background, Blur, Colour, compose
from vx_detectron.engines import build_eye
from vx_detectron.structures import ByteArray
from vx_detectron.video.live import Live


def clip(size: tuple[int, int]) -> Callable[[int], ByteArray]:
    """Frame number to frame, uint8 (H, W, 3)."""
    photo = data.astronaut()
    alpha = Isolator(load_cfg()).isolate(photo).alpha
    side = min(size)
    front = cv2.resize(photo, (side, side))
    alpha = np.clip(cv2.resize(alpha, (side, side)), 0, 1)[..., None]
    behind = cv2.resize(data.coffee(), size[::-1])

    def frame(number: int) -> ByteArray:
        left = round((size[1] - side) * (0.5 + 0.5 * np.sin(number / 20)))
        picture = behind.copy()
        part = picture[size[0] - side :, left : left + side]
        part[:] = np.rint(front * alpha + part * (1 - alpha))
        return picture

    return frame


def timed(work: Callable[[int], object], count: int) -> tuple[float, float]:
    """Median wall milliseconds and mean CPU milliseconds of a call."""
    for number in range(3):
        work(number)
    walls, cpu = [], process_time()
    for number in range(3, 3 + count):
        began = perf_counter()
        work(number)
        walls.append(perf_counter() - began)
    return 1000 * float(np.median(walls)), 1000 * (process_time() - cpu) / count


def live(size: int, threads: int) -> Live:
    """The live path with an eye of one size."""
    common = ["VX.EYE.ZOOM", "False", "VX.ONNX.THREADS", str(threads)]
    cfg = load_cfg(None, ["VX.EYE.SIZES", f"({size},)", *common])
    eye = build_eye(cfg)
    assert eye is not None
    return Live(Isolator(cfg), {size: eye}, 25.0)


def speeds(count: int, threads: int) -> None:
    """Print a table."""
    photos = Isolator(load_cfg(None, ["VX.ONNX.THREADS", str(threads)]))
    print(f"{'':34}{'wall ms':>9}{'CPU ms':>9}{'2 / CPU':>9}{'photo / this':>14}")
    for size, eyes in (((480, 640), (128, 192, 256)), ((720, 1280), (128, 192))):
        frame = clip(size)

        def photo(number: int, frame: Callable[[int], ByteArray] = frame) -> None:
            image = frame(number)
            compose(image, photos.isolate(image).alpha, Blur(3.0))

        wall, reference = timed(photo, max(count // 10, 5))
        name = f"{size[1]}x{size[0]}"
        print(f"{name + ', photo pipeline':34}{wall:9.0f}{reference:9.0f}{2000 / reference:9.1f}")
        for eye in eyes:
            for word, background in (("blur", Blur(3.0)), ("colour", Colour((0, 177, 64)))):
                path = live(eye, threads)

                def work(
                    number: int,
                    path: Live = path,
                    background: Background = background,
                    frame: Callable[[int], ByteArray] = frame,
                ) -> None:
                    path.cut(frame(number), background)

                wall, cpu = timed(work, count)
                print(
                    f"{f'{name}, live, eye {eye}, {word}':34}{wall:9.0f}{cpu:9.0f}"
                    f"{2000 / cpu:9.1f}{reference / cpu:14.1f}"
                )


def memory(count: int) -> None:
    """Print the largest resident memory as the frames go by."""
    path, frame = live(128, 1), clip((480, 640))
    for number in range(count + 1):
        path.cut(frame(number), Blur(3.0))
        if number in (100, count) or (number and number % max(count // 10, 1) == 0):
            kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(f"{number:7} frames: {kilobytes / 1024:.0f} MiB at most", flush=True)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory", type=int, metavar="FRAMES")
    options = parser.parse_args()
    if options.memory:
        memory(options.memory)
    else:
        speeds(options.frames, options.threads)


if __name__ == "__main__":
    main()
