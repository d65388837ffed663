"""The hint decoder with what teaches it: an eye that stays as it is, and a simulated person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from fvcore.common.config import CfgNode
from torch import Tensor
from torch.nn import functional as F

from vx_detectron.engines.torch_hints import metadata_of_hints
from vx_detectron.modeling.eye import SIZE_DIVISIBILITY, EyeNet
from vx_detectron.modeling.hint_decoder import HintDecoder
from vx_detectron.modeling.saliency_loss import saliency_loss
from vx_detectron.modeling.samples import Sample, photos_of, stacked
from vx_detectron.structures import FloatArray
from vx_detectron.training.hints.person import Marks, Random, first_marks, no_marks, wanted
from vx_detectron.weights import catalog
from vx_detectron.weights.checkpoint_file import read_checkpoint
from vx_detectron.weights.key_table import load_strict

_ROUNDS = (0, 0, 1, 2, 3, 5, 8)  # how often a mask is corrected before the one that counts
_FORGETS = 0.12  # share of the masks so far that are left out, so that marks count for more
_OBEY_WEIGHT = 0.3


class FrozenEye:
    """An eye whose features are read. No module: no optimiser, average or checkpoint sees it.

    Args:
        weights: as ``VX.EYE.WEIGHTS`` names them.

    Raises:
        CheckpointError: weights that are missing, unsafe or of another network.
    """

    def __init__(self, weights: str) -> None:
        path = catalog.resolve(weights)
        self.sha256 = catalog.sha256_of(path)
        self.network = EyeNet().eval().requires_grad_(False)
        load_strict(self.network, read_checkpoint(path), weights)
        self.network = self.network.to(memory_format=torch.channels_last)

    def __deepcopy__(self, memo: object) -> FrozenEye:
        """Itself: a copy would be the same."""
        return self

    @torch.no_grad()
    def look(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """The features of (N, 3, H, W), RGB, 0..1, and the map, float32 (N, H, W), 0..1."""
        self.network = self.network.to(images.device)
        features = self.network.features(images.contiguous(memory_format=torch.channels_last))
        logits = self.network.predictors[0](features[0])
        return [one.float() for one in features], probabilities(logits)


class HintTrainee(HintDecoder):
    """The decoder with its loss.

    Args:
        cfg: INPUT.FORMAT, VX.EYE.WEIGHTS and VX.SOLVER.EDGE_WEIGHT are read.

    Attributes:
        eye: whose features it reads.
        metadata: what its checkpoints say of themselves.

    Raises:
        CheckpointError: the eye's weights are missing, unsafe or of another network.
    """

    def __init__(self, cfg: CfgNode) -> None:
        super().__init__()
        self.channels: str = cfg.INPUT.FORMAT
        self.edge_weight: float = cfg.VX.SOLVER.EDGE_WEIGHT
        self.eye = FrozenEye(cfg.VX.EYE.WEIGHTS)
        self.metadata = metadata_of_hints(self.eye.sha256)

    def losses(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """``loss_mask``, see ``saliency_loss``, and ``loss_obey``; float32, with a gradient.

        What the person wants and marks is drawn from torch's generator. A photo in which nothing
        is wanted counts nothing.

        Args:
            samples: the photos of the step, of any sizes; on any device.
        """
        device = next(self.parameters()).device
        random = np.random.default_rng(int(torch.randint(2**62, ())))
        images = photos_of(samples, self.channels, device, SIZE_DIVISIBILITY)
        features, eye_maps = self.eye.look(images)
        targets = _targets(samples, random)
        known = [bool((target > 0.5).any()) for target in targets]
        marks = [
            first_marks(target, eye_map, random) if there else no_marks(target.shape)
            for target, eye_map, there in zip(targets, _arrays(eye_maps), known, strict=True)
        ]
        for _ in range(_ROUNDS[random.integers(len(_ROUNDS))]):
            with torch.no_grad():
                masks = probabilities(self(features, _maps(marks, device))[0])
            for mark, mask, target, there in zip(
                marks, _arrays(masks), targets, known, strict=True
            ):
                if there:
                    mark.correct(mask, target, random)
        for mark in marks:
            if mark.keep.any() and random.random() < _FORGETS:
                mark.previous = None
        maps = _maps(marks, device)
        logits = self(features, maps)
        truth = torch.from_numpy(np.stack(targets))[:, None].to(device)
        return {
            "loss_mask": saliency_loss(logits, truth, self.edge_weight),
            "loss_obey": _OBEY_WEIGHT * _disobedience(logits[0], maps),
        }


def probabilities(logits: Tensor) -> Tensor:
    """The mask at the photo's size: (N, 1, H / 2, W / 2) to float32 (N, H, W)."""
    whole = F.interpolate(logits.float(), scale_factor=2.0, mode="bilinear", align_corners=False)
    return whole.sigmoid()[:, 0]


def _targets(samples: Sequence[Sample], random: Random) -> list[FloatArray]:
    """What is wanted of each photo, at the size of the batch; -1 where nothing is, or beyond it."""
    found = []
    for sample in samples:
        target = wanted(sample, random)
        if target is None:
            target = np.full(sample.subject.shape, -1.0, dtype=np.float32)
        found.append(torch.from_numpy(target)[None])
    return [one[0].numpy() for one in stacked(found, -1.0, SIZE_DIVISIBILITY)]


def _disobedience(logits: Tensor, maps: Tensor) -> Tensor:
    """Mean cross-entropy of the pixels that are marked."""
    mask = F.interpolate(logits.float(), scale_factor=2.0, mode="bilinear", align_corners=False)
    keep, drop = maps[:, :1], maps[:, 1:2]
    losses = F.softplus(-mask) * keep + F.softplus(mask) * drop
    return losses.sum() / (keep + drop).sum().clamp(min=1)


def _maps(marks: Sequence[Marks], device: torch.device) -> Tensor:
    return torch.from_numpy(np.stack([one.maps() for one in marks])).to(device)


def _arrays(masks: Tensor) -> list[FloatArray]:
    return list(masks.cpu().numpy())
