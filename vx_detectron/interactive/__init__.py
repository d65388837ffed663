"""Interactive segmentation: what a person keeps and drops by points, strokes and a box.

Arrays alone: what runs a network is handed in, see ``InteractiveSegmenter``.
"""

from __future__ import annotations

from vx_detectron.interactive.hints import Hints, Stroke
from vx_detectron.interactive.segmenter import InteractiveSegmenter, Segmentation

__all__ = ["Hints", "InteractiveSegmenter", "Segmentation", "Stroke"]
