"""See what a training sees: augmented samples with their annotations; see ``--help``."""

from vx_detectron.cli.visualize_data import main

main()
