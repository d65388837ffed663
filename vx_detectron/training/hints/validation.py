"""How many clicks a cut needs on photos held out, which chooses the best weights of a decoder."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from fvcore.common.config import CfgNode

from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.scene import class_annotations, read_scene
from vx_detectron.engines.looks import input_size, resize_photo
from vx_detectron.errors import DataError, ImageError
from vx_detectron.evaluation.simulated_clicks import Click, simulate
from vx_detectron.interactive.hint_maps import POINT_RADIUS
from vx_detectron.modeling.eye import SIZE_DIVISIBILITY, EyeNet
from vx_detectron.modeling.hint_decoder import HintDecoder
from vx_detectron.structures import BoolArray, ByteArray, FloatArray
from vx_detectron.training import distributed
from vx_detectron.training.early_stopping import CLICK_IOU, Best
from vx_detectron.training.hints.person import no_marks
from vx_detectron.training.hints.trainee import HintTrainee, probabilities
from vx_detectron.training.photos import Photos
from vx_detectron.training.validation import PICTURES, Patience, write_rows

logger = logging.getLogger(__name__)

CLICKS = (1, 3, 5)  # after which the IoU is told
MOST_CLICKS = 10  # a thing that is not cut by then counts as 10
GOOD = 0.85  # IoU
NOC = "noc_85"

_MOST_THINGS = 3  # of one photo, the largest
_LEAST_SHARE = 0.01  # of the photo; smaller things are not asked for


class Clicked(NamedTuple):
    """One thing of one photo, clicked for.

    Attributes:
        pixels: uint8 (H, W, 3), RGB, the photo at the size that the networks see it.
        truth: bool (H, W), the thing.
        scores: the IoU before the first click, and after each.
        masks: bool (H, W), after each click.
    """

    pixels: ByteArray
    truth: BoolArray
    scores: list[float]
    masks: list[BoolArray]


def measure_clicks(clicked: Sequence[Clicked]) -> dict[str, float]:
    """``iou_1_click``, ``iou_3_clicks`` and ``iou_5_clicks``, ``click_iou``, their mean, and
    ``noc_85``, the mean number of clicks to an IoU of 0.85, of which 10 are the most.

    Where a thing was cut without an error before, its last IoU counts. Nothing for no things.
    """  # noqa: D205
    if not clicked:
        return {}
    figures = {
        f"iou_{count}_click{'s' * (count > 1)}": float(
            np.mean([one.scores[min(count, len(one.scores) - 1)] for one in clicked])
        )
        for count in CLICKS
    }
    figures[CLICK_IOU] = float(np.mean(list(figures.values())))
    figures[NOC] = float(np.mean([_clicks_to_good(one.scores) for one in clicked]))
    return figures


def _clicks_to_good(scores: Sequence[float]) -> int:
    good = [count for count, score in enumerate(scores) if count and score >= GOOD]
    return good[0] if good else MOST_CLICKS


def click_through(
    eye: EyeNet, decoder: HintDecoder, shortest: int, records: Sequence[DatasetDict], photos: Photos
) -> Iterator[Clicked]:
    """Click for the things of photos, from nothing.

    A photo that cannot be read is named in the log and left out.

    Args:
        eye: whose features the decoder reads.
        decoder: in evaluation mode.
        shortest: side of the photo, in pixels of the networks' input.
        records: see ``vx_detectron.data.coco``.
        photos: which categories are things.
    """
    device = next(decoder.parameters()).device
    for record in records:
        try:
            pixels, things = _things_of(record, photos, shortest)
        except (DataError, ImageError) as error:
            logger.warning("left out of validation: %s", error)
            continue
        batch = torch.from_numpy(pixels).permute(2, 0, 1)[None].to(device) / 255
        with torch.inference_mode():
            features = [one.float() for one in eye.features(batch)]
        for truth in things:
            person = _Clicker(decoder, features, truth.shape)
            scores = simulate(truth, person.cut, enough=GOOD, least=max(CLICKS), most=MOST_CLICKS)
            yield Clicked(pixels, truth, scores, person.masks)


def _things_of(
    record: DatasetDict, photos: Photos, shortest: int
) -> tuple[ByteArray, list[BoolArray]]:
    """The photo as the networks see it, and its largest things at that size."""
    scene = read_scene(record, photos.class_ids)
    image = np.ascontiguousarray(scene.image.permute(1, 2, 0).numpy())
    size = input_size(image.shape[0], image.shape[1], shortest, SIZE_DIVISIBILITY)
    layers = scene.layers.numpy()
    if class_annotations(record, photos.class_ids):
        layers = layers[:-1]
    masks = [
        np.asarray(cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)) == 1
        for mask in layers
    ]
    large = [mask for mask in masks if mask.sum() >= _LEAST_SHARE * mask.size]
    large.sort(key=lambda mask: -int(mask.sum()))
    return resize_photo(image, size), large[:_MOST_THINGS]


class _Clicker:
    """The mask of some clicks, each of which corrects the mask of those before."""

    def __init__(
        self, decoder: HintDecoder, features: list[torch.Tensor], size: tuple[int, int]
    ) -> None:
        self.decoder, self.features, self.marks = decoder, features, no_marks(size)
        self.masks: list[BoolArray] = []

    def cut(self, clicks: list[Click]) -> BoolArray:
        """See ``simulate``; called with one click more each time."""
        click, place = clicks[-1], np.zeros(self.marks.keep.shape, dtype=np.uint8)
        cv2.circle(place, (click.column, click.row), POINT_RADIUS, 1, -1)
        self.marks.add(click.keep, place > 0)
        maps = torch.from_numpy(self.marks.maps())[None].to(self.features[0].device)
        with torch.inference_mode():
            mask: FloatArray = probabilities(self.decoder(self.features, maps)[0])[0].cpu().numpy()
        self.marks.previous = mask
        self.masks.append(mask >= 0.5)
        return self.masks[-1]


class HintValidator(Patience):
    """Measures a decoder in training, and keeps its best weights; shared as by ``Validator``.

    Args:
        cfg: the configuration; files go to its ``OUTPUT_DIR``.
        model: the one in training, which it runs as it is at each call.
        photos: of the training; without any held out nothing is measured.
    """

    def __init__(self, cfg: CfgNode, model: HintTrainee, photos: Photos) -> None:
        super().__init__(Path(cfg.OUTPUT_DIR), cfg.VX.SOLVER.PATIENCE, model, Best(CLICK_IOU))
        self.trainee, self.photos, self.shortest = model, photos, cfg.VX.EYE.SIZES[0]

    def run(self, iteration: int) -> dict[str, float]:
        """Measure, draw a few predictions, and write ``model_best.pth`` after a gain.

        Returns:
            See ``measure_clicks``; nothing where no photo is held out.
        """
        own = distributed.own_part(self.photos.validation)
        eye = self.trainee.eye.network
        clicked = list(click_through(eye, self.trainee, self.shortest, own, self.photos))
        parts = distributed.gathered([one._replace(masks=[]) for one in clicked])
        everything = [one for part in parts for one in part]
        figures = distributed.object_from_main(measure_clicks(everything))
        if figures:
            if clicked and distributed.is_main():
                write_rows(self.folder, iteration, [_row(one) for one in clicked[:PICTURES]])
            self.keep(figures, iteration)
        return figures


def _row(clicked: Clicked) -> list[ByteArray | BoolArray]:
    """The photo, the thing, and the masks after 1, 3 and 5 clicks."""
    shown = [clicked.masks[min(count, len(clicked.masks)) - 1] for count in CLICKS]
    return [clicked.pixels, clicked.truth, *shown]
