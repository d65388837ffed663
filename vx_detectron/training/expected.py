"""Detectron2's ``TEST.EXPECTED_RESULTS``: the figures that a training must reach."""

from __future__ import annotations

from collections.abc import Mapping

from fvcore.common.config import CfgNode

from vx_detectron.errors import TrainingError


def expect_results(cfg: CfgNode, figures: Mapping[str, float | None]) -> None:
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
            f"not the results that TEST.EXPECTED_RESULTS wants: {'; '.join(wrong)}. The training "
            f"itself is complete, see {cfg.OUTPUT_DIR}"
        )


def _within(figure: float | None, value: float, tolerance: float) -> bool:
    return figure is not None and abs(figure - value) <= tolerance
