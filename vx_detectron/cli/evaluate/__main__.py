"""``python -m vx_detectron.cli.evaluate``."""

from vx_detectron.cli.evaluate.command import main

main()
