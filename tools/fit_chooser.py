"""Fit the subject chooser; see ``--help``."""

from vx_detectron.cli.fit_chooser import main

main()
