"""The command ``evaluate``: measure masks, choices and detections against the truth."""

from vx_detectron.cli.evaluate.command import main

__all__ = ["main"]
