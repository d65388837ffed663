"""Cut the main subject out of photos; see ``--help``."""

from vx_detectron.cli.isolate import main

main()
