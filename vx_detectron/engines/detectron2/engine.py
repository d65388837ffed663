"""The engine that runs the real Detectron2. The only inference file that imports it."""

from __future__ import annotations

import torch
from detectron2.modeling import build_model
from detectron2.modeling.meta_arch import GeneralizedRCNN
from fvcore.common.config import CfgNode

from vx_detectron.config import beyond_every_engine
from vx_detectron.config.class_names import class_names
from vx_detectron.engines.detectron2 import modules  # noqa: F401  # registers the bundled parts
from vx_detectron.engines.device import resolve_device
from vx_detectron.engines.output import to_instances
from vx_detectron.engines.preprocess import network_input
from vx_detectron.errors import ConfigError
from vx_detectron.structures import ByteArray, Instances
from vx_detectron.weights import catalog
from vx_detectron.weights.checkpoint_file import read_checkpoint
from vx_detectron.weights.key_table import load_strict


class Detectron2Engine:
    """Any Detectron2 network with boxes and masks, one photo at a time.

    Args:
        cfg: see ``vx_detectron.config``.
        model: one in training, to run as it is at each call; by default one is built and
            ``MODEL.WEIGHTS`` loaded.

    Raises:
        ConfigError: a network that finds no instances with masks.
        CheckpointError: weights that are missing, unsafe or of another network.
        EngineError: a device that is missing.
    """

    name = "detectron2"

    def __init__(self, cfg: CfgNode, model: GeneralizedRCNN | None = None) -> None:
        _check_kind(cfg)
        self.cfg = cfg
        self.class_names = class_names(cfg)
        if model is None:
            model = self._load()
        else:
            self.weights, self.weights_sha256 = catalog.IN_TRAINING, ""
        self.model = model
        self.device = str(model.device)

    def _load(self) -> GeneralizedRCNN:
        self.weights = self.cfg.MODEL.WEIGHTS
        path = catalog.resolve(self.weights)
        self.weights_sha256 = catalog.sha256_of(path)
        model = build(self.cfg)
        load_strict(model, read_checkpoint(path), self.weights)
        return model

    @torch.inference_mode()
    def predict(self, image: ByteArray) -> Instances:
        """The things in one photo, uint8 (H, W, 3) RGB; see ``Instances``.

        Like ``GeneralizedRCNN.inference``, but stops before it pastes and thresholds the masks.
        """
        photo = torch.from_numpy(network_input(self.cfg, image))
        batch = self.model.preprocess_image([{"image": photo}])
        features = self.model.backbone(batch.tensor)
        proposals, _ = self.model.proposal_generator(batch, features, None)
        (found,), _ = self.model.roi_heads(batch, features, proposals, None)
        return to_instances(
            found.pred_boxes.tensor.cpu().numpy(),
            found.scores.cpu().numpy(),
            found.pred_classes.cpu().numpy(),
            found.pred_masks[:, 0].cpu().numpy(),
            network_size=(photo.shape[1], photo.shape[2]),
            image_size=(image.shape[0], image.shape[1]),
            class_names=self.class_names,
        )


def _check_kind(cfg: CfgNode) -> None:
    """Raise ConfigError unless the network finds instances with boxes and masks by itself."""
    if problems := beyond_every_engine(cfg):
        raise ConfigError(" ".join(problems))


def build(cfg: CfgNode) -> GeneralizedRCNN:
    """The network of the configuration on its device, in evaluation mode, with random weights.

    Raises:
        ConfigError: Detectron2 cannot build it.
        EngineError: a device that is missing.
    """
    cfg = cfg.clone()
    cfg.defrost()
    cfg.MODEL.DEVICE = str(resolve_device(cfg.MODEL.DEVICE))
    cfg.freeze()
    if "PointRend" in cfg.MODEL.ROI_MASK_HEAD.NAME:
        from detectron2.projects import point_rend  # noqa: F401  # it registers its heads
    try:
        return build_model(cfg).eval()
    except (AssertionError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"Detectron2 cannot build the network of this configuration: {error!r}"
        ) from error
