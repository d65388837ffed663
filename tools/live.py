"""Replace the background behind a camera's subject; see ``--help``."""

from vx_detectron.cli.live import main

main()
