"""Pages of other sites: only named ones, and only the API."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from web_photos import upload

from vx_detectron.errors import ConfigError

SHOP = "https://shop.example"
API = "/api/v1/isolate"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}


@pytest.fixture(scope="module")
def shared(make_app: Any) -> FlaskClient:
    """A server whose API one site may use, with a token."""
    client: FlaskClient = make_app(CORS_ORIGINS=f"{SHOP} http://a.example:81", TOKEN="t")
    return client.test_client()


def ask(client: FlaskClient, path: str, origin: str, **headers: str) -> Any:
    given = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "X-Api-Key": "t", **headers}
    return client.post(path, headers=given, data={"image": upload("coffee.png")})


def test_a_named_site_gets_its_picture(shared: FlaskClient) -> None:
    answer = ask(shared, API, SHOP)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert "X-Reason" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_it_may_read_errors_too(shared: FlaskClient) -> None:
    answer = ask(shared, API, "http://a.example:81", **{"X-Api-Key": "wrong"})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "http://a.example:81"


@pytest.mark.parametrize("origin", ["https://shop.example.evil", "https://shop", "null", "*"])
def test_no_other_site_may(shared: FlaskClient, origin: str) -> None:
    answer = ask(shared, API, origin)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]  # else a cache would tell the shop so


def test_the_page_is_not_shared(shared: FlaskClient) -> None:
    answer = ask(shared, "/cutout", SHOP)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", [API, "/api/v1/instances/x", "/v1.0/removebg"])
def test_a_preflight_needs_no_token(shared: FlaskClient, path: str) -> None:
    answer = shared.options(path, headers={"Origin": SHOP, **PREFLIGHT})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert {"POST", "DELETE"} == {*answer.headers["Access-Control-Allow-Methods"].split(", ")}
    assert "X-Api-Key" in answer.headers["Access-Control-Allow-Headers"]


def test_a_preflight_of_another_site_permits_nothing(shared: FlaskClient) -> None:
    answer = shared.options(API, headers={"Origin": "https://evil.example", **PREFLIGHT})
    assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]


def test_it_is_off_by_default(client: FlaskClient) -> None:
    answer = client.options(API, headers={"Origin": SHOP, **PREFLIGHT})
    assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]
    assert ask(client, API, SHOP).status_code == 403


@pytest.mark.parametrize("origin", ["*", "null", "shop.example", "https://shop.example/", "x://y"])
def test_what_is_no_origin_is_refused(make_app: Any, origin: str) -> None:
    with pytest.raises(ConfigError, match="CORS_ORIGINS"):
        make_app(CORS_ORIGINS=[origin])
