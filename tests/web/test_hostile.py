"""What strangers send: nothing of it may cost more than its answer."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_photos import picture_upload, upload

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 60,000 x 60,000."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def send(client: FlaskClient, data: bytes, name: str = "photo.jpg") -> Any:
    return client.post("/api/v1/isolate", data={"image": (io.BytesIO(data), name)})


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", JPEG, bomb()],
    ids=["empty", "text", "svg", "pdf", "cut short", "bomb"],
)
def test_what_is_no_photo_is_refused(client: FlaskClient, data: bytes) -> None:
    answer = send(client, data)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_picture")
    assert "photo.jpg" not in answer.get_data(as_text=True)  # names of files are private


def test_a_large_file_is_refused_unread(make_app: Any) -> None:
    client = make_app(MAX_CONTENT_LENGTH=1000).test_client()
    answer = send(client, b"x" * 2000)
    assert (answer.status_code, answer.get_json()["code"]) == (413, "too_large")


def test_many_pixels_are_refused(make_app: Any) -> None:
    client = make_app(MAX_PIXELS=10_000).test_client()
    picture = picture_upload(np.zeros((101, 100, 3), dtype=np.uint8))
    answer = client.post("/api/v1/isolate", data={"image": picture})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_picture")


def test_a_form_of_many_parts_is_refused(client: FlaskClient) -> None:
    fields = {f"field{number}": "x" for number in range(100)}
    answer = client.post("/api/v1/isolate", data={"image": upload("coffee.png"), **fields})
    assert answer.status_code == 413


def test_a_form_of_long_words_is_refused(client: FlaskClient) -> None:
    answer = client.post(
        "/api/v1/isolate", data={"image": upload("coffee.png"), "subject": "x" * 300_000}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
])  # fmt: skip
@pytest.mark.parametrize("path", ["/cutout", "/api/v1/instances", "/v1.0/removebg"])
def test_pages_of_other_sites_are_refused(
    client: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    answer = client.post(path, data={"image": upload("coffee.png")}, headers=headers)
    assert answer.status_code == 403


def test_our_own_page_is_let_through(client: FlaskClient) -> None:
    for headers in ({"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}):
        assert client.post("/cutout", headers=headers).status_code == 422  # no photo, but heard


def test_another_name_for_this_machine_is_refused(client: FlaskClient) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "10.0.0.7:8000", "[::1]:8000"])
def test_an_address_needs_no_name(client: FlaskClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["[::1", "[evil.example]", "127.0.0.1.evil.example", "::1"])
def test_what_only_looks_like_an_address_is_refused(client: FlaskClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 400


def test_the_token_opens_everything(make_app: Any) -> None:
    client = make_app(TOKEN="secret").test_client()
    assert client.get("/health").status_code == client.get("/ready").status_code == 200
    refused = client.get("/metrics")
    assert refused.status_code == 401 and "Basic" in refused.headers["WWW-Authenticate"]
    for headers in ({"Authorization": "Bearer secret"}, {"X-Api-Key": "secret"}):
        assert client.get("/", headers=headers).status_code == 200
    assert client.get("/", auth=("anyone", "secret")).status_code == 200
    assert client.get("/", auth=("anyone", "sécret")).status_code == 401
    assert client.get("/", headers={"X-Api-Key": "sesame"}).status_code == 401


def test_too_many_requests_are_told_when_to_come_back(make_app: Any) -> None:
    client = make_app(RATE_LIMIT="2 per minute").test_client()
    codes = [client.post("/api/v1/isolate").status_code for _ in range(3)]
    assert codes == [422, 422, 429]
    refused = client.post("/api/v1/isolate")
    assert refused.get_json()["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 61  # rounded up
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/isolate", "/api/v1/instances"])
def test_who_takes_too_long_is_told_when_to_come_back(make_app: Any, path: str) -> None:
    client = make_app(TIME_LIMIT=0.0).test_client()
    answer = client.post(path, data={"image": upload("coffee.png")})
    assert (answer.status_code, answer.get_json()["code"]) == (503, "too_slow")
    assert int(answer.headers["Retry-After"]) >= 1


def test_what_nobody_foresaw_tells_nothing(make_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app: Flask = make_app()

    def fail() -> str:
        raise RuntimeError("the secret path /home/someone")

    app.view_functions["operations.health"] = fail
    answer = app.test_client().get("/health")
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal")
    assert "secret" not in answer.get_data(as_text=True)


def test_every_answer_has_the_headers(client: FlaskClient) -> None:
    for path in ("/", "/health", "/nothing", "/static/js/main.js", "/docs/"):
        with client.get(path) as answer:  # one is a file
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/").headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in client.get("/").headers
