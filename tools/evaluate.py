"""Measure masks, choices and detections against the truth; see ``--help``."""

from vx_detectron.cli.evaluate import main

main()
