"""The training loop of the torchvision engine: one plain pass over the data after another.

At present it trains the saliency head; every other part must be named in ``VX.SOLVER.FREEZE``.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from fvcore.common.config import CfgNode
from torch import Tensor
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from vx_detectron.data.coco import load_coco_json
from vx_detectron.data.subject_dataset import EpochSampler, SubjectDataset, split_records
from vx_detectron.engines.device import resolve_device
from vx_detectron.engines.modeling.mask_rcnn import MaskRCNN, build_model
from vx_detectron.engines.modeling.saliency_head import saliency_loss
from vx_detectron.errors import TrainingError
from vx_detectron.metrics import count
from vx_detectron.training import state
from vx_detectron.training.precision import depthwise_in_float32
from vx_detectron.training.solver import build_lr_scheduler, build_optimizer, freeze
from vx_detectron.training.start import starting_model

logger = logging.getLogger(__name__)


class Training:
    """Model, data and optimiser of one run in ``OUTPUT_DIR``."""

    def __init__(self, cfg: CfgNode, resume: bool) -> None:
        self.cfg = cfg
        self.folder = Path(cfg.OUTPUT_DIR)
        self.device = resolve_device(cfg.MODEL.DEVICE)
        torch.manual_seed(max(cfg.SEED, 0))
        self.model = self._placed(starting_model(cfg))
        freeze(self.model, list(cfg.VX.SOLVER.FREEZE))
        _expect_saliency_head_alone(self.model)
        if self.device.type == "cpu" and cfg.SOLVER.AMP.ENABLED:
            depthwise_in_float32(self.model)
        self.average = AveragedModel(
            self.model.sem_seg_head,
            multi_avg_fn=get_ema_multi_avg_fn(cfg.VX.SOLVER.EMA_DECAY),
            use_buffers=True,
        )
        self.optimizer = build_optimizer(cfg, self.model)
        self.scheduler = build_lr_scheduler(cfg, self.optimizer)
        self.iteration, self.best = 0, 0.0
        records = load_coco_json(Path(cfg.VX.DATA.JSON), Path(cfg.VX.DATA.IMAGE_ROOT))
        self.train_records, self.val_records = split_records(
            records, cfg.VX.DATA.VALIDATION, cfg.VX.DATA.SPLIT_SEED
        )
        if not self.train_records:
            raise TrainingError(
                f"{cfg.VX.DATA.JSON} has {len(self.val_records)} photos whose subject is "
                f"annotated, and VX.DATA.VALIDATION holds out {cfg.VX.DATA.VALIDATION}; none is "
                "left to train on: give more, or hold out fewer"
            )
        if resume:
            self._resume()

    def _resume(self) -> None:
        saved = state.load_last(self.folder)
        if saved is None:
            logger.warning("nothing to resume in %s: training starts anew", self.folder)
            return
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.scheduler.load_state_dict(saved["scheduler"])
        self.iteration, self.best = saved["iteration"], saved["best"]

    def run(self) -> None:
        """Train to ``SOLVER.MAX_ITER``, writing metrics, checkpoints and the best model."""
        cfg, batches = self.cfg, self._batches()
        self.model.sem_seg_head.train()
        losses: list[float] = []
        started = time.perf_counter()
        while self.iteration < cfg.SOLVER.MAX_ITER:
            losses.append(self._step(*next(batches)))
            self.iteration += 1
            if self.iteration % cfg.VX.SOLVER.LOG_PERIOD == 0:
                seconds = (time.perf_counter() - started) / len(losses)
                self._log(loss=sum(losses) / len(losses), seconds=seconds)
                losses, started = [], time.perf_counter()
            if self.iteration % cfg.TEST.EVAL_PERIOD == 0 or self.iteration == cfg.SOLVER.MAX_ITER:
                self._validate()
            if self.iteration % cfg.SOLVER.CHECKPOINT_PERIOD == 0:
                self.save()
        self.save()

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        cfg = self.cfg
        size = cfg.SOLVER.IMS_PER_BATCH
        dataset = SubjectDataset(self.train_records, cfg.VX.SOLVER.CROP, True, cfg.SEED)
        sampler = EpochSampler(len(dataset), cfg.SEED, self.iteration * size)
        loader = DataLoader(dataset, size, sampler=sampler, num_workers=cfg.DATALOADER.NUM_WORKERS)
        return iter(loader)

    def _step(self, images: Tensor, masks: Tensor) -> float:
        cfg = self.cfg
        images = (images.to(self.device) - self.model.pixel_mean) / self.model.pixel_std
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=cfg.SOLVER.AMP.ENABLED):
            logits = self.model.saliency_logits(self.model.backbone(images))
        levels = [level.float() for level in logits]
        loss = saliency_loss(levels, masks.to(self.device), cfg.VX.SOLVER.EDGE_WEIGHT)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss became {loss.item()} at iteration {self.iteration}; lower "
                "SOLVER.BASE_LR or clip gradients, then start again with --resume"
            )
        self.optimizer.zero_grad()
        loss.backward()
        if cfg.SOLVER.CLIP_GRADIENTS.ENABLED:
            parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, cfg.SOLVER.CLIP_GRADIENTS.CLIP_VALUE)
        self.optimizer.step()
        self.scheduler.step()
        self.average.update_parameters(self.model.sem_seg_head)
        return float(loss.item())

    @torch.inference_mode()
    def _validate(self) -> None:
        """Mean subject IoU of the averaged model on the photos held out."""
        if not self.val_records:
            return
        dataset = SubjectDataset(self.val_records, self.cfg.VX.SOLVER.CROP, False, 0)
        model = self._averaged_model()
        ious: list[float] = []
        for images, masks in DataLoader(dataset, 16):
            images = (images.to(self.device) - model.pixel_mean) / model.pixel_std
            logits = model.saliency_logits(model.backbone(images))[0]
            logits = F.interpolate(logits, size=masks.shape[-2:], mode="bilinear").cpu()
            pairs = zip((logits > 0).numpy(), (masks > 0.5).numpy(), strict=True)
            ious += [count(predicted, truth).iou for predicted, truth in pairs]
        iou = sum(ious) / len(ious)
        self._log(val_iou=iou)
        if iou > self.best:
            self.best = iou
            state.save(self.folder, "model_best.pth", {"model": model.state_dict()})

    def _averaged_model(self) -> MaskRCNN:
        model = self._placed(build_model(self.cfg))
        weights = self.model.state_dict()
        for name, value in self.average.module.state_dict().items():
            weights[f"sem_seg_head.{name}"] = value
        model.load_state_dict(weights)
        return model

    def _placed(self, model: MaskRCNN) -> MaskRCNN:
        """On the device, in the layout that convolutions are fastest in."""
        placed: MaskRCNN = model.to(self.device).to(memory_format=torch.channels_last)
        return placed

    def save(self) -> None:
        """Write everything that ``--resume`` needs; ``model`` is the averaged one."""
        training: dict[str, Any] = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "iteration": self.iteration,
            "best": self.best,
        }
        content = {"model": self._averaged_model().state_dict(), "training": training}
        state.save(self.folder, "model_last.pth", content)

    def _log(self, **values: float) -> None:
        line = {"iteration": self.iteration, "lr": self.scheduler.get_last_lr()[0], **values}
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "metrics.json").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        logger.info(" ".join(f"{k}={v:.5g}" for k, v in line.items()))


def _expect_saliency_head_alone(model: MaskRCNN) -> None:
    """Raise TrainingError unless the saliency head is there and all else is frozen."""
    if not model.saliency_features:
        raise TrainingError(
            "only a saliency head can be trained so far, and this configuration has none: expected "
            "MODEL.META_ARCHITECTURE PanopticFPN with a VXSaliencyHead, as in train_vx_fbnetv3a"
        )
    free = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    if free != {"sem_seg_head"}:
        raise TrainingError(
            "only the saliency head can be trained so far: VX.SOLVER.FREEZE must name all other "
            f"parts and not sem_seg_head; not frozen are: {', '.join(sorted(free)) or 'none'}"
        )
