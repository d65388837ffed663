"""Average the weights of several trainings; see ``--help``."""

from vx_detectron.cli.average_checkpoints import main

main()
