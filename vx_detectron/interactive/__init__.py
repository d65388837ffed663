"""Interactive segmentation: what a person keeps and drops with points, strokes and a box.

Works on plain arrays; networks are passed in, see ``InteractiveSegmenter``.
"""

from __future__ import annotations

from vx_detectron.interactive.hints import Hints, Stroke
from vx_detectron.interactive.segmenter import InteractiveSegmenter, Segmentation

__all__ = ["Hints", "InteractiveSegmenter", "Segmentation", "Stroke"]
