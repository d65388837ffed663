"""Why this is the subject, as a picture: outlines, ranks and percentages over the photo."""

from __future__ import annotations

import textwrap
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vx_detectron.deliver.mark import Mark
from vx_detectron.deliver.record import instance_records, subject_record, to_line
from vx_detectron.files import make_folder_for, write_text
from vx_detectron.image_io import Photo, write_picture
from vx_detectron.image_io.names import printable
from vx_detectron.structures import ByteArray, Candidate, Instances, Subject
from vx_detectron.subject.reasons import percent

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels

_SHOWN = 10  # candidates, best first; those of the subject are always shown
_CHOSEN, _OTHER, _BACK, _PAPER = (0, 200, 90), (255, 170, 0), (0, 0, 0), (255, 255, 255)
_LETTER = 1 / 40  # height of the letters, as a share of the photo's mean side
_SMALLEST = 10  # pixels, or they cannot be read
_GAP = 2  # pixels between two labels
_READING_SIZE = 14  # pixels, of the sentence at least


def explain(
    path: str, photo: Photo, instances: Instances, subject: Subject, mark: Mark | None = None
) -> None:
    """Write the explanation of a choice, also where there is no subject.

    Args:
        path: of the picture, a PNG; a json of the same name goes beside it.
        photo: as it was read.
        instances: what was found in it.
        subject: the choice among them, which may be empty.
        mark: which photo the result belongs to, to be written into it.

    Raises:
        ImageError, DataError: one of the files cannot be written.
    """
    record = {
        "subject": subject_record(subject, instances),
        "instances": instance_records(instances),
    }
    make_folder_for(path)
    picture = explanation(photo.pixels, instances, subject)
    write_text(Path(record_path(path)), to_line(record) + "\n")
    software = None if mark is None else str(mark)
    write_picture(path, picture, format="png", icc_profile=photo.icc_profile, software=software)


def record_path(explanation: str) -> str:
    """Where the json of an explanation goes: beside its picture."""
    return str(Path(explanation).with_suffix(".json"))


def explanation(image: ByteArray, instances: Instances, subject: Subject) -> ByteArray:
    """The photo with the candidates' outlines and, below it, the reason.

    Args:
        image: uint8 (H, W, 3), RGB.
        instances: what was found in it.
        subject: the choice among them.

    Returns:
        uint8 (H + caption, W, 3), RGB. The subject's outlines are green, the others' orange.
    """
    size = max(_SMALLEST, round(_LETTER * (image.shape[0] + image.shape[1]) / 2))
    font = ImageFont.load_default(size)
    placed = list(enumerate(subject.ranking, start=1))
    shown = [pair for pair in placed if pair[0] <= _SHOWN or pair[1].index in subject.chosen]
    canvas = image.copy()
    for _, one in reversed(shown):  # the best ones last, on top
        _outline(canvas, instances, one, subject, thickness=max(1, size // 7))
    picture = Image.fromarray(canvas)
    draw, taken = ImageDraw.Draw(picture), list[Box]()
    for place, one in shown:
        text = f"{place} {one.label} {percent(one.score)}"
        box = _free_place(draw.textbbox((1, 0), text, font=font), instances, one.index, taken)
        taken.append(box)
        draw.rectangle(box, fill=_colour(one, subject))
        draw.text((box[0] + 1, box[1]), text, fill=_BACK, font=font)
    text_font = ImageFont.load_default(max(size, _READING_SIZE))
    return np.vstack([np.asarray(picture), _caption(subject.reason, image.shape[1], text_font)])


def _outline(
    canvas: ByteArray, instances: Instances, one: Candidate, subject: Subject, thickness: int
) -> None:
    mask = (instances.soft_mask(one.index) > 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, contours, -1, _colour(one, subject), thickness)


def _colour(one: Candidate, subject: Subject) -> tuple[int, int, int]:
    return _CHOSEN if one.index in subject.chosen else _OTHER


def _free_place(size: Box, instances: Instances, index: int, taken: list[Box]) -> Box:
    """The box of a text above an instance's upper left corner, or as near to that as is free."""
    height, width = instances.image_size
    right, bottom = size[2] + 1, size[3] + 1
    x = min(max(float(instances.boxes[index, 0]), 0), max(width - right, 0))
    above = float(instances.boxes[index, 1]) - bottom
    lowest = max(height - bottom, 0)
    in_way = [box for box in taken if x <= box[2] and box[0] <= x + right]
    places = [min(max(above, 0), lowest)]
    places += [
        y for box in in_way for y in (box[1] - bottom - _GAP, box[3] + _GAP) if 0 <= y <= lowest
    ]
    free = [y for y in places if all(y + bottom < box[1] or box[3] < y for box in in_way)]
    y = min(free or places, key=lambda place: abs(place - above))
    return x, y, x + right, y + bottom


def _caption(
    text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> ByteArray:
    """The text in black on white, wrapped to the width: uint8 (h, width, 3)."""
    letter = max(font.getlength("abcdefghijklmnopqrstuvwxyz") / 26, 1)
    lines = "\n".join(textwrap.wrap(printable(text), max(1, int(width / letter) - 2)))
    ruler = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    edge = round(letter)
    height = int(ruler.multiline_textbbox((0, 0), lines, font=font)[3]) + 2 * edge
    strip = Image.new("RGB", (width, height), _PAPER)
    ImageDraw.Draw(strip).multiline_text((edge, edge // 2), lines, fill=_BACK, font=font)
    return np.asarray(strip)
