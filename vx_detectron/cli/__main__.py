"""``python -m vx_detectron.cli``: the command ``vx``."""

from vx_detectron.cli.vx import main

main()
