"""Fetch weights into the cache; see ``--help``."""

from vx_detectron.cli.download import main

main()
