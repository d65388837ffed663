"""The engine that runs the real Detectron2. The only inference file that imports it."""

from __future__ import annotations

import torch
from detectron2.modeling import build_model
from detectron2.modeling.meta_arch import GeneralizedRCNN
from fvcore.common.config import CfgNode

from vx_detectron.engines import detectron2_modules, weights
from vx_detectron.engines.checkpoint_file import read_checkpoint
from vx_detectron.engines.class_names import class_names
from vx_detectron.engines.device import resolve_device
from vx_detectron.engines.key_table import load_strict
from vx_detectron.engines.modeling.mask_rcnn import saliency_maps
from vx_detectron.engines.output import to_instances
from vx_detectron.engines.preprocess import network_input
from vx_detectron.errors import ConfigError
from vx_detectron.records import ByteArray, Instances


class Detectron2Engine:
    """Any Detectron2 network with boxes and masks, one photo at a time.

    Raises:
        ConfigError: a network that finds no instances with masks.
        CheckpointError: weights that are missing, unsafe or of another network.
        EngineError: a device that is not there.
    """

    name = "detectron2"

    def __init__(self, cfg: CfgNode) -> None:
        _check_kind(cfg)
        device = resolve_device(cfg.MODEL.DEVICE)
        cfg = cfg.clone()
        cfg.defrost()
        cfg.MODEL.DEVICE = str(device)
        cfg.freeze()
        self.cfg = cfg
        self.device = str(device)
        self.weights = cfg.MODEL.WEIGHTS
        self.class_names = class_names(cfg)
        path = weights.resolve(cfg.MODEL.WEIGHTS)
        self.weights_sha256 = weights.sha256_of(path)
        self.model = _build(cfg)
        load_strict(self.model, read_checkpoint(path), self.weights)

    @torch.inference_mode()
    def predict(self, image: ByteArray) -> Instances:
        """The things in one photo, uint8 (H, W, 3) RGB; see ``Instances``.

        What ``GeneralizedRCNN.inference`` does, stopped before it pastes and thresholds the masks.
        """
        photo = torch.from_numpy(network_input(self.cfg, image))
        batch = self.model.preprocess_image([{"image": photo}])
        features = self.model.backbone(batch.tensor)
        proposals, _ = self.model.proposal_generator(batch, features, None)
        (found,), _ = self.model.roi_heads(batch, features, proposals, None)
        saliency = None
        head = getattr(self.model, "sem_seg_head", None)
        if isinstance(head, detectron2_modules.VXSaliencyHead):
            padded = (batch.tensor.shape[2], batch.tensor.shape[3])
            (saliency,) = saliency_maps(head.levels(features)[0], batch.image_sizes, padded)
        return to_instances(
            found.pred_boxes.tensor.cpu().numpy(),
            found.scores.cpu().numpy(),
            found.pred_classes.cpu().numpy(),
            found.pred_masks[:, 0].cpu().numpy(),
            None if saliency is None else saliency.cpu().numpy(),
            network_size=(photo.shape[1], photo.shape[2]),
            image_size=(image.shape[0], image.shape[1]),
            class_names=self.class_names,
        )


def _check_kind(cfg: CfgNode) -> None:
    """Raise ConfigError unless the network finds instances with boxes and masks by itself."""
    model = cfg.MODEL
    wanted = {
        "MODEL.META_ARCHITECTURE": (model.META_ARCHITECTURE, ("GeneralizedRCNN", "PanopticFPN")),
        "MODEL.MASK_ON": (model.MASK_ON, (True,)),
        "MODEL.PROPOSAL_GENERATOR.NAME": (model.PROPOSAL_GENERATOR.NAME, ("RPN",)),
    }
    for key, (got, choices) in wanted.items():
        if got not in choices:
            raise ConfigError(f"{key} must be {' or '.join(map(str, choices))}, got {got!r}")


def _build(cfg: CfgNode) -> GeneralizedRCNN:
    try:
        return build_model(cfg).eval()
    except (AssertionError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"Detectron2 cannot build the network of this configuration: {error!r}"
        ) from error
