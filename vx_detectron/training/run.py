"""One training from its configuration to its result, through either engine."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from fvcore.common.config import CfgNode

from vx_detectron.config import check_supported, check_training, load_cfg
from vx_detectron.data.catalog import register_splits
from vx_detectron.data.sources import load_records
from vx_detectron.data.splits import record_splits
from vx_detectron.data.subjects import has_subject
from vx_detectron.engines import NO_EYE, torch_engine_name
from vx_detectron.engines.device import resolve_device
from vx_detectron.engines.torch_eye import TorchEye
from vx_detectron.engines.torch_hints import load_hint_decoder
from vx_detectron.errors import ConfigError, TrainingError
from vx_detectron.files import write_text
from vx_detectron.pipeline import Isolator
from vx_detectron.training import checkpoints, distributed
from vx_detectron.training.early_stopping import CLICK_IOU, MASK_AP, SALIENCY, SUBJECT, Best
from vx_detectron.training.failures import in_words
from vx_detectron.training.hints.validation import click_through, measure_clicks
from vx_detectron.training.metrics_log import METRICS, draw_curves
from vx_detectron.training.networks import DETECTOR, EYE, HINTS, cfg_of_part, parts_to_train
from vx_detectron.training.photos import Photos, choose_photos, with_data_classes
from vx_detectron.training.validation import judge, judged_categories, measure

logger = logging.getLogger(__name__)


CONFIG, RESULT = "config.yaml", "result.json"


class Trainer(Protocol):
    """What both engines' trainers have.

    Attributes:
        iteration: how many steps are done.
        best: what validation found.
    """

    iteration: int
    best: Best

    def train(self) -> bool:
        """Train; whether it came to its end, and was not stopped by a signal."""
        ...


@dataclass(frozen=True)
class Result:
    """What came out of a training.

    Attributes:
        trained: ``detector``, ``eye`` or ``hints``.
        engine: ``torchvision`` or ``detectron2``.
        finished: False where SIGINT or SIGTERM stopped it; ``--resume`` goes on.
        iterations: how many steps were done, those before a resume included.
        weights: the file to use: the best of validation, or the last where nothing was validated.
        best_by: the figure that ``weights`` were chosen by; None where nothing was validated.
        best_iou: of ``weights`` on the photos held out, 0..1; the subject's, for a detector; the
            map's, for an eye; the mean after 1, 3 and 5 clicks, for hints; None where not measured.
        best_mask_ap: COCO's average precision of the detector's masks, likewise.
        best_iteration: the step that it belongs to.
        train_photos: how many were learned from.
        subject_photos: how many of them say what their subject is.
        validation_photos: how many were held out.
    """

    trained: str
    engine: str
    finished: bool
    iterations: int
    weights: str
    best_by: str | None
    best_iou: float | None
    best_mask_ap: float | None
    best_iteration: int | None
    train_photos: int
    subject_photos: int
    validation_photos: int


def train(cfg: CfgNode, resume: bool = False) -> tuple[Result, ...]:
    """Train the detector, the eye, one after the other, or the hint decoder (``VX.TRAIN``).

    Where both are trained, each writes to a folder of its own in ``OUTPUT_DIR``, ``detector`` and
    ``eye``; the eye is validated beside the detector that was just trained, and
    ``OUTPUT_DIR/config.yaml`` names the weights of both.

    Args:
        cfg: see ``vx_detectron.config.load_cfg``.
        resume: as in ``train_network``.

    Raises:
        VxError: as ``train_network``.
    """
    check_training(cfg)
    parts: tuple[str, ...] = (cfg.VX.TRAIN,)
    if cfg.VX.TRAIN in ("auto", "both"):
        parts = parts_to_train(cfg, load_records(cfg))
    alone = len(parts) == 1
    results: list[Result] = []
    for part in parts:
        own = cfg_of_part(cfg, part, alone=alone)
        if results:
            own = _beside(results[0], own)
        results.append(train_network(own, resume))
        if not results[-1].finished:
            return tuple(results)
    if not alone and int(os.environ.get("RANK", "0")) == 0:  # the processes have parted already
        _name_both(cfg, results)
    return tuple(results)


def _beside(detector: Result, cfg: CfgNode) -> CfgNode:
    """The configuration of the eye's training with the detector that was just trained."""
    trained = _with_weights(Path(cfg.OUTPUT_DIR).parent, detector)
    cfg = cfg.clone()
    cfg.defrost()
    cfg.MODEL, cfg.VX.CLASS_NAMES = trained.MODEL, trained.VX.CLASS_NAMES
    cfg.freeze()
    return cfg


def _name_both(cfg: CfgNode, results: Sequence[Result]) -> None:
    """Write the configuration that uses the weights of both."""
    detector, eye = results
    trained = _with_weights(Path(cfg.OUTPUT_DIR), detector)
    trained.VX.EYE.WEIGHTS = eye.weights
    write_text(Path(cfg.OUTPUT_DIR) / CONFIG, trained.dump())


def _with_weights(folder: Path, detector: Result) -> CfgNode:
    """The configuration of the detector's training, with the weights that came out; not frozen."""
    trained = load_cfg(folder / DETECTOR / CONFIG).clone()
    trained.defrost()
    trained.MODEL.WEIGHTS = detector.weights
    return trained


def train_network(cfg: CfgNode, resume: bool = False) -> Result:
    """Train one network, ``VX.TRAIN`` "detector", "eye" or "hints", on the photos of ``VX.DATA``.

    ``OUTPUT_DIR`` receives config.yaml, splits.json, metrics.json, curves.png, predictions/, the
    checkpoints and result.json. Nothing is written before the training can start.

    Args:
        cfg: see ``vx_detectron.config.load_cfg``.
        resume: go on from the last checkpoint in ``OUTPUT_DIR``; where there is none, start.

    Raises:
        VxError: it cannot start, or cannot go on, or misses ``TEST.EXPECTED_RESULTS``; what was
            saved stays.
    """
    device = resolve_device(cfg.MODEL.DEVICE)
    with in_words(), distributed.process_group(device):
        engine = training_engine(cfg)
        check_training(cfg)
        if engine == "torchvision":
            check_supported(cfg)
        folder = Path(cfg.OUTPUT_DIR)
        if distributed.is_main():
            _expect_own_folder(folder, resume)
        if cfg.DATASETS.TRAIN:
            logger.info("the photos come from VX.DATA, not from DATASETS %s", cfg.DATASETS.TRAIN)
        loaded = load_records(cfg)
        cfg = with_data_classes(cfg, loaded.categories)
        photos = choose_photos(cfg, loaded, resume)
        if engine == "detectron2":  # whose hooks and visualisers ask for data sets by name
            register_splits(photos.splits, loaded.categories)
        _set_backends(cfg)
        trainer = _trainer(engine, cfg, photos, resume)
        if distributed.is_main():
            write_text(folder / CONFIG, cfg.dump())
            record_splits(cfg, photos.splits, resume=resume)
        finished = trainer.train()
        result = _result(cfg.VX.TRAIN, engine, finished, trainer, photos, folder)
        if distributed.is_main():
            draw_curves(folder)
            write_text(folder / RESULT, json.dumps(asdict(result), indent=2) + "\n")
            if finished:
                expect_results(cfg, trainer.best.figures)
        return result


def evaluate(cfg: CfgNode) -> dict[str, Any]:
    """Measure the networks on the photos that a training in ``OUTPUT_DIR`` holds out.

    Returns:
        ``engine``, ``weights``, ``eye``, ``eye_weights`` and the figures of
        ``validation.measure``; for hints ``weights``, ``eye_weights`` and those of
        ``hints.validation.measure_clicks``.

    Raises:
        VxError: the weights or the photos cannot be read, or no photo is held out.
    """
    loaded = load_records(cfg)
    cfg = with_data_classes(cfg, loaded.categories)
    photos = choose_photos(cfg, loaded, resume=True)
    if cfg.VX.TRAIN == HINTS:
        return _evaluate_hints(cfg, photos)
    isolator = Isolator(cfg)
    categories = judged_categories(cfg, isolator.detector, photos)
    figures = measure(judge(isolator, photos.validation), categories)
    if not figures:
        raise TrainingError("no photo is held out; raise VX.DATA.VALIDATION")
    detector, eye = isolator.detector, isolator.eye
    return {
        "engine": detector.name,
        "weights": detector.weights,
        "eye": eye.name if eye else NO_EYE,
        "eye_weights": eye.weights if eye else "",
        **figures,
    }


def _evaluate_hints(cfg: CfgNode, photos: Photos) -> dict[str, Any]:
    eye = TorchEye(cfg)
    weights: str = cfg.VX.HINTS.WEIGHTS
    decoder = load_hint_decoder(weights, eye.weights, eye.weights_sha256).to(eye.device)
    shortest = cfg.VX.EYE.SIZES[0]
    clicked = list(click_through(eye.model, decoder, shortest, photos.validation, photos))
    if not clicked:
        raise TrainingError("no masks to click on are held out; raise VX.DATA.VALIDATION")
    return {"weights": weights, "eye_weights": eye.weights, **measure_clicks(clicked)}


def _expect_own_folder(folder: Path, resume: bool) -> None:
    """Raise TrainingError where the files of another run would be overwritten or mixed up."""
    if folder.exists() and not folder.is_dir():
        raise TrainingError(f"OUTPUT_DIR {folder} is a file; set it to a folder")
    if not resume and any((folder / name).exists() for name in (CONFIG, METRICS, checkpoints.LAST)):
        raise TrainingError(
            f"OUTPUT_DIR {folder} contains another training run: continue it with --resume, or set "
            "an empty folder"
        )


def _set_backends(cfg: CfgNode) -> None:
    """Detectron2's keys for torch itself."""
    torch.backends.cudnn.benchmark = cfg.CUDNN_BENCHMARK
    if cfg.FLOAT32_PRECISION:
        torch.set_float32_matmul_precision(cfg.FLOAT32_PRECISION)


def _trainer(engine: str, cfg: CfgNode, photos: Photos, resume: bool) -> Trainer:
    if engine == "torchvision":
        from vx_detectron.training import loop

        return loop.Trainer(cfg, photos, resume)
    from vx_detectron.training.detectron2.trainer import Trainer as Detectron2Trainer

    trainer: Trainer = Detectron2Trainer(cfg, photos, resume)
    return trainer


def _result(
    trained: str, engine: str, finished: bool, trainer: Trainer, photos: Photos, folder: Path
) -> Result:
    best = trainer.best
    validated = best.iteration >= 0
    if validated:
        weights: Path | None = folder / checkpoints.BEST
    else:
        weights = folder / checkpoints.FINAL if finished else checkpoints.last_checkpoint(folder)
    return Result(
        trained=trained,
        engine=engine,
        finished=finished,
        iterations=trainer.iteration,
        weights=str(weights),
        best_by=best.figure if validated else None,
        best_iou=best.figures.get({EYE: SALIENCY, HINTS: CLICK_IOU}.get(trained, SUBJECT)),
        best_mask_ap=best.figures.get(MASK_AP),
        best_iteration=best.iteration if validated else None,
        train_photos=len(photos.train),
        subject_photos=sum(map(has_subject, photos.train)),
        validation_photos=len(photos.validation),
    )


def training_engine(cfg: CfgNode) -> str:
    """``detectron2`` or ``torchvision``.

    ``auto`` takes Detectron2 where it is installed and can do what is asked for.

    Raises:
        EngineError: Detectron2 was asked for and is not there, or onnx, which cannot train.
        ConfigError: Detectron2 was asked for what it cannot do.
    """
    name = torch_engine_name(cfg)
    reason = _beyond_detectron2(cfg) if name == "detectron2" else ""
    if reason and cfg.VX.ENGINE == "detectron2":
        raise ConfigError(f"{reason}; set VX.ENGINE to torchvision")
    name = "torchvision" if reason else name
    logger.info("training with %s%s", name, f": {reason}" if reason else "")
    return name


def _beyond_detectron2(cfg: CfgNode) -> str:
    """Why Detectron2's trainer cannot do this training; empty if it can."""
    if cfg.VX.TRAIN == HINTS:
        return "the hint decoder is not one of Detectron2's networks"
    if cfg.VX.TRAIN == EYE:
        return "the eye is not one of Detectron2's networks"
    if cfg.SOLVER.AMP.ENABLED and resolve_device(cfg.MODEL.DEVICE).type != "cuda":
        return "Detectron2 supports mixed precision (SOLVER.AMP) on CUDA only"
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return "several processes train with the torchvision engine only"
    return ""


def expect_results(cfg: CfgNode, figures: Mapping[str, float]) -> None:
    """Compare what came out with ``TEST.EXPECTED_RESULTS``.

    Args:
        cfg: each entry of that key is ``[task, metric, value, tolerance]``; the task is "subject".
        figures: value by metric.

    Raises:
        TrainingError: a figure that is missing, or further from its value than the tolerance.
    """
    wrong = [
        f"{metric} {figures.get(metric)}, expected {value} +- {tolerance}"
        for _, metric, value, tolerance in cfg.TEST.EXPECTED_RESULTS
        if not _within(figures.get(metric), value, tolerance)
    ]
    if wrong:
        raise TrainingError(
            f"the results differ from TEST.EXPECTED_RESULTS: {'; '.join(wrong)}. Training itself "
            f"is complete, see {cfg.OUTPUT_DIR}"
        )


def _within(figure: float | None, value: float, tolerance: float) -> bool:
    return figure is not None and abs(figure - value) <= tolerance
