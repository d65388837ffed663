"""``python -m vx_detectron.cli.isolate``."""

from vx_detectron.cli.isolate.command import main

main()
