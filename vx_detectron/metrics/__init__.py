"""How well a mask agrees with the truth. Arrays in, numbers out: NumPy, OpenCV and SciPy only.

Counts come first (``count``, ``threshold_counts``), ratios after. Alpha is used as it is; the
figures in the salient-object literature stretch it first, see ``stretch``.

Empty masks have one rule. Where truth and prediction are both empty they agree completely: IoU,
Dice, precision, recall, every F and Boundary IoU are 1. Where one of them is, these are 0. MAE,
S-measure and E-measure need no such rule: their definitions hold for empty masks.
"""

from vx_detectron.metrics.boundary import boundary_iou
from vx_detectron.metrics.counts import Counts, count
from vx_detectron.metrics.e_measure import e_measure
from vx_detectron.metrics.f_measure import f_measure, f_of, precision, recall, weighted_f_measure
from vx_detectron.metrics.s_measure import s_measure
from vx_detectron.metrics.soft import (
    ThresholdCounts,
    adaptive_counts,
    mean_absolute_error,
    stretch,
    threshold_counts,
)

__all__ = [
    "Counts",
    "ThresholdCounts",
    "adaptive_counts",
    "boundary_iou",
    "count",
    "e_measure",
    "f_measure",
    "f_of",
    "mean_absolute_error",
    "precision",
    "recall",
    "s_measure",
    "stretch",
    "threshold_counts",
    "weighted_f_measure",
]
