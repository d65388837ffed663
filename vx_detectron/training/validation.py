"""How good the subjects are that the pipeline would cut, on photos held out.

The same measure for both engines: what ``subject.select`` chooses among the instances and the
salient regions, before any refinement, against the annotated subject.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from fvcore.common.config import CfgNode
from torch import nn

from vx_detectron.data.coco import DatasetDict
from vx_detectron.data.scene import read_scene
from vx_detectron.errors import DataError, ImageError
from vx_detectron.image_io import write_picture
from vx_detectron.metrics import count
from vx_detectron.pipeline import Isolator, union_mask
from vx_detectron.structures import BoolArray, ByteArray
from vx_detectron.training import checkpoints
from vx_detectron.training.early_stopping import Best

logger = logging.getLogger(__name__)


SUBJECT, SALIENCY = "subject_iou", "saliency_iou"


def deciding_figure(cfg: CfgNode) -> str:
    """Which figure chooses the best weights: the eye is judged by its own map.

    The detector beside it does not change.
    """
    return SALIENCY if cfg.VX.TRAIN == "eye" else SUBJECT


class Judged(NamedTuple):
    """One photo beside what was found in it.

    Attributes:
        pixels: uint8 (H, W, 3), RGB, 0..255.
        truth: bool (H, W), the annotated subject.
        chosen: bool (H, W), the subject that the pipeline would cut, before refinement.
        saliency: bool (H, W), the saliency map over one half; None where the network has none.
    """

    pixels: ByteArray
    truth: BoolArray
    chosen: BoolArray
    saliency: BoolArray | None


def subject_iou(judged: Iterable[Judged]) -> dict[str, float]:
    """Mean IoU with the true subject, 0..1, of the choice and of the saliency map alone.

    A photo in which no subject was found counts 0.

    Returns:
        ``subject_iou``, and ``saliency_iou`` where the network has a saliency map; nothing for no
        photos.
    """
    ious: dict[str, list[float]] = {SUBJECT: [], SALIENCY: []}
    for one in judged:
        ious[SUBJECT].append(count(one.chosen, one.truth).iou)
        if one.saliency is not None:
            ious[SALIENCY].append(count(one.saliency, one.truth).iou)
    return {name: float(np.mean(values)) for name, values in ious.items() if values}


def judge(isolator: Isolator, records: Sequence[DatasetDict]) -> Iterator[Judged]:
    """Run the network over photos whose subject is annotated.

    A photo that cannot be read is named in the log and left out.

    Args:
        isolator: around any engine, that of a model in training too.
        records: with a known subject, see ``vx_detectron.data.subjects.has_subject``.
    """
    limits = isolator.cfg.VX.INPUT.MAX_PIXELS, isolator.cfg.VX.INPUT.MAX_BYTES
    for record in records:
        try:
            scene = read_scene(record, {}, *limits)
        except (DataError, ImageError) as error:
            logger.warning("left out of the validation: %s", error)
            continue
        pixels = np.ascontiguousarray(scene.image.permute(1, 2, 0).numpy())
        yield _judged(isolator, pixels, scene.layers[-1].numpy() == 1)


def _judged(isolator: Isolator, pixels: ByteArray, truth: BoolArray) -> Judged:
    photo = isolator.open(pixels)
    subject = photo.select()
    chosen = np.zeros(truth.shape, dtype=np.bool_)
    if subject:
        chosen = union_mask(photo.instances, subject.chosen) >= 0.5
    saliency = photo.instances.saliency
    if saliency is None:
        return Judged(pixels, truth, chosen, None)
    whole = cv2.resize(saliency, truth.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return Judged(pixels, truth, chosen, np.asarray(whole) >= 0.5)


CELL = 192  # pixels
FOLDER = "predictions"


def prediction_grid(judged: Sequence[Judged]) -> ByteArray:
    """A row for each photo: itself, its true subject, the saliency map if any, and the choice.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    rows = []
    for one in judged:
        maps = (
            [one.truth, one.chosen]
            if one.saliency is None
            else [one.truth, one.saliency, one.chosen]
        )
        rows.append(np.hstack([_cell(one.pixels), *(_cell(_grey(mask)) for mask in maps)]))
    return np.vstack(rows)


def write_predictions(folder: Path, iteration: int, judged: Sequence[Judged]) -> None:
    """Write the grid as ``predictions/0000249.jpg`` below the folder."""
    (folder / FOLDER).mkdir(exist_ok=True)
    target = folder / FOLDER / f"{iteration:07d}.jpg"
    write_picture(target, prediction_grid(judged), format="jpg", quality=85)


def _grey(mask: BoolArray) -> ByteArray:
    return np.repeat(mask[..., None].astype(np.uint8) * 255, 3, axis=2)


def _cell(pixels: ByteArray) -> ByteArray:
    """The picture fitted into a square."""
    height, width = pixels.shape[:2]
    scale = CELL / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    cell = np.full((CELL, CELL, 3), 64, dtype=np.uint8)
    top, left = (CELL - size[1]) // 2, (CELL - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = small
    return cell


PICTURES = 4  # photos whose predictions are drawn


class Validator:
    """Measures a model in training, and keeps its best weights.

    Args:
        cfg: the configuration; files go to its ``OUTPUT_DIR``.
        isolator: the pipeline around the model, which runs it as it is at each call.
        model: the network in training.
        records: photos held out, whose subject is known; without any nothing is measured.
    """

    def __init__(
        self, cfg: CfgNode, isolator: Isolator, model: nn.Module, records: Sequence[DatasetDict]
    ) -> None:
        self.folder, self.patience = Path(cfg.OUTPUT_DIR), cfg.VX.SOLVER.PATIENCE
        self.isolator, self.model, self.records = isolator, model, records
        self.measure = deciding_figure(cfg)
        self.best = Best()

    def run(self, iteration: int) -> dict[str, float]:
        """Measure, draw a few predictions, and write ``model_best.pth`` after a gain.

        Returns:
            ``subject_iou``, and ``saliency_iou`` where the network has a saliency map; nothing
            where no photo is held out.
        """
        judged, shown = judge(self.isolator, self.records), list[Judged]()
        figures = subject_iou(_keep_first(judged, shown))
        if not figures:
            return {}
        write_predictions(self.folder, iteration, shown)
        if self.best.update(figures[self.measure], iteration):
            checkpoints.save(self.folder, checkpoints.BEST, {"model": self.model.state_dict()})
        return figures

    def exhausted(self) -> bool:
        """Whether ``VX.SOLVER.PATIENCE`` evaluations brought no gain."""
        if not self.best.exhausted(self.patience):
            return False
        logger.info(
            "no gain in %d evaluations (VX.SOLVER.PATIENCE) over the best %.4f at iteration %d",
            self.patience,
            self.best.value,
            self.best.iteration,
        )
        return True


def _keep_first(judged: Iterable[Judged], kept: list[Judged]) -> Iterator[Judged]:
    for one in judged:
        if len(kept) < PICTURES:
            kept.append(one)
        yield one


def is_due(done: int, period: int, last: int) -> bool:
    """Whether to evaluate after that many steps: each ``TEST.EVAL_PERIOD`` and at the end."""
    return done == last or (period > 0 and done % period == 0)
