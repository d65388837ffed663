"""Train or fine-tune a network; see ``--help``."""

from vx_detectron.cli.train_net import main

main()
