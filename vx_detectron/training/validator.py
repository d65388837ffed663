"""What every evaluation does, whichever engine trains: figures, pictures, the best weights."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fvcore.common.config import CfgNode
from torch import nn

from vx_detectron.data.coco import Record
from vx_detectron.engines import Engine
from vx_detectron.pipeline import Isolator
from vx_detectron.training import state
from vx_detectron.training.best import Best
from vx_detectron.training.pictures import write_predictions
from vx_detectron.training.validation import SUBJECT, Judged, judge, subject_iou

PICTURES = 4  # photos whose predictions are drawn

logger = logging.getLogger(__name__)


class Validator:
    """Measures a model in training, and keeps its best weights.

    Args:
        cfg: the configuration; files go to its ``OUTPUT_DIR``.
        engine: runs the model as it is at each call.
        model: the one that the engine runs.
        records: photos held out, whose subject is known; without any nothing is measured.
    """

    def __init__(
        self, cfg: CfgNode, engine: Engine, model: nn.Module, records: Sequence[Record]
    ) -> None:
        self.folder, self.patience = Path(cfg.OUTPUT_DIR), cfg.VX.SOLVER.PATIENCE
        self.isolator, self.model, self.records = Isolator(cfg, engine), model, records
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
        if self.best.update(figures[SUBJECT], iteration):
            state.save(self.folder, state.BEST, {"model": self.model.state_dict()})
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
