"""The route for clients of remove.bg: fields, headers and errors as its reference has them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from web_photos import picture_upload, pixels_of, upload, without_subject

from vx_detectron.structures import ByteArray


def remove(client: FlaskClient, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    photo = fields.pop("image_file", None) or upload("astronaut.png")
    return client.post("/v1.0/removebg", data={"image_file": photo, **fields}, headers=headers)


def test_a_small_transparent_png_comes_back(client: FlaskClient) -> None:
    answer = remove(client)
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    pixels = pixels_of(answer.data)
    assert pixels.shape == (256, 256, 4)
    assert pixels[50, 110, 3] == 255 and pixels[50, 160, 3] == 0
    assert answer.headers["X-Type"] == "person"
    assert (answer.headers["X-Width"], answer.headers["X-Height"]) == ("256", "256")
    top, height = (int(answer.headers[f"X-Foreground-{name}"]) for name in ("Top", "Height"))
    rows = np.flatnonzero(pixels[..., 3].any(axis=1))
    assert (rows[0], len(rows)) == (top, height)


def test_preview_is_a_quarter_of_a_megapixel(client: FlaskClient) -> None:
    answer = remove(client, image_file=picture_upload(photo_of_a_disc()))
    assert pixels_of(answer.data).shape == (500, 500, 4)


def photo_of_a_disc() -> ByteArray:
    """A red disc on green, 600 x 600."""
    rows, columns = np.mgrid[:600, :600]
    inside = (rows - 300) ** 2 + (columns - 300) ** 2 < 150**2
    return np.where(inside[..., None], (200, 50, 40), (40, 150, 50)).astype(np.uint8)


def test_a_colour_makes_it_a_jpeg(client: FlaskClient) -> None:
    answer = remove(client, size="full", bg_color="81d4fa")
    assert answer.mimetype == "image/jpeg"
    wall = pixels_of(answer.data)[50, 160].astype(int)
    assert np.abs(wall - (0x81, 0xD4, 0xFA)).max() <= 4


def test_json_for_who_asks_for_it(client: FlaskClient) -> None:
    answer = remove(client, headers={"Accept": "application/json"}, crop="true", size="full")
    data = answer.get_json()["data"]
    with Image.open(io.BytesIO(base64.b64decode(data["result_b64"]))) as picture:
        assert picture.size == (data["foreground_width"], data["foreground_height"])
    assert data["foreground_top"] == 0


def test_nothing_outside_the_region_is_foreground(client: FlaskClient) -> None:
    answer = remove(client, size="full", roi="0% 0% 100% 50%")
    alpha = pixels_of(answer.data)[..., 3]
    assert alpha[:128].any() and not alpha[128:].any()
    assert np.array_equal(
        alpha, pixels_of(remove(client, size="full", roi="0px 0px 256px 128px").data)[..., 3]
    )


@pytest.mark.parametrize("fields", [
    {"type": "car"},
    {"image_file": "plain"},
], ids=["no such kind", "nothing there"])  # fmt: skip
def test_an_unknown_foreground_has_its_code(client: FlaskClient, fields: dict[str, Any]) -> None:
    if "image_file" in fields:
        fields = {"image_file": picture_upload(without_subject())}
    answer = remove(client, **fields)
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["code"] == "unknown_foreground"


@pytest.mark.parametrize("fields", [
    {"image_url": "http://127.0.0.1/"}, {"channels": "alpha"}, {"add_shadow": "true"},
    {"roi": "1 2 3"}, {"roi": "5 5 5 5"}, {"bg_color": "blur"}, {"size": "huge"},
])  # fmt: skip
def test_what_is_not_there_is_refused_by_name(client: FlaskClient, fields: dict[str, str]) -> None:
    answer = remove(client, **fields)
    assert answer.status_code == 400
    (name,) = fields
    assert name in answer.get_json()["errors"][0]["title"]


def test_values_that_ask_for_nothing_are_let_through(client: FlaskClient) -> None:
    answer = remove(client, channels="rgba", scale="original", position="original", image_url="")
    assert answer.status_code == 200
