"""How good a model is on photos held out: its subjects, and its detector.

The same measures for both engines. Of subjects: what ``subject.select`` chooses among the instances
and the salient regions, before any refinement, against the annotated one. Of the detector: COCO's
average precision. One figure, or the mean of both, chooses the best weights.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from fvcore.common.config import CfgNode
from torch import nn

from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.scene import class_annotations, read_scene
from vx_detectron.data.subjects import has_subject
from vx_detectron.engines import Detector
from vx_detectron.errors import ConfigError, DataError, ImageError
from vx_detectron.evaluation.detection import average_precision, detections_of, is_annotated
from vx_detectron.image_io import write_picture
from vx_detectron.metrics import count
from vx_detectron.pipeline import Isolator
from vx_detectron.refine.chosen import union_mask
from vx_detectron.structures import BoolArray, ByteArray, Instances
from vx_detectron.training import checkpoints, distributed
from vx_detectron.training.early_stopping import BOX_AP, MASK_AP, MEAN, SALIENCY, SUBJECT, Best
from vx_detectron.training.photos import Photos

logger = logging.getLogger(__name__)


class Judged(NamedTuple):
    """One photo beside what was found in it.

    Attributes:
        record: of the photo.
        pixels: uint8 (H, W, 3), RGB, 0..255.
        truth: bool (H, W), the annotated subject; None where the annotations do not say it.
        chosen: bool (H, W), the subject that the pipeline would cut, before refinement.
        saliency: bool (H, W), the saliency map over one half; None where the network has none.
        found: by the detector alone.
    """

    record: DatasetDict
    pixels: ByteArray
    truth: BoolArray | None
    chosen: BoolArray
    saliency: BoolArray | None
    found: Instances


@dataclass
class Tally:
    """What some photos add to the figures of a validation. Keeps no pixels.

    Attributes:
        ious: of the photos whose subject is known, by the name of the figure.
        records: of the photos that the detector is judged by.
        detections: in them, see ``detections_of``.
    """

    ious: dict[str, list[float]] = field(default_factory=lambda: {SUBJECT: [], SALIENCY: []})
    records: list[DatasetDict] = field(default_factory=list)
    detections: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Put the photos of another one behind those of this one."""
        for name, values in other.ious.items():
            self.ious[name] += values
        self.records += other.records
        self.detections += other.detections

    def figures(self, categories: Mapping[str, int]) -> dict[str, float]:
        """See ``measure``."""
        found = {name: float(np.mean(values)) for name, values in self.ious.items() if values}
        precision = _precision(self.records, self.detections, categories) if self.records else {}
        return found | precision


def tally(judged: Iterable[Judged], categories: Mapping[str, int]) -> Tally:
    """What the photos add to the figures; see ``measure``."""
    found, known = Tally(), set(categories.values())
    for one in judged:
        if one.truth is not None:
            found.ious[SUBJECT].append(count(one.chosen, one.truth).iou)
            if one.saliency is not None:
                found.ious[SALIENCY].append(count(one.saliency, one.truth).iou)
        if known and is_annotated(one.record, known):
            found.records.append(one.record)
            found.detections += detections_of(one.found, one.record, categories, known)
    return found


def measure(judged: Iterable[Judged], categories: Mapping[str, int]) -> dict[str, float]:
    """The figures of some photos, each 0..1; those that nothing can be said of are left out.

    Args:
        judged: see ``judge``.
        categories: id by class name of what the detector is to be judged by; none: it is not.

    Returns:
        ``subject_iou``, the mean IoU with the true subject, to which a photo in which no subject
        was found adds 0; ``saliency_iou``, that of the saliency map alone; ``bbox_AP`` and
        ``segm_AP``, and of each class ``segm_AP/cat``.
    """
    return tally(judged, categories).figures(categories)


def _precision(
    records: list[DatasetDict], detections: list[dict[str, Any]], categories: Mapping[str, int]
) -> dict[str, float]:
    summary, classes = average_precision(records, detections, set(categories.values()))
    figures = {BOX_AP: summary["bbox"]["AP"], MASK_AP: summary["segm"]["AP"]}
    names = {number: name for name, number in categories.items()}
    figures |= {f"{MASK_AP}/{names[one]}": value for one, value in classes["segm"].items()}
    return {name: value for name, value in figures.items() if value is not None}


def judge(isolator: Isolator, records: Sequence[DatasetDict]) -> Iterator[Judged]:
    """Run the network over photos that are annotated.

    A photo that cannot be read is named in the log and left out.

    Args:
        isolator: around any engine, that of a model in training too.
        records: see ``vx_detectron.data.coco``.
    """
    detector = _Remembering(isolator.detector)
    watched = Isolator(isolator.cfg, detector, isolator.eye)
    limits = isolator.cfg.VX.INPUT.MAX_PIXELS, isolator.cfg.VX.INPUT.MAX_BYTES
    for record in records:
        try:
            scene = read_scene(record, {}, *limits)
        except (DataError, ImageError) as error:
            logger.warning("left out of validation: %s", error)
            continue
        pixels = np.ascontiguousarray(scene.image.permute(1, 2, 0).numpy())
        truth = scene.layers[-1].numpy() == 1 if has_subject(record) else None
        chosen, saliency = _chosen(watched, pixels)
        yield Judged(record, pixels, truth, chosen, saliency, detector.found)


class _Remembering:
    """A detector, and what it found last: the pipeline adds to that and takes away from it."""

    found: Instances

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.name, self.device = detector.name, detector.device
        self.class_names = detector.class_names
        self.weights, self.weights_sha256 = detector.weights, detector.weights_sha256

    def predict(self, image: ByteArray) -> Instances:
        self.found = self.detector.predict(image)
        return self.found


def _chosen(isolator: Isolator, pixels: ByteArray) -> tuple[BoolArray, BoolArray | None]:
    """The mask of the chosen subject, and of the saliency map where there is one."""
    photo, size = isolator.open(pixels), pixels.shape[:2]
    subject = photo.select()
    chosen = np.zeros(size, dtype=np.bool_)
    if subject:
        chosen = union_mask(photo.instances, subject.chosen) >= 0.5
    saliency = photo.instances.saliency
    if saliency is None:
        return chosen, None
    whole = cv2.resize(saliency, size[::-1], interpolation=cv2.INTER_LINEAR)
    return chosen, np.asarray(whole) >= 0.5


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
        rows.append([one.pixels, *maps])
    return grid(rows)


def grid(rows: Sequence[Sequence[ByteArray | BoolArray | None]]) -> ByteArray:
    """Pictures, uint8 (H, W, 3), and masks, bool (H, W), in rows; None is grey.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    return np.vstack([np.hstack([_cell(_grey(one)) for one in row]) for row in rows])


def write_predictions(folder: Path, iteration: int, judged: Sequence[Judged]) -> None:
    """Write the grid as ``predictions/0000249.jpg`` below the folder."""
    _write_picture(folder, iteration, prediction_grid(judged))


def write_rows(
    folder: Path, iteration: int, rows: Sequence[Sequence[ByteArray | BoolArray | None]]
) -> None:
    """The same for any rows of pictures and masks; see ``grid``."""
    _write_picture(folder, iteration, grid(rows))


def _write_picture(folder: Path, iteration: int, picture: ByteArray) -> None:
    (folder / FOLDER).mkdir(exist_ok=True)
    target = folder / FOLDER / f"{iteration:07d}.jpg"
    write_picture(target, picture, format="jpg", quality=85)


def _grey(mask: ByteArray | BoolArray | None) -> ByteArray:
    """White where the mask is; what nobody knows is grey; a picture stays as it is."""
    if mask is None:
        return np.full((CELL, CELL, 3), 96, dtype=np.uint8)
    if mask.ndim == 3:
        return mask.astype(np.uint8)
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


class Patience:
    """Keeps the best weights of a model in training, and decides when to stop early.

    Args:
        folder: of the run.
        patience: ``VX.SOLVER.PATIENCE``.
        model: the one in training.
        best: what it is chosen by.
    """

    def __init__(self, folder: Path, patience: int, model: nn.Module, best: Best) -> None:
        self.folder, self.patience, self.model, self.best = folder, patience, model, best

    def keep(self, figures: Mapping[str, float], iteration: int) -> None:
        """Write ``model_best.pth`` after a gain."""
        if self.best.update(figures, iteration) and distributed.is_main():
            self.save()

    def save(self) -> None:
        """Write ``model_best.pth``."""
        checkpoints.save(self.folder, checkpoints.BEST, checkpoints.weights_of(self.model))

    def exhausted(self) -> bool:
        """Whether ``VX.SOLVER.PATIENCE`` evaluations brought no improvement."""
        if not self.best.exhausted(self.patience):
            return False
        logger.info(
            "no improvement in %d evaluations (VX.SOLVER.PATIENCE) over the best %s %.4f "
            "at iteration %d",
            self.patience,
            self.best.figure,
            self.best.value,
            self.best.iteration,
        )
        return True


class Validator(Patience):
    """Measures a model in training, and keeps its best weights.

    Of several processes each looks at a share of the photos, and all must call ``run`` together;
    the main one adds up, draws and writes, and tells the others the figures.

    Args:
        cfg: the configuration; files go to its ``OUTPUT_DIR``.
        isolator: around the model, which it runs as it is at each call.
        model: the one in training.
        photos: of the training; without any held out nothing is measured.

    Raises:
        ConfigError: ``VX.SOLVER.BEST_BY`` asks for a figure that these photos do not give.
    """

    def __init__(self, cfg: CfgNode, isolator: Isolator, model: nn.Module, photos: Photos) -> None:
        self.isolator, self.records = isolator, photos.validation
        self.categories = judged_categories(cfg, isolator.detector, photos)
        best = Best(_best_by(cfg, photos, self.categories))
        super().__init__(Path(cfg.OUTPUT_DIR), cfg.VX.SOLVER.PATIENCE, model, best)
        if self.records:
            logger.info("the best weights are those of the highest %s", self.best.figure)

    def run(self, iteration: int) -> dict[str, float]:
        """Measure, draw a few predictions, and write ``model_best.pth`` after a gain.

        Returns:
            See ``measure``; nothing where no photo is held out.
        """
        distributed.copy_from_main(self.model.buffers())  # statistics that each has of its own
        judged, shown = judge(self.isolator, distributed.own_part(self.records)), list[Judged]()
        own = tally(_keep_first(judged, shown), self.categories)
        total = Tally()
        for part in distributed.gathered(own):
            total.add(part)
        figures = distributed.object_from_main(total.figures(self.categories))
        if not figures:
            return {}
        better = self.best.update(figures, iteration)
        if not distributed.is_main():
            return figures
        if shown:
            write_predictions(self.folder, iteration, shown)
        if better:
            self.save()
        return figures


def judged_categories(cfg: CfgNode, detector: Detector, photos: Photos) -> dict[str, int]:
    """Category id by class name of what a detector is judged by; none where the eye learns."""
    if cfg.VX.TRAIN == "eye":
        return {}
    return {detector.class_names[number]: one for one, number in photos.class_ids.items()}


def _best_by(cfg: CfgNode, photos: Photos, categories: Mapping[str, int]) -> str:
    """The figure that ``VX.SOLVER.BEST_BY`` means for these photos."""
    eye = cfg.VX.TRAIN == "eye"
    possible = []
    if any(map(has_subject, photos.validation)):
        possible += [SALIENCY, SUBJECT] if eye else [SUBJECT]
    if categories and any(class_annotations(one, photos.class_ids) for one in photos.validation):
        possible.append(MASK_AP)
    if {SUBJECT, MASK_AP} <= set(possible):
        possible.append(MEAN)
    asked: str = cfg.VX.SOLVER.BEST_BY
    if asked == "auto":
        # The detector beside an eye does not change, nor does the eye beside a detector.
        wanted = SALIENCY if eye else MASK_AP
        return wanted if wanted in possible or not possible else possible[0]
    if asked not in possible and photos.validation:
        raise ConfigError(
            f"VX.SOLVER.BEST_BY is {asked!r}, but the photos held out give "
            f"{' and '.join(possible)} only; set it to auto, or hold out photos that give it"
        )
    return asked


def _keep_first(judged: Iterable[Judged], kept: list[Judged]) -> Iterator[Judged]:
    for one in judged:
        if len(kept) < PICTURES:
            kept.append(one)
        yield one


def is_due(done: int, period: int, last: int) -> bool:
    """Whether to evaluate after that many steps: each ``TEST.EVAL_PERIOD`` and at the end."""
    return done == last or (period > 0 and done % period == 0)
