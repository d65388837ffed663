"""``export``: a network as a file that runs without torch, for ONNX Runtime or OpenVINO."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vx_detectron.cli.common import (
    CONFIG_FILE,
    OPT,
    Command,
    UserPath,
    joined,
    result,
    say,
    with_options,
)

if TYPE_CHECKING:
    from vx_detectron.config import CfgNode
    from vx_detectron.structures import ByteArray


@click.command(cls=Command, name="export")
@click.argument("photos", nargs=-1, metavar="[PHOTO]...",
                type=UserPath(exists=True, dir_okay=False))  # fmt: skip
@click.option("-o", "--output", required=True, metavar="FILE.onnx|FILE.xml",
              type=UserPath(dir_okay=False, path_type=Path),
              help="The file to write; .xml is OpenVINO's own form, with its weights in a .bin "
              "beside it.")  # fmt: skip
@click.option("--eye", is_flag=True, help="Export the eye.  [default: the detector]")
@click.option("--hints", is_flag=True, help="Export the hint decoder, which interprets clicks and "
              "strokes. It needs an export of the eye that it was trained with, too.")  # fmt: skip
@click.option("--weights", metavar="PATH|URL", help="Other weights for the network.")
@click.option("--engine", type=click.Choice(["torchvision", "detectron2"]), default="torchvision",
              show_default=True, help="What --check compares the file with.")  # fmt: skip
@click.option("--fp16", is_flag=True, help="Store and compute in 16 bits: half the size; faster on "
              "GPUs, slower on most CPUs. An .xml is stored in 16 bits only.")  # fmt: skip
@click.option("--int8", is_flag=True, help="Compute in 8 bits: less than a third of the size, but "
              "clearly less exact, so use it with --check. The value ranges are measured on the "
              "PHOTOs; pass a few dozen like those that it will see.")  # fmt: skip
@click.option("--check", is_flag=True, help="Run the photos through the file and through the "
              "network it was made from, and print the differences.")  # fmt: skip
@click.option("--license", "licence", metavar="TEXT", default="", help="Licence of the weights, "
              "for the file's metadata.  [default: the known licence of bundled and zoo "
              "weights]")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@with_options(CONFIG_FILE, OPT)
def main(photos: tuple[str, ...], output: Path, **options: Any) -> None:
    """Write the detector, the eye or the hint decoder of a configuration for use without torch.

    The result is one ONNX file (opset 18). It runs in the engine "onnx", or in any other program
    that reads ONNX. It takes photos of any size, and contains the configuration, the class names,
    the licence, and the name and sha256 of the weights. Checkpoints trained with Detectron2 are
    exported in the same way.

    If -o ends in .xml, the network is written as OpenVINO IR instead, which needs the extra
    openvino: the same inputs, outputs and metadata, for programs that use OpenVINO. The engine
    "onnx" runs it too, but a detector only with the thresholds it was exported with.

    A detector has the input "image" (3, height, width), float32, 0..255, channels in the order of
    INPUT.FORMAT, and the thresholds as inputs with defaults. Its outputs are boxes (n, 4) in
    pixels of the image, scores (n,), classes (n,) and masks (n, side, side), each mask filling
    its box. An eye maps "photo" (1, 3, height, width), float32 RGB 0..1, both sides multiples of
    32, to logits at half its size; the other outputs, features_2 to features_32, are for the hint
    decoder, and cost nothing if only "map" is requested. The hint decoder maps these features
    and "hints" (1, 8, height, width), which docs/training.md describes, to logits at half the
    photo's size.

    With --check the command fails if a box differs by more than 0.5 pixels, a score or the map by
    more than 0.001, or if a mask's IoU is below 0.99. With --fp16 and --int8 such differences are
    expected: they are printed, but are not a failure.

    \b
    Examples:
      {prog} -o detector.onnx
      {prog} --eye -o eye.onnx --check photos/*.jpg
      {prog} --eye -o eye.xml --check photos/*.jpg
      {prog} --hints -o hints.onnx --weights output/model_best.pth --check photos/*.jpg
      {prog} --config-file my.yaml -o mine.onnx --int8 --check photos/*.jpg
      {prog:isolate} photo.jpg --config-file mine.onnx --opt VX.EYE.NAME eye.onnx
    """  # noqa: D301
    precision, cfg = _checked(photos, output, options)
    _run(cfg, photos, output, precision, options)


def _checked(photos: Sequence[str], output: Path, options: dict[str, Any]) -> tuple[str, CfgNode]:
    """The requested precision and configuration, checked before any work."""
    from vx_detectron.config import load_cfg
    from vx_detectron.config.exported import SUFFIXES
    from vx_detectron.errors import VxError
    from vx_detectron.ir_file import is_ir, numbers_of

    if output.suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"-o must end in {' or '.join(SUFFIXES)}, got {output.name!r}.")
    for path in (output, numbers_of(output))[: 1 + is_ir(output)]:
        if path.is_dir():
            raise click.UsageError(f"{path} is a folder; choose another name.")
        if path.exists() and not options["overwrite"]:
            raise click.UsageError(f"{path} already exists; use --overwrite to replace it.")
    if not output.parent.is_dir():
        raise click.UsageError(f"{output.parent} is not a folder; create it first.")
    if options["fp16"] and options["int8"]:
        raise click.UsageError("choose --fp16 or --int8, not both.")
    if options["eye"] and options["hints"]:
        raise click.UsageError("choose --eye or --hints, not both; they are two files.")
    if options["int8"] and options["hints"]:
        raise click.UsageError("--int8 cannot be used with --hints; the decoder is small anyway.")
    if (options["int8"] or options["check"]) and not photos:
        raise click.UsageError("--int8 and --check need photos to run on.")
    if photos and not (options["int8"] or options["check"]):
        raise click.UsageError("photos need --int8 or --check; pass one of them.")
    key = {"eye": "VX.EYE.WEIGHTS", "hints": "VX.HINTS.WEIGHTS"}.get(
        _kind(options), "MODEL.WEIGHTS"
    )
    pairs = ["VX.ENGINE", options["engine"]]
    pairs += [] if options["weights"] is None else [key, repr(options["weights"])]
    pairs += joined(options["opt"])
    try:
        cfg = load_cfg(options["config_file"], pairs)
    except VxError as error:
        raise click.UsageError(str(error)) from error
    return "int8" if options["int8"] else "float16" if options["fp16"] else "float32", cfg


def _run(
    cfg: CfgNode, photos: Sequence[str], output: Path, precision: str, options: dict[str, Any]
) -> None:
    _expect_exporter(output)
    from vx_detectron.errors import VxError
    from vx_detectron.export import run

    kind = _kind(options)
    run.write(cfg, kind, output, precision, _pixels(photos), options["licence"])
    result(str(output))
    if not options["check"]:
        return
    different = 0
    found = run.compare(cfg, kind, output, _pixels(photos))
    for name, one in zip(photos, found, strict=True):
        different += not one.is_small
        say(f"{name}: {one.text}")
    if different and precision == "float32":
        raise VxError(
            f"{output} differs from its source in {different} of {len(photos)} photos; it is kept "
            "for inspection"
        )


def _kind(options: dict[str, Any]) -> str:
    return "eye" if options["eye"] else "hints" if options["hints"] else "detector"


def _expect_exporter(output: Path) -> None:
    from vx_detectron.errors import EngineError
    from vx_detectron.extras import needed
    from vx_detectron.ir_file import is_ir

    if is_ir(output):
        needed("openvino", "openvino", "writing .xml")

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
