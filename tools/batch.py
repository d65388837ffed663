"""Cut very many photos, on this machine or on a Ray cluster; see ``--help``."""

from vx_detectron.cli.batch import main

main()
