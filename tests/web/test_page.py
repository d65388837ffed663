"""The page without JavaScript, and what whoever runs the server asks."""

from __future__ import annotations

import re

from flask import Flask
from flask.testing import FlaskClient
from web_photos import pixels_of, upload


def test_a_form_in_a_download_out(client: FlaskClient) -> None:
    form = client.get("/").get_data(as_text=True)
    assert re.search(r'<form[^>]*action="/cutout"[^>]*method="post"', form)
    data = {"image": upload("coffee.png"), "background": "white", "format": "png"}
    answer = client.post("/cutout", data=data, headers={"Origin": "http://localhost"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="cutout.png"'
    pixels = pixels_of(answer.data)
    assert pixels.shape == (200, 300, 3) and (pixels[2, 2] == 255).all()


def test_people_get_their_errors_as_a_page(client: FlaskClient) -> None:
    answer = client.post("/cutout", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    assert "image" in answer.get_data(as_text=True)


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(client: FlaskClient) -> None:
    for path in ("/", "/docs/"):
        page = client.get(path).get_data(as_text=True)
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_scenes_can_be_seen(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    scenes = re.findall(r'src="(/scenes/[^"]+)"', page)
    assert len(scenes) >= 3
    assert {client.get(path).mimetype for path in scenes} == {"image/webp"}
    assert client.get("/scenes/moon.webp").status_code == 404


def test_samples_can_be_seen_and_cut(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    photos = re.findall(r'data-sample="(/samples/[^"]+)"', page)
    assert len(photos) == 3
    assert {client.get(path).mimetype for path in photos} == {"image/png"}
    buttons = re.findall(r'src="(/samples/[^"]+)"', page)
    assert all(len(client.get(path).data) < 20_000 for path in buttons)
    assert client.get("/samples/moon.png").status_code == 404


def test_health_and_metrics(client: FlaskClient, astronaut_id: str) -> None:
    assert client.get("/health").get_json() == {"status": "alive"}
    client.post(f"/api/v1/instances/{astronaut_id}/compose")
    figures = client.get("/metrics").get_data(as_text=True)
    assert re.search(r'vx_answers_total\{endpoint="api.compose",status="200"\} [1-9]', figures)
    assert re.search(r"vx_opened_photos [1-9]", figures)
    assert "vx_requests_inside 0.0" in figures


def test_a_stopping_server_is_not_ready(make_app) -> None:  # type: ignore[no-untyped-def]
    app: Flask = make_app()
    app.extensions["vx"].gate.close()
    answer = app.test_client().get("/ready")
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert app.test_client().get("/health").status_code == 200
