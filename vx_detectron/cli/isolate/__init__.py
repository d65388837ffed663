"""The command ``isolate``: from photos on disk to cut-outs on disk."""

from vx_detectron.cli.isolate.command import main

__all__ = ["main"]
