"""The route for clients of remove.bg: fields, headers and errors as its reference has them."""

from __future__ import annotations

import base64
import io
import time
import zipfile
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
    {"image_url": "http://127.0.0.1/"}, {"bg_image_url": "http://127.0.0.1/"},
    {"channels": "beta"}, {"add_shadow": "true"}, {"shadow_type": "drop"}, {"colour": "red"},
    {"roi": "1 2 3"}, {"roi": "5 5 5 5"}, {"bg_color": "blur"}, {"bg_color": "12345"},
    {"size": "huge"}, {"crop_margin": "51%"}, {"crop_margin": "1 2 3"}, {"scale": "5%"},
    {"position": "middle"}, {"position": "10% 101%"}, {"type_level": "3"},
])  # fmt: skip
def test_what_is_not_there_is_refused_by_name(client: FlaskClient, fields: dict[str, str]) -> None:
    for answer in (remove(client, **fields), remove_json(client, **fields)):
        assert answer.status_code == 400
        (name,) = fields
        assert name in answer.get_json()["errors"][0]["title"]


def test_values_that_ask_for_nothing_are_let_through(client: FlaskClient) -> None:
    answer = remove(
        client, channels="rgba", scale="original", position="original", image_url="",
        crop_margin="", add_shadow="false", semitransparency="true", shadow_type="none",
    )  # fmt: skip
    assert answer.status_code == 200


def remove_json(client: FlaskClient, **fields: Any) -> Any:
    photo = base64.b64encode(upload("astronaut.png")[0].read()).decode()
    return client.post("/v1.0/removebg", json={"image_file_b64": photo, **fields})


def test_json_and_base64_give_the_same_picture(client: FlaskClient) -> None:
    expected = remove(client, size="full", crop="true").data
    assert remove_json(client, size="full", crop=True, image_url=None).data == expected
    photo = base64.b64encode(upload("astronaut.png")[0].read()).decode()
    address = f"data:image/png;base64,{photo}"
    for data in (photo, address):
        fields = {"image_file_b64": data, "size": "full", "crop": "true"}
        assert client.post("/v1.0/removebg", data=fields).data == expected


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400), (b"[1]", 400), (b'{"image_file_b64": "*"}', 400), (b"{}", 400),
        (b'{"image_file_b64": ["a"]}', 400), (b"[" * 100_000, 413), (b"{" + b"," * 1000, 413),
    ],
)  # fmt: skip
def test_bad_json_is_said_so(client: FlaskClient, body: bytes, status: int) -> None:
    answer = client.post("/v1.0/removebg", data=body, content_type="application/json")
    assert answer.status_code == status and answer.get_json()["errors"][0]["title"]


def test_one_photo_is_wanted(client: FlaskClient) -> None:
    both = remove(client, image_file_b64="aaaa")
    neither = client.post("/v1.0/removebg", data={"size": "full"})
    for answer in (both, neither):
        assert answer.status_code == 400
        assert "image_file_b64" in answer.get_json()["errors"][0]["title"]


def box_of(alpha: ByteArray) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what is visible."""
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def disc(client: FlaskClient, **fields: str) -> ByteArray:
    """RGBA of the disc of 300 pixels in 600 x 600, as it is placed."""
    answer = remove(client, image_file=picture_upload(photo_of_a_disc()), size="full", **fields)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    pixels = pixels_of(answer.data)
    top, bottom, left, right = box_of(pixels[..., 3])
    told = [int(answer.headers[f"X-Foreground-{one}"]) for one in ("Top", "Height", "Left")]
    assert told == [top, bottom - top, left]
    assert (int(answer.headers["X-Height"]), int(answer.headers["X-Width"])) == pixels.shape[:2]
    # Red inside, whatever was done to it.
    centre = pixels[(top + bottom) // 2, (left + right) // 2].astype(int)
    assert np.abs(centre - (200, 50, 40, 255)).max() <= 3
    return pixels


def test_crop_margins_are_kept(client: FlaskClient) -> None:
    tight = disc(client, crop="true")
    height, width = tight.shape[:2]
    assert abs(height - 300) <= 8 and abs(width - 300) <= 8
    even = disc(client, crop="true", crop_margin="30px")
    assert even.shape[:2] == (height + 60, width + 60)
    assert np.array_equal(even[30:-30, 30:-30], tight) and not even[:30, :, 3].any()
    assert disc(client, crop="true", crop_margin="10px 20px").shape[:2] == (height + 20, width + 40)
    four = disc(client, crop="true", crop_margin="1px 2px 3px 4px")
    assert np.array_equal(four[1:-3, 4:-2], tight)
    share = disc(client, crop="true", crop_margin="50%")  # farther than the photo reaches
    assert share.shape[:2] == tuple(side + 2 * ((side + 1) // 2) for side in (height, width))


def test_the_subject_is_scaled_and_placed(client: FlaskClient) -> None:
    whole = box_of(disc(client)[..., 3])
    half = disc(client, scale="25%")
    top, bottom, left, right = box_of(half[..., 3])
    assert half.shape == (600, 600, 4)
    assert max(bottom - top, right - left) == pytest.approx(150, abs=2)
    assert (top + bottom) / 2 == pytest.approx(300, abs=2) == (left + right) / 2
    top, bottom, left, right = box_of(disc(client, scale="100%")[..., 3])
    assert max(bottom - top, right - left) == pytest.approx(600, abs=2)
    top, bottom, left, right = box_of(disc(client, position="0% 100%")[..., 3])
    assert (bottom, left) == (600, 0)
    assert (bottom - top, right - left) == (whole[1] - whole[0], whole[3] - whole[2])
    assert box_of(disc(client, position="center", scale="50%")[..., 3])[0] == pytest.approx(
        150, abs=2
    )


def test_alpha_alone(client: FlaskClient) -> None:
    answer = remove(client, size="full", channels="alpha")
    expected = pixels_of(remove(client, size="full").data)[..., 3]
    assert answer.mimetype == "image/png" and np.array_equal(pixels_of(answer.data), expected)


def test_a_zip_has_colours_and_alpha(client: FlaskClient) -> None:
    answer = remove(client, size="full", format="zip")
    expected = pixels_of(remove(client, size="full").data)
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        colours = pixels_of(archive.read("color.jpg"))
        alpha = pixels_of(archive.read("alpha.png"))
    assert np.array_equal(alpha, expected[..., 3])
    solid = alpha == 255
    assert np.abs(colours[solid].astype(int) - expected[solid][:, :3]).mean() < 3


def test_a_colour_may_be_half_transparent(client: FlaskClient) -> None:
    expected = pixels_of(remove(client, size="full").data).astype(float)
    for colour in ("33669980", "#33669980", "3698"):
        answer = remove(client, size="full", bg_color=colour)
        pixels = pixels_of(answer.data).astype(float)
        level = 0x88 if len(colour) == 4 else 0x80
        wall = expected[..., 3] == 0
        assert (pixels[wall] == (0x33, 0x66, 0x99, level)).all()
        assert np.array_equal(pixels[~wall & (expected[..., 3] == 255)],
                              expected[~wall & (expected[..., 3] == 255)])  # fmt: skip
        # At the edge: the subject over the colour, as one would paint it.
        share, faded = expected[..., 3:] / 255, level / 255
        opacity = share + (1 - share) * faded
        mixed = expected[..., :3] * share + np.array((0x33, 0x66, 0x99)) * (1 - share) * faded
        soft = (expected[..., 3] > 0) & (expected[..., 3] < 255)
        assert np.abs(pixels[..., :3] - mixed / opacity)[soft].max() <= 4
        assert np.abs(pixels[..., 3:] - opacity * 255)[soft].max() <= 1
    refused = remove(client, bg_color="33669980", format="jpg")
    assert refused.status_code == 400 and "bg_color" in refused.get_json()["errors"][0]["title"]


def test_the_level_of_types_is_minded(client: FlaskClient) -> None:
    assert remove(client, type_level="1").headers["X-Type"] == "person"
    assert "X-Type" not in remove(client, type_level="none").headers


def test_its_clients_find_what_they_look_for(make_app: Any) -> None:
    client = make_app(TOKEN="a long and secret key", RATE_LIMIT="5 per minute").test_client()
    for path, method in (("/v1.0/removebg", "POST"), ("/v1.0/account", "GET")):
        refused = client.open(path, method=method)
        assert refused.status_code == 403 and "WWW-Authenticate" not in refused.headers
        assert refused.get_json()["errors"][0]["code"] == "auth_failed"
    key = {"X-Api-Key": "a long and secret key"}
    first = remove(client, headers=key)
    assert first.headers["X-RateLimit-Limit"] == "5"
    assert first.headers["X-RateLimit-Remaining"] == "4"
    assert 0 <= int(first.headers["X-RateLimit-Reset"]) - time.time() <= 61
    attributes = client.get("/v1.0/account", headers=key).get_json()["data"]["attributes"]
    assert attributes["credits"]["total"] > 0 and attributes["api"] == {
        "free_calls": 4,
        "sizes": "all",
    }


def test_a_form_of_many_words_is_refused(client: FlaskClient) -> None:
    answer = client.post(
        "/v1.0/removebg", data=b"a&" * 1000, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 413
