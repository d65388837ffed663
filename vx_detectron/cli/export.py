"""``export``: a network as an ONNX file, which runs without torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vx_detectron import __version__

if TYPE_CHECKING:
    from vx_detectron.config import CfgNode
    from vx_detectron.structures import ByteArray


@click.command(name="export", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("photos", nargs=-1, metavar="[PHOTO]...",
                type=click.Path(exists=True, dir_okay=False))  # fmt: skip
@click.option("-o", "--output", required=True, metavar="FILE.onnx",
              type=click.Path(dir_okay=False, path_type=Path),
              help="The file to write.")  # fmt: skip
@click.option("--eye", is_flag=True, help="Export the eye.  [default: the detector]")
@click.option("--config-file", metavar="FILE", help="A yaml file, or the name of a bundled "
              "configuration.  [default: vx_fbnetv3a]")  # fmt: skip
@click.option("--weights", metavar="PATH|URL", help="Other weights for the network.")
@click.option("--engine", type=click.Choice(["torchvision", "detectron2"]), default="torchvision",
              show_default=True, help="What --check compares the file with.")  # fmt: skip
@click.option("--fp16", is_flag=True, help="Store and compute in 16 bits: half the size; faster on "
              "GPUs, slower on most processors.")  # fmt: skip
@click.option("--int8", is_flag=True, help="Compute in 8 bits: a quarter of the size, faster on "
              "processors, less exact. The ranges are measured on the photos given; a few dozen, "
              "like those it will see, are enough.")  # fmt: skip
@click.option("--check", is_flag=True, help="Run the photos through the file and through the "
              "network it was made from, and print the differences.")  # fmt: skip
@click.option("--license", "licence", metavar="TEXT", default="", help="Licence of the weights, "
              "for the file's metadata.  [default: what is known of bundled and zoo "
              "weights]")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the output if it is there already.")
@click.option("--opt", nargs=2, multiple=True, metavar="KEY VALUE", help="Override a key of the "
              "configuration; may be repeated, and wins over every other option.")  # fmt: skip
@click.version_option(__version__, prog_name="vx-export")
def main(photos: tuple[str, ...], output: Path, **options: Any) -> None:
    """Write the detector or the eye of a configuration as one ONNX file.

    The file runs without torch, in the engine "onnx", in ONNX Runtime or anything else that reads
    ONNX (opset 18). It takes photos of any size, and holds the configuration, the class names, the
    licence, and the name and the sha256 of the weights. A checkpoint that Detectron2 trained is
    exported like one of torchvision.

    A detector has the inputs image (3, height, width), float32, 0..255, as INPUT.FORMAT orders its
    channels, and the thresholds of the configuration, which can still be changed; the outputs are
    boxes (n, 4) in pixels of the image, scores (n,), classes (n,) and masks (n, side, side), of
    which each covers its box.

    \b
    Examples:
      export -o detector.onnx
      export --eye -o eye.onnx --check photos/*.jpg
      export --config-file my.yaml -o mine.onnx --int8 --check photos/*.jpg
      isolate photo.jpg --config-file mine.onnx

    \b
    Exit codes: 0 written, and with --check the same as its source; 1 failed, or --check found a
    difference of more than 0.5 pixels, 0.001 of score or map, or 0.01 of a mask's IoU (with --fp16
    and --int8 differences are expected and only printed); 2 wrong usage; 130 stopped.
    """  # noqa: D301
    from vx_detectron.errors import VxError

    precision, cfg = _checked(photos, output, options)
    try:
        _run(cfg, photos, output, precision, options)
    except KeyboardInterrupt:
        sys.exit(130)
    except (VxError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


def _checked(photos: Sequence[str], output: Path, options: dict[str, Any]) -> tuple[str, CfgNode]:
    """The precision and the configuration that are asked for, before any work."""
    from vx_detectron.config import load_cfg
    from vx_detectron.errors import VxError

    if output.suffix.lower() != ".onnx":
        raise click.UsageError(f"-o must end in .onnx, got {output.name!r}.")
    if output.exists() and not options["overwrite"]:
        raise click.UsageError(f"{output} is there already; use --overwrite to replace it.")
    if not output.parent.is_dir():
        raise click.UsageError(f"{output.parent} is not a folder; make it first.")
    if options["fp16"] and options["int8"]:
        raise click.UsageError("choose --fp16 or --int8, not both.")
    if (options["int8"] or options["check"]) and not photos:
        raise click.UsageError("--int8 and --check need photos to run on.")
    if photos and not (options["int8"] or options["check"]):
        raise click.UsageError("photos are for --int8 and --check; give one of them.")
    key = "VX.EYE.WEIGHTS" if options["eye"] else "MODEL.WEIGHTS"
    pairs = ["VX.ENGINE", options["engine"]]
    pairs += [] if options["weights"] is None else [key, repr(options["weights"])]
    pairs += [word for pair in options["opt"] for word in pair]
    try:
        cfg = load_cfg(options["config_file"], pairs)
    except VxError as error:
        raise click.UsageError(str(error)) from error
    return "int8" if options["int8"] else "float16" if options["fp16"] else "float32", cfg


def _run(
    cfg: CfgNode, photos: Sequence[str], output: Path, precision: str, options: dict[str, Any]
) -> None:
    _expect_exporter()
    from vx_detectron.errors import VxError
    from vx_detectron.export import run

    kind = "eye" if options["eye"] else "detector"
    model = run.export(cfg, kind, precision, _pixels(photos), options["licence"])
    run.save(model, output)
    click.echo(output)
    if not options["check"]:
        return
    different = 0
    found = run.compare(cfg, kind, output, _pixels(photos))
    for name, one in zip(photos, found, strict=True):
        different += not one.is_small
        click.echo(f"{name}: {one.text}", err=True)
    if different and precision == "float32":
        raise VxError(
            f"{output} differs from its source in {different} of {len(photos)} photos; it is kept, "
            "so that it can be looked at"
        )


def _expect_exporter() -> None:
    from vx_detectron.errors import EngineError

    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise EngineError(
            f"exporting needs {error.name}, which is not installed: "
            'pip install "vx-detectron[export]"'
        ) from error


def _pixels(paths: Sequence[str]) -> Iterator[ByteArray]:
    from vx_detectron.image_io import read_photo

    for path in paths:
        yield read_photo(path).pixels


if __name__ == "__main__":
    main()
