"""Samples drawn side by side: masks, boxes, class names, and the subject's outline."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F
from torchvision.utils import draw_bounding_boxes, draw_segmentation_masks

from vx_detectron.modeling.samples import Sample
from vx_detectron.structures import ByteArray

OUTLINE = (255, 225, 0)
LONGEST_SIDE = 640  # pixels; larger samples are drawn smaller
# Pixels below each sample for two lines of text, and how wide a line of so many letters is.
CAPTION, NARROWEST, LONGEST_NAME = 30, 210, 28


def draw_sheet(samples: Sequence[Sample], names: Mapping[int, str], channels: str) -> ByteArray:
    """All samples in rows, each above its file name and what is known of it.

    Args:
        samples: one or more.
        names: class to name.
        channels: ``BGR`` or ``RGB``, the order of the samples' images.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    samples = [_fitted(sample) for sample in samples]
    columns = math.ceil(math.sqrt(len(samples)))
    width = max(NARROWEST, *(sample.image.shape[2] for sample in samples))
    height = max(sample.image.shape[1] for sample in samples) + CAPTION
    rows = math.ceil(len(samples) / columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    pen = ImageDraw.Draw(sheet)
    for number, sample in enumerate(samples):
        x, y = number % columns * width, number // columns * height
        sheet.paste(Image.fromarray(draw_sample(sample, names, channels)), (x, y))
        pen.text((x + 2, y + sample.image.shape[1] + 2), _caption(sample), fill="black")
    return np.array(sheet)


def draw_sample(sample: Sample, names: Mapping[int, str], channels: str) -> ByteArray:
    """The photo with its masks in colours, boxes with names, and the outline of its subject.

    Returns:
        uint8 (H, W, 3), RGB, of the sample's size; see ``draw_sheet`` for the arguments.
    """
    image = sample.image.to(torch.uint8)
    image = image.flip(0) if channels == "BGR" else image
    if len(sample.boxes):
        labels = [names.get(number, "pasted") for number in sample.classes.tolist()]
        colours = [_colour(number) for number in range(len(labels))]
        image = draw_segmentation_masks(image, sample.masks, alpha=0.45, colors=colours)
        image = draw_bounding_boxes(image, sample.boxes, labels, colors=colours)
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    subject = (sample.subject > 0.5).numpy().astype(np.uint8)
    contours, _ = cv2.findContours(subject, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(pixels, contours, -1, OUTLINE, 2)
    return pixels


def _colour(number: int) -> tuple[int, int, int]:
    """Steps of the golden angle keep any number of hues apart."""
    red, green, blue = colorsys.hsv_to_rgb(0.382 * number % 1, 0.9, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def _fitted(sample: Sample) -> Sample:
    height, width = sample.image.shape[1:]
    scale = LONGEST_SIDE / max(height, width)
    if scale >= 1:
        return sample
    size = [max(round(height * scale), 1), max(round(width * scale), 1)]
    return replace(
        sample,
        image=F.resize(sample.image, size),
        masks=F.resize(sample.masks, size, InterpolationMode.NEAREST_EXACT),
        subject=F.resize(sample.subject[None], size, InterpolationMode.NEAREST_EXACT)[0],
        boxes=sample.boxes * scale,
    )


def _caption(sample: Sample) -> str:
    known = sample.subject >= 0
    subject = "known" if known.all() else "partly known" if known.any() else "unknown"
    annotated = "all" if sample.complete else "not all"
    name = Path(sample.file_name).name
    if len(name) > LONGEST_NAME:
        name = f"...{name[3 - LONGEST_NAME :]}"
    return f"{name}\nsubject {subject}, {annotated} annotated"
