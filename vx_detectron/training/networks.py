"""What a training trains: how each network starts, learns and is validated."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from fvcore.common.config import CfgNode
from torch import Tensor, nn
from torch.nn import functional as F

from vx_detectron.config import load_cfg
from vx_detectron.data.coco import Loaded
from vx_detectron.data.subjects import has_subject
from vx_detectron.engines import OWN_EYE, build_detector, build_eye
from vx_detectron.engines.torch_eye import TorchEye
from vx_detectron.engines.torchvision_engine import TorchvisionEngine
from vx_detectron.errors import ConfigError
from vx_detectron.modeling.eye import SIZE_DIVISIBILITY, EyeNet
from vx_detectron.modeling.mask_rcnn import MaskRCNN, build_model
from vx_detectron.modeling.saliency_loss import saliency_loss
from vx_detectron.modeling.samples import Sample, photos_of, stacked
from vx_detectron.pipeline import Isolator
from vx_detectron.training.checkpoints import load_start_weights
from vx_detectron.training.early_stopping import SALIENCY
from vx_detectron.training.hints.trainee import HintTrainee
from vx_detectron.training.hints.validation import HintValidator
from vx_detectron.training.photos import Photos
from vx_detectron.training.validation import Validator

logger = logging.getLogger(__name__)

DETECTOR, EYE, HINTS = "detector", "eye", "hints"

# "auto" trains the eye from so many photos with a known subject on; fewer would only unsettle it.
FEWEST_SUBJECTS = 20

# Sections of the bundled configuration for the eye that a run which trains both takes from there.
_EYE_CONFIG, _EYE_SECTIONS = "finetune_vx_eye", ("SOLVER", "VX.SOLVER", "VX.AUGMENT")


class EyeTrainee(EyeNet):
    """The eye with its loss.

    Args:
        cfg: INPUT.FORMAT and VX.SOLVER.EDGE_WEIGHT are read.
    """

    def __init__(self, cfg: CfgNode) -> None:
        super().__init__()
        self.channels: str = cfg.INPUT.FORMAT
        self.edge_weight: float = cfg.VX.SOLVER.EDGE_WEIGHT

    def losses(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """``loss_saliency``, float32, with a gradient; see ``saliency_loss``.

        Args:
            samples: the photos of the step, of any sizes; on any device.
        """
        device = next(self.parameters()).device
        images = photos_of(samples, self.channels, device, SIZE_DIVISIBILITY)
        subjects = [sample.subject[None].to(device) for sample in samples]
        truth = stacked(subjects, -1.0, SIZE_DIVISIBILITY)
        logits = self(images.contiguous(memory_format=torch.channels_last))
        # The loss at full size: half a pixel of the map is a whole one of the photo.
        logits[0] = F.interpolate(
            logits[0].float(), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        return {"loss_saliency": saliency_loss(logits, truth, self.edge_weight)}


def parts_to_train(cfg: CfgNode, loaded: Loaded) -> tuple[str, ...]:
    """``detector``, ``eye``, both or ``hints``, as ``VX.TRAIN`` says; ``auto``: as the data say.

    Raises:
        ConfigError: ``auto``, and the data teach neither.
    """
    asked: str = cfg.VX.TRAIN
    if asked != "auto":
        return (DETECTOR, EYE) if asked == "both" else (asked,)
    classes = bool(loaded.categories.class_names)
    subjects = sum(map(has_subject, loaded.records))
    eye = subjects >= FEWEST_SUBJECTS and cfg.VX.EYE.NAME == OWN_EYE  # a guest stays as it is
    parts = (DETECTOR,) * classes + (EYE,) * eye
    if not parts:
        raise ConfigError(
            "VX.TRAIN is auto, but the data have no classes for a detector to learn, and "
            f"{subjects} photos with a known subject for the eye, which needs {FEWEST_SUBJECTS} "
            f"and VX.EYE.NAME {OWN_EYE}, not {cfg.VX.EYE.NAME}: annotate more, or set VX.TRAIN"
        )
    logger.info(
        "VX.TRAIN auto trains the %s: %d classes, %d photos with a known subject",
        " and the ".join(parts),
        len(loaded.categories.class_names),
        subjects,
    )
    return parts


def cfg_of_part(cfg: CfgNode, part: str, *, alone: bool) -> CfgNode:
    """The configuration of the run that trains one part.

    Args:
        cfg: of the whole training.
        part: ``detector`` or ``eye``.
        alone: whether it is the only one. Else it writes to a folder of its own in OUTPUT_DIR,
            each is held to its own of TEST.EXPECTED_RESULTS, and the eye learns as the bundled
            ``finetune_vx_eye`` says, since SOLVER is the detector's.
    """
    cfg = cfg.clone()
    cfg.defrost()
    cfg.VX.TRAIN = part
    if not alone:
        cfg.OUTPUT_DIR = f"{cfg.OUTPUT_DIR}/{part}"
        cfg.TEST.EXPECTED_RESULTS = [
            one for one in cfg.TEST.EXPECTED_RESULTS if (one[1] == SALIENCY) is (part == EYE)
        ]
        if part == EYE:
            for section in _EYE_SECTIONS:
                *above, name = section.split(".")
                target, source = cfg, load_cfg(_EYE_CONFIG)
                for step in above:
                    target, source = target[step], source[step]
                target[name] = source[name].clone()
    cfg.freeze()
    return cfg


Trainee = MaskRCNN | EyeTrainee | HintTrainee


def build_network(cfg: CfgNode) -> Trainee:
    """The network to train, with its start weights, on the CPU.

    Raises:
        CheckpointError: the weights are missing, damaged or unsafe.
    """
    if cfg.VX.TRAIN == EYE:
        eye = EyeTrainee(cfg)
        load_start_weights("VX.EYE.WEIGHTS", cfg.VX.EYE.WEIGHTS, eye)
        return eye
    if cfg.VX.TRAIN == HINTS:
        decoder = HintTrainee(cfg)
        load_start_weights("VX.HINTS.WEIGHTS", cfg.VX.HINTS.WEIGHTS, decoder)
        return decoder
    model = build_model(cfg)
    load_start_weights("MODEL.WEIGHTS", cfg.MODEL.WEIGHTS, model)
    return model


def isolator_around(cfg: CfgNode, model: nn.Module) -> Isolator:
    """The pipeline around a network in training, beside the other one as it is configured."""
    if isinstance(model, EyeNet):
        return Isolator(cfg, build_detector(cfg), TorchEye(cfg, model))
    assert isinstance(model, MaskRCNN)
    return Isolator(cfg, TorchvisionEngine(cfg, model), build_eye(cfg))


def build_validator(cfg: CfgNode, model: nn.Module, photos: Photos) -> Validator | HintValidator:
    """What measures a network in training.

    Raises:
        ConfigError: ``VX.SOLVER.BEST_BY`` asks for a figure that these photos do not give.
    """
    if isinstance(model, HintTrainee):
        return HintValidator(cfg, model, photos)
    return Validator(cfg, isolator_around(cfg, model), model, photos)
