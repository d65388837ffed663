"""Cut one subject out of every frame of a video; see ``--help``."""

from vx_detectron.cli.video import main

main()
