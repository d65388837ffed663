"""From a request's fields to the picture, layers or record in the response."""

from __future__ import annotations

import io
from dataclasses import replace

import cv2
from flask import Response

from vx_detectron.deliver.cutout import Cutout
from vx_detectron.deliver.finish import Finish
from vx_detectron.deliver.layers import openraster, subject_layers
from vx_detectron.deliver.record import record_of, subject_record, to_line
from vx_detectron.image_io import Photo, shrunk
from vx_detectron.pipeline import OpenPhoto
from vx_detectron.structures import FloatArray, Instances, Subject
from web.gate import Turn
from web.orders import Fields, Order, read_order, read_upload
from web.outlines import held_thing, outline
from web.service import service

TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "tiff": "image/tiff",
    "ora": "image/openraster",
}


def isolate_upload(given: Fields) -> Response:
    """Cut the subject out of an uploaded photo.

    Args:
        given: as ``schemas.UploadAndOptions`` loads it.

    Raises:
        VxError, WebError: as ``errors`` lists them.
    """
    here = service()

    def work(turn: Turn) -> Response:
        order = read_order(given, here.isolator.refine_options, here.max_pixels)
        photo = read_upload(given["image"], here.max_pixels)
        cutout = here.isolator.isolate(
            photo,
            order.choice,
            order.refine_options,
            hints=order.hints,
            start=order.start,
            megapixels=order.cut_megapixels,
            check=turn.check,
        )
        here.metrics.took(cutout.provenance.seconds)
        turn.check()
        return answer_with(cutout, order, photo.pixels.shape[1])

    return here.run(work)


def answer_with(cutout: Cutout, order: Order, width: int) -> Response:
    """The requested picture, layers or record; its headers say why this is the subject.

    Args:
        cutout: of the photo, or of a smaller one.
        order: the request.
        width: of the photo itself, whose pixels the order means.

    Raises:
        ImageError: the format cannot store the picture.
    """
    if order.format == "json":
        return Response(to_line(record_of(cutout)), mimetype="application/json")
    photo, alpha = shrink(cutout.photo, cutout.alpha, order.megapixels)
    finish = replace(order.finish, edge=order.finish.edge.scaled(alpha.shape[1] / width))
    file = io.BytesIO()
    if order.format == "ora":
        merged, layers = subject_layers(photo, alpha, finish)
        file.write(openraster(merged, layers, photo.icc_profile, photo.dpi))
    else:
        finish.write(file, photo, alpha)
    answer = Response(file.getvalue(), mimetype=TYPES[order.format])
    answer.headers["X-Reason"] = cutout.subject.reason.encode("ascii", "replace").decode()
    answer.headers["X-Instances"] = ",".join(map(str, cutout.subject.chosen))
    answer.headers["X-Photo-Box"] = _photo_box(finish, photo, alpha)
    answer.headers["Content-Disposition"] = f'inline; filename="cutout.{order.format}"'
    return answer


def _photo_box(finish: Finish, photo: Photo, alpha: FloatArray) -> str:
    """Where the photo lies in the result: left, top, width and height, in pixels of the result."""
    layout = finish.layout(finish.edged(photo, alpha))
    height, width = (layout.factor * side for side in alpha.shape)
    return f"{layout.left},{layout.top},{width:.2f},{height:.2f}"


def shrink(photo: Photo, alpha: FloatArray, megapixels: float | None) -> tuple[Photo, FloatArray]:
    """Photo and alpha with at most that many million pixels, in their own proportions."""
    small = photo if megapixels is None else shrunk(photo, megapixels)
    if small is photo:
        return photo, alpha
    size = small.pixels.shape[1::-1]
    return small, cv2.resize(alpha, size, interpolation=cv2.INTER_AREA).clip(0, 1)


def describe(found: OpenPhoto, subject: Subject) -> dict[str, object]:
    """What was found in an opened photo; see ``schemas.OpenedOut``."""
    instances = found.instances
    height, width = instances.image_size
    return {
        "width": width,
        "height": height,
        "subject": subject_record(subject, instances),
        "instances": [_instance(instances, index) for index in range(len(instances))],
        "notes": list(found.photo.notes),
    }


def _instance(instances: Instances, index: int) -> dict[str, object]:
    x0, y0, x1, y1 = (float(side) for side in instances.boxes[index])
    return {
        "label": instances.label(index),
        "is_region": bool(instances.is_region[index]),
        "score": float(instances.scores[index]),
        "box": [x0, y0, x1 - x0, y1 - y0],
        "outline": outline(instances, index),
        "holds": held_thing(instances, index),
    }
