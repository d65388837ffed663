"""``train_net``: train or fine-tune a network from one yaml file."""

from __future__ import annotations

import logging
import sys

import click

from vx_detectron.errors import VxError


@click.command()
@click.option("--config-file", required=True, help="A yaml file, or the name of a bundled one.")
@click.option("--resume", is_flag=True, help="Go on from OUTPUT_DIR's last checkpoint.")
@click.argument("opts", nargs=-1, metavar="[KEY VALUE]...")
def main(config_file: str, resume: bool, opts: tuple[str, ...]) -> None:
    """Train the network of a configuration on COCO annotations.

    KEY VALUE pairs override the file, for instance

        train_net.py --config-file train_vx_fbnetv3a VX.DATA.JSON instances.json
        VX.DATA.IMAGE_ROOT images OUTPUT_DIR output

    OUTPUT_DIR receives model_best.pth (the best on photos held out), model_last.pth (all that
    --resume needs) and metrics.json (a line of figures each few steps).
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        from vx_detectron.config import load_cfg

        cfg = load_cfg(config_file, opts)
        from vx_detectron.training.loop import Training

        Training(cfg, resume=resume).run()
    except VxError as error:
        click.echo(f"train_net: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
