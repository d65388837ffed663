"""The checkpoints of a run: written whole, read safely, the last few kept.

A file is a Detectron2 checkpoint: ``model`` holds the weights under Detectron2's names. What a
resumed run needs besides stands under a key of the engine's own. ``last_checkpoint`` names the
last of these files; ``model_best.pth`` and ``model_final.pth`` hold weights alone.
"""

from __future__ import annotations

import logging
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vx_detectron.errors import TrainingError
from vx_detectron.files import replacing, write_text
from vx_detectron.modeling.copies import copies_of_detector
from vx_detectron.weights import catalog
from vx_detectron.weights.checkpoint_file import read_checkpoint
from vx_detectron.weights.key_table import OPTIONAL_SUFFIX, load_matching, rename

logger = logging.getLogger(__name__)

BEST, FINAL, LAST = "model_best.pth", "model_final.pth", "last_checkpoint"
KEPT = 2  # periodic checkpoints

# Where each engine keeps the state of its training in a checkpoint.
TORCHVISION, DETECTRON2 = "training", "trainer"

_PERIODIC = re.compile(r"model_\d{7}\.pth")


def checkpoint_name(iteration: int) -> str:
    """Detectron2's name for the checkpoint after a step, counted from 0."""
    return f"model_{iteration:07d}.pth"


def weights_of(model: nn.Module) -> dict[str, Any]:
    """What a file of a network's weights holds: ``model``, and its ``metadata`` if it has some."""
    content: dict[str, Any] = {"model": model.state_dict()}
    if hasattr(model, "metadata"):
        content["metadata"] = model.metadata
    return content


def save(folder: Path, name: str, content: dict[str, Any]) -> None:
    """Write one file, completely or not at all.

    Raises:
        TrainingError: it cannot be written; existing files are unchanged.
    """
    target = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            torch.save(content, temporary)
    except (OSError, RuntimeError) as error:  # torch turns a full disk into the latter
        raise TrainingError(
            f"cannot write {target}: {error}. Free space on its disk or set another OUTPUT_DIR; "
            "earlier checkpoints are intact, and --resume continues from them"
        ) from error


def save_checkpoint(folder: Path, name: str, content: dict[str, Any]) -> None:
    """Write one file to resume from, name it the last one, and drop the oldest periodic ones.

    Raises:
        TrainingError: it cannot be written; the last one before it stays.
    """
    save(folder, name, content)
    write_text(folder / LAST, name)
    periodic = sorted(path for path in folder.iterdir() if _PERIODIC.fullmatch(path.name))
    for path in periodic[:-KEPT]:
        path.unlink()


def last_checkpoint(folder: Path) -> Path | None:
    """The file that ``last_checkpoint`` names, or None where no checkpoint was written yet.

    Raises:
        TrainingError: it names no checkpoint of the folder.
    """
    pointer = folder / LAST
    if not pointer.exists():
        return None
    name = pointer.read_bytes().decode("utf-8", "replace").strip()
    if not _PERIODIC.fullmatch(name) or not (folder / name).is_file():
        raise TrainingError(
            f"{pointer} should name a checkpoint beside it, got {name[:80]!r}; {_advice(folder)}"
        )
    return folder / name


def load_last(folder: Path, engine: str) -> dict[str, Any] | None:
    """What is in the last checkpoint, or None where there is none yet. Runs nothing in the file.

    Args:
        folder: of the run.
        engine: ``TORCHVISION`` or ``DETECTRON2``, which is to go on.

    Raises:
        TrainingError: the file is damaged, or of the other engine.
    """
    path = last_checkpoint(folder)
    if path is None:
        return None
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainingError(f"{path} cannot be read ({reason}); {_advice(folder)}") from error
    found: dict[str, Any] = content if isinstance(content, dict) else {}
    if not {"model", engine} <= found.keys():
        raise TrainingError(
            f"{path} should hold 'model' and {engine!r}, but has {', '.join(map(str, found))}; "
            "training can only be resumed with the engine that started it (VX.ENGINE)"
        )
    return found


def other_configuration(folder: Path, error: Exception) -> TrainingError:
    """The error for a checkpoint that does not fit the network or the optimiser."""
    return TrainingError(
        f"the checkpoint in {folder} is of another configuration: resume with its config.yaml. "
        f"{str(error).splitlines()[0]}"
    )


def _advice(folder: Path) -> str:
    others = sorted(path.name for path in folder.iterdir() if _PERIODIC.fullmatch(path.name))
    return (
        f"to continue from an older one, write its name into {LAST} (there are: "
        f"{', '.join(others) or 'none'}); to start over, set an empty OUTPUT_DIR"
    )


def load_start_weights(key: str, weights: str, model: nn.Module) -> None:
    """Load the weights of a key into a network of either engine, naming what does not fit.

    Layers of another shape, such as those of other classes, keep their random weights. What the
    file lacks, but can be copied from its detector (see ``copies``), starts as that copy.

    Args:
        key: such as ``MODEL.WEIGHTS``, for messages.
        weights: its value; empty starts at random.
        model: gets the weights.

    Raises:
        CheckpointError: the file is missing, damaged or unsafe.
    """
    if not weights:
        logger.warning("%s is empty: training starts from random weights", key)
        return
    given = rename(read_checkpoint(catalog.resolve(weights)))
    wanted = {name for name in model.state_dict() if not name.endswith(OPTIONAL_SUFFIX)}
    copies = copies_of_detector(given)
    given |= {name: copies[name] for name in copies.keys() & wanted - given.keys()}
    left, unused = load_matching(model, given)
    missing = [name for name in left if name in wanted]
    logger.info("loaded %d entries of %s", len(given) - len(unused), weights)
    for what, names in (
        ("of another shape in the file, start at random", [n for n in missing if n in given]),
        ("not in the file, start at random", [n for n in missing if n not in given]),
        ("in the file, but not in the network", [n for n in unused if n not in wanted]),
    ):
        if names:
            logger.warning("%d weights are %s: %s", len(names), what, _listed(names))


def _listed(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
