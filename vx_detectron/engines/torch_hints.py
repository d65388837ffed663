"""The hint decoder in torch, only ever beside the eye that it was trained with."""

from __future__ import annotations

from vx_detectron.errors import CheckpointError
from vx_detectron.modeling.hint_decoder import HintDecoder
from vx_detectron.weights import catalog
from vx_detectron.weights.checkpoint_file import read_checkpoint, read_metadata
from vx_detectron.weights.key_table import load_strict

KIND, EYE_SHA256 = "kind", "eye_sha256"
HINTS = "hints"


def metadata_of_hints(eye_sha256: str) -> dict[str, str]:
    """What a file of the decoder's weights says of itself.

    Args:
        eye_sha256: of the file of the eye whose features it was trained on.
    """
    return {KIND: HINTS, EYE_SHA256: eye_sha256}


def load_hint_decoder(weights: str, eye: str, eye_sha256: str) -> HintDecoder:
    """The decoder with these weights, in evaluation mode, on the CPU.

    Args:
        weights: as ``VX.HINTS.WEIGHTS`` names them.
        eye: where the eye's weights came from, for the message.
        eye_sha256: of that file.

    Raises:
        CheckpointError: weights that are missing, unsafe, of another network, or that belong to
            another eye.
    """
    path = catalog.resolve(weights)
    metadata = read_metadata(path)
    if metadata.get(KIND) != HINTS or EYE_SHA256 not in metadata:
        raise CheckpointError(
            f"{weights} does not say that it is a hint decoder and which eye it belongs to; give "
            "a file that a training with VX.TRAIN hints wrote as VX.HINTS.WEIGHTS"
        )
    expect_own_eye(weights, metadata[EYE_SHA256], eye, eye_sha256)
    decoder = HintDecoder().eval()
    load_strict(decoder, read_checkpoint(path), weights)
    return decoder


def expect_own_eye(weights: str, belongs_to: str, eye: str, eye_sha256: str) -> None:
    """Raise CheckpointError, naming both, unless a decoder belongs to an eye, by their sha256."""
    if belongs_to != eye_sha256:
        raise CheckpointError(
            f"the hint decoder {weights} reads the features of the eye with sha256 "
            f"{belongs_to[:12]}..., but the eye is {eye} with {eye_sha256[:12]}...: their features "
            "do not fit; give the eye it was trained with (VX.EYE.WEIGHTS), or a decoder that was "
            "trained with this eye (VX.HINTS.WEIGHTS)"
        )
