"""What a training needs to go on: written whole, read safely."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

LAST = "last_checkpoint"
TRAINING = "training"


def save(folder: Path, name: str, content: dict[str, Any]) -> Path:
    """Write ``name`` into the folder by way of a temporary file, and name it the last one.

    ``model`` holds the weights under Detectron2's names, so the file is a Detectron2 checkpoint;
    ``training``, where it is there, what a resumed run needs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    partial = folder / f".{name}.part"
    torch.save(content, partial)
    os.replace(partial, target)
    if TRAINING in content:
        pointer = folder / f".{LAST}.part"
        pointer.write_text(name, encoding="utf-8")
        os.replace(pointer, folder / LAST)
    return target


def load_last(folder: Path) -> dict[str, Any] | None:
    """The last training state in the folder, or None. Reads tensors and numbers only."""
    pointer = folder / LAST
    if not pointer.exists():
        return None
    path = folder / pointer.read_text(encoding="utf-8").strip()
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)[TRAINING]
    return content
