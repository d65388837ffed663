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
from vx_detectron.modeling.saliency_fpn_head import SaliencyFPNHead
from vx_detectron.modeling.saliency_head import (
    SaliencyHead,
    saliency_loss,
    saliency_maps,
)
from vx_detectron.modeling.samples import Sample, target_of


class MaskRCNN(nn.Module):
    """Mask R-CNN (He et al., 2017), with a saliency head where the configuration asks for one."""

    def __init__(self, cfg: CfgNode) -> None:
        super().__init__()
        self.backbone = _build_backbone(cfg)
        shape = self.backbone.out_channels, self.backbone.out_strides
        self.proposal_generator = RPN(cfg, *shape)
        self.roi_heads = StandardROIHeads(cfg, *shape)
        self.size_divisibility = self.backbone.size_divisibility
        self.saliency_features: list[str] = []
        if cfg.MODEL.META_ARCHITECTURE == "PanopticFPN":
            node = cfg.MODEL.SEM_SEG_HEAD
            self.saliency_features = list(node.IN_FEATURES)
            self.sem_seg_head = _build_saliency_head(node, *shape)
            self.saliency_stride = node.COMMON_STRIDE
            self.saliency_loss_weight = node.LOSS_WEIGHT
            self.edge_weight = cfg.VX.SOLVER.EDGE_WEIGHT
        mean = torch.tensor(cfg.MODEL.PIXEL_MEAN).view(-1, 1, 1)
        std = torch.tensor(cfg.MODEL.PIXEL_STD).view(-1, 1, 1)
        self.register_buffer("pixel_mean", mean, persistent=False)
        self.register_buffer("pixel_std", std, persistent=False)
        self.pixel_mean: Tensor
        self.pixel_std: Tensor

    def forward(self, images: list[Tensor]) -> tuple[list[Detections], list[Tensor | None]]:
        """Detections and saliency of every image.

        Args:
            images: each float (3, H, W), 0..255, in ``INPUT.FORMAT``'s channel order.

        Returns:
            Detections in the images' pixels, and maps float (h, w), 0..1, over the whole image;
            None without a saliency head.
        """
        sizes = [(image.shape[1], image.shape[2]) for image in images]
        batch = self.normalise(images)
        features = self.backbone(batch)
        proposals = self.proposal_generator(features, sizes)
        detections = self.roi_heads(features, proposals, sizes)
        if not self.saliency_features:
            return detections, [None] * len(images)
        return detections, list(self._saliency_maps(features, sizes))

    def saliency(self, images: list[Tensor]) -> list[Tensor]:
        """The saliency maps alone, as in ``forward``; only with a saliency head."""
        sizes = [(image.shape[1], image.shape[2]) for image in images]
        return self._saliency_maps(self.backbone(self.normalise(images)), sizes)

    def losses(
        self, samples: Sequence[Sample], detector: bool = True, saliency: bool = True
    ) -> dict[str, Tensor]:
        """The losses of a training step, under Detectron2's names and with its weights.

        The mode of the parts, training or evaluation, affects only their batch norms here.

        Args:
            samples: the photos of the step, of any sizes; on any device.
            detector: compute ``loss_rpn_cls``, ``loss_rpn_loc``, ``loss_cls``, ``loss_box_reg``
                and ``loss_mask``. In a photo that is not completely annotated, what
                matches nothing is not an example of background.
            saliency: compute ``loss_sem_seg``, if there is a saliency head.

        Returns:
            Name to float32 scalar, each with a gradient; their sum is the loss.

        Raises:
            DataError: a box without an area, or a class that the network does not have.
        """
        device = self.pixel_mean.device
        batch = self.normalise([sample.image.to(device) for sample in samples])
        features = self.backbone(batch)
        losses: dict[str, Tensor] = {}
        if detector:
            targets = [target_of(one, self.roi_heads.num_classes, device) for one in samples]
            sizes = [(one.image.shape[1], one.image.shape[2]) for one in samples]
            proposals, losses = self.proposal_generator.losses(features, sizes, targets)
            losses |= self.roi_heads.losses(features, proposals, targets)
        if saliency and self.saliency_features:
            subjects = [sample.subject[None].to(device) for sample in samples]
            truth = _padded(subjects, self.size_divisibility, -1.0)
            loss = saliency_loss(self.saliency_logits(features), truth, self.edge_weight)
            losses["loss_sem_seg"] = loss * self.saliency_loss_weight
        return losses

    def saliency_logits(self, features: dict[str, Tensor]) -> list[Tensor]:
        """The saliency head's logits at every level, finest first."""
        logits: list[Tensor] = self.sem_seg_head([features[n] for n in self.saliency_features])
        return logits

    def _saliency_maps(
        self, features: dict[str, Tensor], sizes: list[tuple[int, int]]
    ) -> list[Tensor]:
        return saliency_maps(self.saliency_logits(features)[0], sizes, self.saliency_stride)

    def normalise(self, images: list[Tensor]) -> Tensor:
        """One batch (N, 3, H, W): normalised, then padded with zeros to a common size."""
        normalised = [(image - self.pixel_mean) / self.pixel_std for image in images]
        return _padded(normalised, self.size_divisibility, 0.0)


def _padded(images: list[Tensor], multiple: int, value: float) -> Tensor:
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


def _build_saliency_head(
    node: CfgNode, out_channels: dict[str, int], out_strides: dict[str, int]
) -> SaliencyHead | SaliencyFPNHead:
    channels = [out_channels[name] for name in node.IN_FEATURES]
    if node.NAME == "VXSaliencyHead":
        return SaliencyHead(channels, node.CONVS_DIM)
    strides = [out_strides[name] for name in node.IN_FEATURES]
    return SaliencyFPNHead(
        list(node.IN_FEATURES), channels, strides, node.CONVS_DIM, node.COMMON_STRIDE
    )


def build_model(cfg: CfgNode) -> MaskRCNN:
    """The network that the configuration describes, in evaluation mode, with random weights."""
    return MaskRCNN(cfg).eval()
