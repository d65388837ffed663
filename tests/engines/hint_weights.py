"""An eye and a hint decoder of small numbers, as files that belong together."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from small_networks import fill, write_weights

from vx_detectron.engines.torch_hints import metadata_of_hints
from vx_detectron.modeling.eye import EyeNet
from vx_detectron.modeling.hint_decoder import HintDecoder
from vx_detectron.weights import catalog


class Pair(NamedTuple):
    """Both networks in evaluation mode, and their files."""

    eye: EyeNet
    decoder: HintDecoder
    eye_path: Path
    decoder_path: Path


def write_pair(folder: Path) -> Pair:
    """Write both; the numbers follow from their names."""
    eye, decoder = EyeNet(), HintDecoder()
    fill(eye)
    fill(decoder)
    eye_path, decoder_path = folder / "eye.pth", folder / "hints.pth"
    write_weights(eye, eye_path)
    content = {
        "model": decoder.state_dict(),
        "metadata": metadata_of_hints(catalog.sha256_of(eye_path)),
    }
    torch.save(content, decoder_path)
    return Pair(eye, decoder, eye_path, decoder_path)
