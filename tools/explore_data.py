"""Look at a data set: figures, broken files, masks on photos; see ``--help``."""

from vx_detectron.cli.explore_data import main

main()
