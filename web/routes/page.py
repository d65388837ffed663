"""The page, which works without JavaScript too, and the pictures in it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import Response, abort, current_app, render_template
from skimage.data import data_dir

from vx_detectron.image_io import read_photo, shrunk, write_picture
from web import scenes
from web.cutting import isolate_upload
from web.schemas import UploadAndOptions

blueprint = APIBlueprint("page", __name__, enable_openapi=False)

_THUMBNAIL = 96, 128  # height and width of a scene's button, at twice its size
_SAMPLES = {  # photos in the public domain that scikit-image ships
    "astronaut": "An astronaut",
    "cat": "A cat",
    "coffee": "A cup of coffee",
}
_FILES = {"cat": "chelsea"}
_COLOURS = [
    ("White", "#ffffff"),
    ("Black", "#000000"),
    ("Grey", "#e5e5e5"),
    ("Sand", "#eadfce"),
    ("Rose", "#f3cfd0"),
    ("Sky", "#cfe3f5"),
    ("Mint", "#cdeadd"),
    ("Lemon", "#fbe9a8"),
]
_GRADIENTS = [
    ("Paper", "#ffffff", "#dcdcdc"),
    ("Dawn", "#fde2d0", "#b9c6f2"),
    ("Lagoon", "#d3f1ec", "#3f8fa8"),
    ("Night", "#3a4a6b", "#12151f"),
]
_CANVASES = [
    ("photo", "Photo", "The photo's own frame"),
    ("subject", "Subject", "Cropped to the subject, within the photo"),
    ("1:1", "1 : 1", "Square"),
    ("4:5", "4 : 5", "Upright, for social networks"),
    ("16:9", "16 : 9", "Wide, for banners and slides"),
    ("1600x1600", "1600 px", "Square of 1600 pixels, for marketplaces"),
    ("2000x2000", "2000 px", "Square of 2000 pixels, for marketplaces"),
]
_SAMPLE_MEGAPIXELS = 0.06


@blueprint.get("/")
def show() -> str:
    """The page."""
    return render_template(
        "page.html",
        scenes=scenes.NAMES,
        samples=_SAMPLES,
        colours=_COLOURS,
        gradients=_GRADIENTS,
        canvases=_CANVASES,
        max_bytes=current_app.config["MAX_CONTENT_LENGTH"],
        lifetime=round(current_app.config["PHOTO_LIFETIME"] / 60),
    )


@blueprint.post("/cutout")
@blueprint.input(UploadAndOptions, location="form_and_files")
def cut(form_and_files_data: dict[str, Any]) -> Response:
    """A form in, a download out: what the page does without JavaScript."""
    answer = isolate_upload(form_and_files_data)
    answer.headers["Content-Disposition"] = (
        f'attachment; filename="cutout.{form_and_files_data["format"]}"'
    )
    return answer


@blueprint.get("/scenes/<name>.webp")
def scene(name: str) -> Response:
    """A scene, small, for its button."""
    if name not in scenes.NAMES:
        abort(404)
    file = io.BytesIO()
    write_picture(file, scenes.draw(name, *_THUMBNAIL), format="webp", quality=85)
    answer = Response(file.getvalue(), mimetype="image/webp")
    answer.cache_control.max_age = 86_400
    return answer


@blueprint.get("/samples/<name>.png")
def sample(name: str) -> Response:
    """A photo to try the page with."""
    answer = Response(_sample_file(name).read_bytes(), mimetype="image/png")
    answer.cache_control.max_age = 86_400
    return answer


@blueprint.get("/samples/<name>.webp")
def sample_button(name: str) -> Response:
    """That photo, small, for its button."""
    photo = shrunk(read_photo(_sample_file(name)), _SAMPLE_MEGAPIXELS)
    file = io.BytesIO()
    write_picture(file, photo.pixels, format="webp", quality=80)
    answer = Response(file.getvalue(), mimetype="image/webp")
    answer.cache_control.max_age = 86_400
    return answer


def _sample_file(name: str) -> Path:
    if name not in _SAMPLES:
        abort(404)
    return Path(data_dir) / f"{_FILES.get(name, name)}.png"
