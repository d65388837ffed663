"""Where predicted masks come from: this package's pipeline, a folder, or any command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from vx_detectron.data.categories import DatasetDict
from vx_detectron.engines import NO_EYE, Detector
from vx_detectron.errors import DataError, NoSubjectError
from vx_detectron.evaluation.truths import pictures, read_annotated
from vx_detectron.image_io import read_photo
from vx_detectron.pipeline import Isolator, OpenPhoto
from vx_detectron.refine import RefineOptions
from vx_detectron.structures import ByteArray, FloatArray

MASKS = "masks"
"""What the one result of a predictor without variants is called."""

SALIENCY_ALONE = "saliency map alone"
NO_SUBJECT = "no subject"
"""The source of the empty mask of a photo that is said to have none."""
_OFF = RefineOptions(fuse_saliency=False, dense_crf=False, morphology=False, sharp_edge=False)
# Each goes on from the one before it, in the order that the steps are best added in.
REFINEMENTS = {
    "raw masks": _OFF,
    "+ saliency fusion": replace(_OFF, fuse_saliency=True),
    "+ DenseCRF": replace(_OFF, fuse_saliency=True, dense_crf=True),
    "+ morphology": replace(RefineOptions(), sharp_edge=False),
    "+ sharp edge": RefineOptions(),
}

# How far the colours of a grey picture may be apart, 0..255: JPEG stores them as three channels.
_GREY = 16

# How the tool names the masks that it writes, see ``isolate --mask-only``.
_ENDING = "_cutout_mask"


@dataclass(frozen=True, eq=False)
class Prediction:
    """The predicted subject of one photo.

    Attributes:
        alpha: float32 (H, W), 0..1; all 0 where there is no subject.
        source: where the mask comes from, such as ``instances`` or ``no subject``.
        seconds: wall-clock seconds of each stage, as far as known.
        label: class of the first thing chosen; empty where none is known.
    """

    alpha: FloatArray
    source: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    label: str = ""


class Predictor(Protocol):
    """Anything that turns photos into masks.

    Attributes:
        names: the variants that it makes of every photo.
        provenance: what results say about it.
        extra: names of masks that belong to no photo.
    """

    names: tuple[str, ...]
    provenance: dict[str, Any]
    extra: Sequence[str]

    def predict(self, record: DatasetDict, name: str) -> dict[str, Prediction]:
        """The masks of one photo, by variant.

        Args:
            record: of the photo.
            name: the photo's, see ``Truths.name``.

        Raises:
            DataError, ImageError: there is no mask, and why.
        """
        ...


class PipelinePredictor:
    """The pipeline of this package.

    Args:
        isolator: with its network loaded.
        ablation: make the masks of all ``REFINEMENTS`` and of the saliency map alone, from one
            run of the network a photo; else those of the configuration.
    """

    def __init__(self, isolator: Isolator, ablation: bool = False) -> None:
        self.isolator, self.ablation = isolator, ablation
        self.names = (*REFINEMENTS, SALIENCY_ALONE) if ablation else (MASKS,)
        self.provenance = {**network_facts(isolator), "config": isolator.cfg.dump()}
        self.extra: Sequence[str] = ()

    def predict(self, record: DatasetDict, name: str) -> dict[str, Prediction]:
        """See ``Predictor``."""
        photo = self.isolator.open(read_annotated(record))
        if not self.ablation:
            return {MASKS: _cut(photo, self.isolator.refine_options)}
        predictions = {name: _cut(photo, options) for name, options in REFINEMENTS.items()}
        return {**predictions, SALIENCY_ALONE: _saliency(photo)}


class FolderPredictor:
    """Masks in a folder, named like their photos.

    Args:
        folder: searched to the bottom; grey levels are taken for alpha. Names may end as those of
            ``isolate --mask-only``.
        expected: the names of all photos.

    Raises:
        DataError: the folder is missing, no mask has the name of a photo, or two have the same.
    """

    def __init__(self, folder: Path, expected: Iterable[str]) -> None:
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder}; expected predicted masks in it")
        self.folder = folder
        self.paths = _masks_by_name(folder)
        self.names: tuple[str, ...] = (MASKS,)
        self.provenance: dict[str, Any] = {"predictions": str(folder)}
        wanted = set(expected)
        self.extra: Sequence[str] = sorted(self.paths.keys() - wanted)
        if not self.paths.keys() & wanted:
            raise DataError(
                f"none of the {len(self.paths)} pictures below {folder} has the name of a photo, "
                f"such as {min(wanted)}"
            )

    def predict(self, record: DatasetDict, name: str) -> dict[str, Prediction]:
        """See ``Predictor``."""
        if name not in self.paths:
            raise DataError(f"no mask {name}.* below {self.folder}")
        return {MASKS: Prediction(read_alpha(self.paths[name]), "file")}


def detector_facts(detector: Detector) -> dict[str, Any]:
    """What results say about the detector that ran."""
    return {
        "engine": detector.name,
        "device": detector.device,
        "weights": detector.weights,
        "weights_sha256": detector.weights_sha256,
    }


def network_facts(isolator: Isolator) -> dict[str, Any]:
    """What results say about both networks that ran."""
    eye = isolator.eye
    return {
        **detector_facts(isolator.detector),
        "eye": eye.name if eye else NO_EYE,
        "eye_engine": eye.engine if eye else "",
        "eye_weights": eye.weights if eye else "",
        "eye_sha256": eye.weights_sha256 if eye else "",
    }


def read_alpha(path: Path) -> FloatArray:
    """A grey picture as float32 (H, W), 0..1; of a picture of 0 and 1 only, 1 is white.

    Raises:
        ImageError: it cannot be read.
        DataError: it is coloured or transparent, so that it is no mask.
    """
    photo = read_photo(path)
    grey: ByteArray = photo.pixels[..., 1]
    if photo.had_alpha or np.ptp(photo.pixels, axis=2).max() > _GREY:
        raise DataError(
            f"{path}: the mask is coloured or transparent, expected a grey picture; "
            "save the mask by itself, not the cut-out"
        )
    return grey.astype(np.float32) / np.float32(1 if grey.max() == 1 else 255)


def _masks_by_name(folder: Path) -> dict[str, Path]:
    """DataError where two masks could belong to one photo."""
    paths: dict[str, Path] = {}
    for name, path in pictures(folder):
        photo = name.removesuffix(_ENDING)
        if photo in paths:
            raise DataError(f"{paths[photo]} and {path} may both be the mask of {photo}; keep one")
        paths[photo] = path
    return paths


def _cut(photo: OpenPhoto, options: RefineOptions) -> Prediction:
    try:
        cutout = photo.cut(refine_options=options)
    except NoSubjectError:
        return Prediction(
            np.zeros(photo.instances.image_size, np.float32), NO_SUBJECT, photo.seconds
        )
    provenance = cutout.provenance
    label = next(iter(cutout.labels), "")
    return Prediction(cutout.alpha, provenance.mask_source, provenance.seconds, label)


def _saliency(photo: OpenPhoto) -> Prediction:
    saliency = photo.instances.saliency
    if saliency is None:
        raise DataError("there is no eye, so no saliency map; leave out --ablation")
    return Prediction(whole_map(saliency, photo.instances.image_size), "saliency", photo.seconds)


def whole_map(saliency: FloatArray, size: tuple[int, int]) -> FloatArray:
    """An eye's map, float32 (h, w), at a photo's height and width."""
    whole = cv2.resize(saliency, size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole, dtype=np.float32)
