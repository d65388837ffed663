"""The eye, run by torch."""

from __future__ import annotations

import numpy as np
import torch
from fvcore.common.config import CfgNode

from vx_detectron.engines import OWN_EYE, looks
from vx_detectron.engines.device import resolve_device
from vx_detectron.modeling.eye import SIZE_DIVISIBILITY, EyeNet
from vx_detectron.structures import ByteArray, FloatArray
from vx_detectron.weights import catalog
from vx_detectron.weights.checkpoint_file import read_checkpoint
from vx_detectron.weights.key_table import load_strict


class TorchEye:
    """``EyeNet`` with the weights that ``VX.EYE.WEIGHTS`` names.

    Args:
        cfg: see ``vx_detectron.config``.
        model: one in training, to run as it is at each call; by default one is built and the
            weights are loaded.

    Raises:
        CheckpointError: weights that are missing, unsafe or of another network.
        EngineError: a device that is not available.
    """

    engine = "torch"

    def __init__(self, cfg: CfgNode, model: EyeNet | None = None) -> None:
        self.name: str = cfg.VX.EYE.NAME
        self.sizes: tuple[int, ...] = tuple(cfg.VX.EYE.SIZES)
        self.zoom: bool = cfg.VX.EYE.ZOOM
        if model is None:
            self.weights: str = cfg.VX.EYE.WEIGHTS if self.name == OWN_EYE else self.name
            path = catalog.resolve(self.weights)
            self.weights_sha256 = catalog.sha256_of(path)
            model = EyeNet().eval()
            load_strict(model, read_checkpoint(path), self.weights)
            model = model.to(resolve_device(cfg.MODEL.DEVICE))
            model = model.to(memory_format=torch.channels_last)
        else:
            self.weights, self.weights_sha256 = catalog.IN_TRAINING, ""
        self.model = model
        self._device = next(model.parameters()).device
        self.device = str(self._device)

    @torch.inference_mode()
    def look(self, image: ByteArray) -> FloatArray:
        """The map of one photo, uint8 (H, W, 3) RGB; see ``engines.Eye``."""
        return looks.look(self._run, image, self.sizes, multiple=SIZE_DIVISIBILITY, zoom=self.zoom)

    def _run(self, seen: ByteArray) -> FloatArray:
        batch = torch.from_numpy(np.ascontiguousarray(seen.transpose(2, 0, 1)))[None]
        batch = batch.to(self._device, torch.float32, memory_format=torch.channels_last) / 255
        logits = self.model(batch)[0][0, 0].float()
        return np.asarray(logits.sigmoid().cpu().numpy(), dtype=np.float32)
