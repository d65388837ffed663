"""``python -m vx_detectron``: the command ``vx``."""

from vx_detectron.cli.vx import main

main()
