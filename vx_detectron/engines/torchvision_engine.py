"""The engine that needs only PyPI: Detectron2's networks built from torchvision's operators."""

from __future__ import annotations

import torch
from fvcore.common.config import CfgNode

from vx_detectron.config import check_supported
from vx_detectron.config.class_names import class_names
from vx_detectron.engines.device import resolve_device
from vx_detectron.engines.output import to_instances
from vx_detectron.engines.preprocess import network_input
from vx_detectron.modeling.mask_rcnn import MaskRCNN, build_model
from vx_detectron.structures import ByteArray, Instances
from vx_detectron.weights import catalog
from vx_detectron.weights.checkpoint_file import read_checkpoint
from vx_detectron.weights.key_table import load_strict


class TorchvisionEngine:
    """Builds the network from Detectron2 keys and runs it on one photo at a time.

    Args:
        cfg: see ``vx_detectron.config``.
        model: one in training, to run as it is at each call; by default one is built and
            ``MODEL.WEIGHTS`` loaded.

    Raises:
        ConfigError: a key that this engine does not support.
        CheckpointError: weights that are missing, unsafe or of another network.
        EngineError: a device that is missing.
    """

    name = "torchvision"

    def __init__(self, cfg: CfgNode, model: MaskRCNN | None = None) -> None:
        check_supported(cfg)
        self.cfg = cfg
        self.class_names = class_names(cfg)
        if model is None:
            model = self._load()
        else:
            self.weights, self.weights_sha256 = catalog.IN_TRAINING, ""
        self.model = model
        self._device = model.pixel_mean.device
        self.device = str(self._device)

    def _load(self) -> MaskRCNN:
        device = resolve_device(self.cfg.MODEL.DEVICE)
        self.weights = self.cfg.MODEL.WEIGHTS
        path = catalog.resolve(self.weights)
        self.weights_sha256 = catalog.sha256_of(path)
        model = build_model(self.cfg)
        load_strict(model, read_checkpoint(path), self.weights)
        # The layout that convolutions are fastest in, on CPU and GPU alike.
        placed: MaskRCNN = model.to(device).to(memory_format=torch.channels_last)
        return placed

    @torch.inference_mode()
    def predict(self, image: ByteArray) -> Instances:
        """The things in one photo, uint8 (H, W, 3) RGB; see ``Instances``."""
        photo = torch.from_numpy(network_input(self.cfg, image)).to(self._device)
        (found,) = self.model([photo])
        return to_instances(
            found.boxes.cpu().numpy(),
            found.scores.cpu().numpy(),
            found.classes.cpu().numpy(),
            found.masks.cpu().numpy(),
            network_size=(photo.shape[1], photo.shape[2]),
            image_size=(image.shape[0], image.shape[1]),
            class_names=self.class_names,
        )
