"""How good the cut-outs are: mean IoU, Boundary IoU and MAE over a folder of photos with masks.

``python benchmarks/subject_masks.py IMAGES MASKS``, where a mask is a grey picture of its photo's
name. One run of the network serves all rows: the saliency map alone, the chosen instances' masks
as they are, and the whole default pipeline.
"""

from __future__ import annotations

import glob
from collections import Counter
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from vx_detectron.config import load_cfg
from vx_detectron.errors import NoSubjectError
from vx_detectron.image_io import read_photo
from vx_detectron.metrics import boundary_iou, count, mean_absolute_error
from vx_detectron.pipeline import Isolator, subject_mask

FloatArray = NDArray[np.float32]
WORSE = 0.01  # IoU


def rows_of(isolator: Isolator, photo: Path) -> tuple[dict[str, FloatArray], str, tuple[int, int]]:
    """Alpha masks of one photo by the name of their row, and where the default's came from."""
    pixels = read_photo(photo).pixels
    size = (pixels.shape[0], pixels.shape[1])
    try:
        cutout = isolator.isolate(pixels)
    except NoSubjectError:
        nothing = np.zeros(size, np.float32)
        return {"refinement off": nothing, "default": nothing}, "no subject", size
    raw = cutout.alpha
    if cutout.subject:
        raw = subject_mask(cutout.instances, cutout.subject)[0]
    rows = {"refinement off": raw, "default": cutout.alpha}
    if cutout.instances.saliency is not None:
        whole = cv2.resize(cutout.instances.saliency, size[::-1], interpolation=cv2.INTER_LINEAR)
        rows["saliency map alone"] = np.asarray(whole, dtype=np.float32)
    return rows, cutout.provenance.mask_source, size


@click.command()
@click.argument("images", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("masks", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--config-file", default=None)
@click.option("--every", default=1, show_default=True, help="Take every N-th photo only.")
@click.option("--opts", nargs=2, multiple=True, metavar="KEY VALUE")
def main(
    images: Path,
    masks: Path,
    config_file: str | None,
    every: int,
    opts: tuple[tuple[str, str], ...],
) -> None:
    """Measure the bundled model, or another, on IMAGES against MASKS."""
    isolator = Isolator(load_cfg(config_file, [part for pair in opts for part in pair]))
    figures: dict[str, list[tuple[float, float, float]]] = {}
    sources: Counter[str] = Counter()
    for mask in tqdm(sorted(masks.iterdir())[::every], disable=None):
        photo = next(images.glob(f"{glob.escape(mask.stem)}.*"), None)
        if photo is None:
            raise click.ClickException(f"{mask}: no photo {mask.stem}.* in {images}")
        rows, source, size = rows_of(isolator, photo)
        sources[source] += 1
        truth = np.asarray(Image.open(mask).convert("L")) > 127
        if truth.shape != size:
            raise click.ClickException(f"{mask}: size {truth.shape}, its photo {size}")
        for name, alpha in rows.items():
            hard = alpha >= 0.5
            scores = count(hard, truth).iou, boundary_iou(hard, truth)
            figures.setdefault(name, []).append((*scores, mean_absolute_error(alpha, truth)))
    print(f"{'':20} {'IoU':>7} {'B-IoU':>7} {'MAE':>7} {'photos':>7}")
    for name, values in figures.items():
        iou, boundary, error = np.mean(values, axis=0)
        print(f"{name:20} {iou:7.4f} {boundary:7.4f} {error:7.4f} {len(values):7}")
    gain = np.array([v[0] for v in figures["default"]])
    gain -= np.array([v[0] for v in figures["refinement off"]])
    better, worse = (gain > WORSE).mean(), (gain < -WORSE).mean()
    print(f"refinement changes IoU by over {WORSE}: better in {better:.1%}, worse in {worse:.1%}")
    print("masks from", ", ".join(f"{source}: {n}" for source, n in sources.most_common()))


if __name__ == "__main__":
    main()
