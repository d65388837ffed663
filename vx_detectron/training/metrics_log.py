"""What a training measures: a line of json each few steps, TensorBoard, and a picture of both."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from vx_detectron.files import replacing
from vx_detectron.training.early_stopping import BOX_AP, CLICK_IOU, MASK_AP, SALIENCY, SUBJECT

METRICS, CURVES = "metrics.json", "curves.png"

logger = logging.getLogger(__name__)


class MetricsLog:
    """Writes into the folder of a run; values have Detectron2's names, steps count from 0.

    Without TensorBoard (extra ``train``) its files are left out, which is said once.
    """

    def __init__(self, folder: Path, first_iteration: int) -> None:
        self.folder = folder
        drop_partial_line(folder)
        self.board = _tensorboard(folder, first_iteration)

    def write(self, iteration: int, values: Mapping[str, float]) -> None:
        """Add the values of one step."""
        with (self.folder / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"iteration": iteration, **values}) + "\n")
        if self.board:
            for name, value in values.items():
                self.board.add_scalar(name, value, iteration)
        listed = ", ".join(f"{name} {value:.5g}" for name, value in values.items())
        logger.info("iteration %d: %s", iteration, listed)

    def close(self) -> None:
        """Write what TensorBoard still holds; a failure is told, the run has its own figures."""
        try:
            if self.board:
                self.board.close()
        except OSError as error:
            logger.warning("TensorBoard's file in %s is incomplete: %s", self.folder, error)


class Means:
    """The means of values over some steps."""

    def __init__(self) -> None:
        self.totals: dict[str, float] = {}
        self.steps = 0

    def add(self, values: Mapping[str, float]) -> None:
        """Add the values of one step, the same names at each."""
        self.steps += 1
        for name, value in values.items():
            self.totals[name] = self.totals.get(name, 0.0) + value

    def take(self) -> dict[str, float]:
        """The means since the last call."""
        means = {name: total / self.steps for name, total in self.totals.items()}
        self.totals, self.steps = {}, 0
        return means


def drop_partial_line(folder: Path) -> None:
    """Cut off what a killed run left of its last line of metrics."""
    path = folder / METRICS
    if path.exists():
        content = path.read_bytes()
        os.truncate(path, content.rfind(b"\n") + 1)


def draw_curves(folder: Path) -> None:
    """Draw what was written so far, by this run and those it resumed, as ``curves.png``."""
    figure_class = _matplotlib()
    if figure_class is None or not (folder / METRICS).exists():
        return
    figure = figure_class(figsize=(10, 4), layout="constrained")
    losses, validation = figure.subplots(1, 2)
    for name, (steps, values) in read_curves(folder).items():
        if "loss" in name:
            losses.plot(steps, values, label=name)
        elif name in (SUBJECT, SALIENCY, BOX_AP, MASK_AP, CLICK_IOU):
            validation.plot(steps, values, marker="o", label=name)
    losses.set(title="training", xlabel="iteration", ylabel="loss", ylim=(0, None))
    validation.set(title="validation", xlabel="iteration", ylabel="IoU, AP", ylim=(0, 1.02))
    for axes in (losses, validation):
        if axes.lines:
            axes.legend()
    with replacing(folder / CURVES) as temporary:
        figure.savefig(temporary, dpi=100, format="png")


def read_curves(folder: Path) -> dict[str, tuple[list[int], list[float]]]:
    """Name to steps and values. Of a step that a resumed run repeated, the later values count."""
    values: dict[str, dict[int, float]] = {}
    for line in (folder / METRICS).read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        for name in entry.keys() - {"iteration"}:
            values.setdefault(name, {})[entry["iteration"]] = entry[name]
    return {
        name: (sorted(curve), [curve[step] for step in sorted(curve)])
        for name, curve in sorted(values.items())
    }


@cache
def _matplotlib() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        logger.warning('no %s: pip install "vx-detectron[train]"', CURVES)
        return None
    return Figure


def _tensorboard(folder: Path, first_iteration: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        logger.warning('no TensorBoard files: pip install "vx-detectron[train]"')
        return None
    return SummaryWriter(str(folder), purge_step=first_iteration)
