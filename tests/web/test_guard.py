"""Tokens, and what requests may carry: what is refused, what is counted, what is written down."""

from __future__ import annotations

import base64
import io
import logging
from typing import Any

import pytest
from flask.testing import FlaskClient
from web_photos import upload

from vx_detectron.errors import ConfigError

TOKEN = "a long and secret token"
RIGHT = {"X-Api-Key": TOKEN}
WRONG = {"X-Api-Key": "guess"}


@pytest.fixture
def locked(make_app: Any) -> FlaskClient:
    """A server with a token, of which three wrong ones a minute are heard."""
    client: FlaskClient = make_app(TOKEN=TOKEN, WRONG_TOKENS="3 per minute").test_client()
    return client


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"user:{password}".encode()).decode()}


def test_wrong_tokens_are_counted_by_any_method(locked: FlaskClient) -> None:
    codes = [locked.get("/", headers=WRONG).status_code for _ in range(2)]
    codes += [locked.post("/api/v1/isolate", headers=WRONG).status_code for _ in range(2)]
    assert codes == [401, 401, 401, 429]
    answer = locked.get("/metrics", headers=basic("another guess"))
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1


def test_guesses_do_not_lock_the_rightful_user_out(locked: FlaskClient) -> None:
    for _ in range(10):
        locked.post("/api/v1/isolate", headers=WRONG)
    assert locked.get("/", headers=RIGHT).status_code == 200
    photo = {"image": upload("coffee.png")}
    assert locked.post("/api/v1/isolate", headers=RIGHT, data=photo).status_code == 200
    asked = locked.get("/")  # a browser, before its user has been asked
    assert asked.status_code == 401 and "Basic" in asked.headers["WWW-Authenticate"]


def test_guesses_do_not_use_up_the_rate(make_app: Any) -> None:
    client = make_app(TOKEN=TOKEN, RATE_LIMIT="1 per minute").test_client()
    for _ in range(3):
        assert client.post("/api/v1/isolate", headers=WRONG).status_code == 401
    assert client.post("/api/v1/isolate", headers=RIGHT).status_code == 422
    assert client.post("/api/v1/isolate", headers=RIGHT).status_code == 429


@pytest.mark.parametrize("other", [basic("of the proxy"), {"Authorization": "Bearer of-the-proxy"}])
def test_a_proxy_s_authorization_does_not_hide_our_key(
    locked: FlaskClient, other: dict[str, str]
) -> None:
    assert locked.get("/", headers={**RIGHT, **other}).status_code == 200
    assert locked.get("/", headers={**WRONG, **basic(TOKEN)}).status_code == 200
    assert locked.get("/", headers={**WRONG, **other}).status_code == 401


@pytest.mark.parametrize("name", ["waitress", "werkzeug"])
def test_ids_of_photos_are_not_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger(name).info(
            'Client disconnected while serving %s "%s"',
            "/api/v1/instances/SECRET-id_1/compose", "DELETE /api/v1/instances/SECRET HTTP/1.1",
        )  # fmt: skip
    assert "SECRET" not in caplog.text
    assert "/api/v1/instances/.../compose" in caplog.text


def test_a_token_that_can_be_guessed_is_warned_of(
    make_app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    make_app(TOKEN="secret")
    assert "fewer than 16 characters" in caplog.text and "secret " not in caplog.text
    caplog.clear()
    make_app(TOKEN=TOKEN)
    assert not caplog.text


def test_a_rate_that_makes_no_sense_is_refused(make_app: Any) -> None:
    with pytest.raises(ConfigError, match="RATE_LIMIT must be like"):
        make_app(RATE_LIMIT="many per day")


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("image/jpeg", "image/jpeg"),
        ("application/json", "application/json"),
        ("", "no Content-Type"),
        ("multipart/form-data", "boundary"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/isolate", "/api/v1/instances", "/cutout"])
def test_a_body_that_is_no_form_is_415(
    client: FlaskClient, path: str, kind: str, word: str
) -> None:
    answer = client.post(path, data=b"\xff\xd8\xff", headers={"Content-Type": kind})
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (415, "bad_media_type")
    assert word in problem["detail"] and "curl -F image=@" in problem["hint"]


def test_a_compressed_body_is_415(client: FlaskClient) -> None:
    data = {"image": upload("coffee.png")}
    answer = client.post("/api/v1/isolate", data=data, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415 and "Content-Encoding" in answer.get_json()["detail"]


@pytest.mark.parametrize("path", ["/api/v1/isolate", "/cutout"])
def test_options_in_the_address_are_refused_by_name(client: FlaskClient, path: str) -> None:
    answer = client.post(f"{path}?format=webp&crop=1", data={"image": upload("coffee.png")})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_option")
    assert "crop, format" in answer.get_json()["detail"]


def test_a_second_photo_is_refused(client: FlaskClient) -> None:
    data = {"image": [upload("coffee.png"), upload("astronaut.png")]}
    answer = client.post("/api/v1/isolate", data=data)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_option")
    assert answer.get_json()["detail"] == "image: expected once, came 2 times."
    both = {"image": upload("coffee.png"), "format": ["png", "webp"]}
    assert "format" in client.post("/api/v1/isolate", data=both).get_json()["detail"]


def test_hints_fit_their_errors(make_app: Any) -> None:
    client = make_app(
        MAX_PIXELS=10_000, MAX_CONTENT_LENGTH=300_000, MAX_FORM_MEMORY_SIZE=70_000
    ).test_client()

    def hint(**fields: Any) -> tuple[str, str]:
        problem = client.post("/api/v1/isolate", data=fields).get_json()
        return problem["code"], problem["hint"]

    code, words = hint(image=upload("coffee.png"))
    assert code == "bad_picture" and "fewer pixels" in words and "JPEG" not in words
    code, words = hint(image=(io.BytesIO(b"%PDF"), "x.pdf"))
    assert code == "bad_picture" and "JPEG" in words
    code, words = hint(image=(io.BytesIO(bytes(300_000)), "x.jpg"))
    assert code == "too_large" and "smaller" in words and "JPEG" not in words
    code, words = hint(image=upload("coffee.png"), subject="x" * 80_000)
    assert code == "form_too_large" and "fields" in words
    assert hint(subject="x" * 80_000)[0] == "form_too_large"  # in another encoding


def test_a_photo_that_is_text_is_told_how_to_become_a_file(client: FlaskClient) -> None:
    answer = client.post("/api/v1/isolate", data={"image": "photo.jpg"})
    assert answer.status_code == 422 and "image=@photo.jpg" in answer.get_json()["detail"]
    assert "missing" in client.post("/api/v1/isolate", data={"rank": 1}).get_json()["detail"]
