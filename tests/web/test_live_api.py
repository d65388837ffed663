"""The Live tab's server: small frames in, masks out, and what it refuses."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from skimage import data


def jpeg(size: tuple[int, int] = (240, 240)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(cv2.resize(data.astronaut(), size)).save(file, "jpeg")
    return file.getvalue()


@pytest.fixture
def name(client: FlaskClient) -> str:
    answer = client.post("/live/start")
    assert answer.status_code == 200
    found: str = answer.get_json()["id"]
    return found


def frame(client: FlaskClient, name: str, body: bytes, **headers: str) -> object:
    return client.post(
        "/live/frame", data=body, headers={"X-Live": name, **headers}, content_type="image/jpeg"
    )


def test_the_page_is_linked(client: FlaskClient) -> None:
    assert b'href="/live/"' in client.get("/").data
    page = client.get("/live/")
    assert page.status_code == 200
    assert b"live.js" in page.data


def test_a_mask_of_every_frame(client: FlaskClient, name: str) -> None:
    for state in ("chosen", "followed"):
        answer = frame(client, name, jpeg())
        assert answer.status_code == 200
        assert answer.headers["X-State"] == state
        assert "person" in answer.headers["X-Labels"]
        mask = np.frombuffer(answer.data, np.uint8).reshape(240, 240)
        assert mask[180, 120] > 200  # her suit
        assert mask[5, 5] < 50


def test_pointing_chooses(client: FlaskClient, name: str) -> None:
    frame(client, name, jpeg())
    assert frame(client, name, jpeg(), **{"X-Point": "120,150"}).status_code == 200
    assert frame(client, name, jpeg(), **{"X-Point": "one,two"}).status_code == 422
    assert frame(client, name, jpeg(), **{"X-Point": "-5,3"}).status_code == 422


def test_frames_are_not_counted_but_starts_are(make_app) -> None:  # type: ignore[no-untyped-def]
    client = make_app(RATE_LIMIT="2 per minute").test_client()
    name = client.post("/live/start").get_json()["id"]
    for _ in range(4):
        assert frame(client, name, jpeg()).status_code == 200
    client.post("/live/start")
    assert client.post("/live/start").status_code == 429


def test_what_is_refused(client: FlaskClient, name: str) -> None:
    assert frame(client, "unknown", jpeg()).status_code == 404
    assert frame(client, name, b"nothing").status_code in (400, 415, 422)
    assert frame(client, name, jpeg((900, 900))).status_code == 422
    assert frame(client, name, bytes(600 * 1024)).status_code == 413
    text = client.post("/live/frame", data="x", headers={"X-Live": name}, content_type="text/plain")
    assert text.status_code == 415
    other = client.post("/live/start", headers={"Sec-Fetch-Site": "cross-site"})
    assert other.status_code == 403


def test_an_ended_one_is_gone(client: FlaskClient, name: str) -> None:
    assert client.post("/live/end", headers={"X-Live": name}).status_code == 204
    assert frame(client, name, jpeg()).status_code == 404
