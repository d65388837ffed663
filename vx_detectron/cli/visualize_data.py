"""``visualize``: show what training sees."""

from __future__ import annotations

import logging
import sys
from itertools import islice
from pathlib import Path

import click

from vx_detectron.cli.common import (
    OVERRIDABLE,
    Command,
    UserPath,
    joined,
    result,
    with_trailing_overrides,
)


@click.command(cls=Command, name="visualize", context_settings=OVERRIDABLE)
@click.option("--config-file", required=True, type=UserPath(), metavar="FILE", help="The training "
              "configuration: a yaml file, or the name of a bundled configuration.")  # fmt: skip
@click.option("--originals", is_flag=True, help="Show the annotated photos without any "
              "augmentation.")  # fmt: skip
@click.option("-n", "--photos", type=click.IntRange(1, 200), default=12, show_default=True,
              help="How many to show.")  # fmt: skip
@click.option("-o", "--output", type=UserPath(path_type=Path), default="samples.jpg",
              show_default=True, help="The picture to write.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace an existing picture.")
@with_trailing_overrides
def main(
    config_file: str,
    originals: bool,
    photos: int,
    output: Path,
    overwrite: bool,
    opt: tuple[tuple[str, str], ...],
    opts: tuple[str, ...],
) -> None:
    """Draw the samples that training with this configuration would use, on one sheet.

    KEY VALUE pairs override the configuration file. Masks are tinted, boxes are labelled with
    their classes, and a yellow line surrounds the subject. The text below each sample names its
    file, and says whether its subject is known and whether every object of every class is
    annotated.

    The path of the sheet goes to standard output, messages to standard error.

    \b
    Examples:
      {prog} --config-file train_vx_eye VX.DATA.JSON mine.json \\
          VX.DATA.IMAGE_ROOT photos
      {prog} --config-file output/config.yaml -n 30 VX.AUGMENT.COPY_PASTE_PROB 1
      {prog} --config-file output/config.yaml --originals -o originals.jpg
    """  # noqa: D301
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if output.exists() and not overwrite:
        raise click.UsageError(
            f"{output} already exists; choose another --output, or pass --overwrite."
        )
    _write(config_file, (*joined(opt), *opts), originals, photos, output)
    result(str(output))


def _write(
    config_file: str, opts: tuple[str, ...], originals: bool, count: int, output: Path
) -> None:
    from vx_detectron.config import load_cfg
    from vx_detectron.data.sheet import draw_sheet
    from vx_detectron.data.sources import load_records
    from vx_detectron.data.training_set import EpochSampler, TrainingSet
    from vx_detectron.errors import ConfigError, ImageError
    from vx_detectron.image_io import format_from_suffix, write_picture
    from vx_detectron.training.batches import run_seed
    from vx_detectron.training.photos import choose_photos, with_data_classes

    try:
        cfg = load_cfg(config_file, opts)
        format = format_from_suffix(output)
    except (ConfigError, ImageError) as error:
        raise click.UsageError(str(error)) from error
    loaded = load_records(cfg)
    cfg = with_data_classes(cfg, loaded.categories)
    photos = choose_photos(cfg, loaded, resume=False)
    names = {photos.class_ids[one]: name for one, name in loaded.categories.names.items()}
    seed = run_seed(cfg)
    dataset = TrainingSet(photos.train, cfg, photos.class_ids, seed)
    # The first ones of a training, which may see a photo again, but does so in another epoch.
    first = islice(EpochSampler(len(dataset), seed, 0, dataset.repeats), count)
    if originals:
        samples = [dataset.original(index) for index in first if index < len(dataset)]
    else:
        samples = [dataset[index] for index in first]
    write_picture(output, draw_sheet(samples, names, cfg.INPUT.FORMAT), format=format)


if __name__ == "__main__":
    main()
