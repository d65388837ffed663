"""The whole network, built from Detectron2's configuration keys."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from fvcore.common.config import CfgNode
from torch import Tensor, nn

from vx_detectron.modeling.fbnet import FPN_TRUNK, FBNetBackbone, FBNetTrunk
from vx_detectron.modeling.fpn import FPN
from vx_detectron.modeling.resnet import ResNet
from vx_detectron.modeling.roi_heads import Detections, StandardROIHeads
from vx_detectron.modeling.rpn import RPN
from vx_detectron.modeling.samples import Sample, target_of


class MaskRCNN(nn.Module):
    """Mask R-CNN (He et al., 2017)."""

    def __init__(self, cfg: CfgNode) -> None:
        super().__init__()
        self.backbone = _build_backbone(cfg)
        shape = self.backbone.out_channels, self.backbone.out_strides
        self.proposal_generator = RPN(cfg, *shape)
        self.roi_heads = StandardROIHeads(cfg, *shape)
        self.size_divisibility = self.backbone.size_divisibility
        mean = torch.tensor(cfg.MODEL.PIXEL_MEAN).view(-1, 1, 1)
        std = torch.tensor(cfg.MODEL.PIXEL_STD).view(-1, 1, 1)
        self.register_buffer("pixel_mean", mean, persistent=False)
        self.register_buffer("pixel_std", std, persistent=False)
        self.pixel_mean: Tensor
        self.pixel_std: Tensor

    def forward(self, images: list[Tensor]) -> list[Detections]:
        """The detections of every image, in the image's pixels.

        Args:
            images: each float (3, H, W), 0..255, in ``INPUT.FORMAT``'s channel order.
        """
        sizes = [(image.shape[1], image.shape[2]) for image in images]
        batch = self.normalise(images)
        features = self.backbone(batch)
        proposals = self.proposal_generator(features, sizes)
        detections: list[Detections] = self.roi_heads(features, proposals, sizes)
        return detections

    def losses(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """What a training step makes smaller, under Detectron2's names and with its weights.

        The mode of the parts, training or evaluation, changes nothing here but their batch norms.

        Args:
            samples: the photos of the step, of any sizes; on any device. Where a photo is not
                fully annotated, what matches nothing in it is not an example of background.

        Returns:
            ``loss_rpn_cls``, ``loss_rpn_loc``, ``loss_cls``, ``loss_box_reg`` and ``loss_mask``,
            each a float32 scalar with a gradient; their sum is the loss.

        Raises:
            DataError: a box without an area, or a class that the network does not have.
        """
        device = self.pixel_mean.device
        batch = self.normalise([sample.image.to(device) for sample in samples])
        features = self.backbone(batch)
        targets = [target_of(one, self.roi_heads.num_classes, device) for one in samples]
        sizes = [(one.image.shape[1], one.image.shape[2]) for one in samples]
        proposals, losses = self.proposal_generator.losses(features, sizes, targets)
        losses |= self.roi_heads.losses(features, proposals, targets)
        return losses

    def normalise(self, images: list[Tensor]) -> Tensor:
        """One batch (N, 3, H, W): normalised, then padded with zeros to a common size."""
        normalised = [(image - self.pixel_mean) / self.pixel_std for image in images]
        return padded(normalised, self.size_divisibility, 0.0)


def padded(images: list[Tensor], multiple: int, value: float) -> Tensor:
    """One batch (N, C, H, W) of images (C, h, w), filled up to the right and below."""
    height = -(-max(image.shape[1] for image in images) // multiple) * multiple
    width = -(-max(image.shape[2] for image in images) // multiple) * multiple
    batch = images[0].new_full((len(images), len(images[0]), height, width), value)
    for slot, image in zip(batch, images, strict=True):
        slot[:, : image.shape[1], : image.shape[2]] = image
    return batch


def _build_backbone(cfg: CfgNode) -> FPN | FBNetBackbone:
    if cfg.MODEL.BACKBONE.NAME == "FBNetV2C4Backbone":
        return FBNetBackbone()
    trunk: ResNet | FBNetTrunk
    if cfg.MODEL.BACKBONE.NAME == "FBNetV2FpnBackbone":
        trunk = FBNetTrunk(FPN_TRUNK)
    else:
        trunk = ResNet(cfg)
        trunk.freeze(cfg.MODEL.BACKBONE.FREEZE_AT)
    return FPN(trunk, list(cfg.MODEL.FPN.IN_FEATURES), cfg.MODEL.FPN.OUT_CHANNELS)


def build_model(cfg: CfgNode) -> MaskRCNN:
    """The network that the configuration describes, in evaluation mode, with random weights."""
    return MaskRCNN(cfg).eval()
