"""Hints through the API: obeyed, refused by name, and told in the record."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from web_photos import half, picture_upload, pixels_of, upload, without_subject

from vx_detectron.interactive import Hints
from vx_detectron.pipeline import Isolator
from vx_detectron.subject import Choice

FLAG = (20, 20)  # x, y in the astronaut at half its size; the cut leaves the flag out
SUIT = (40, 190)


def compose(client: FlaskClient, name: str, hints: Any, **fields: Any) -> Any:
    data = {"hints": hints if isinstance(hints, str) else json.dumps(hints), **fields}
    return client.post(f"/api/v1/instances/{name}/compose", data=data)


def mask(answer: Any) -> Any:
    assert answer.status_code == 200, answer.get_json()
    return pixels_of(answer.data)


def test_a_drop_stroke_is_obeyed_and_told(
    client: FlaskClient, astronaut_id: str, isolator: Isolator
) -> None:
    stroke = {"kind": "drop", "width": 9, "points": [[30, 180], [50, 200]]}
    hints = {"keep": [], "drop": [], "strokes": [stroke], "box": None}
    cut = mask(compose(client, astronaut_id, hints, mask_only="true"))
    assert cut[190, 40] == 0 and (cut[40:75, 95:130] > 250).mean() > 0.98
    record = compose(client, astronaut_id, hints, format="json").get_json()
    assert record["hints"] == hints
    assert record["provenance"]["hints"] == isolator.segmenter.name
    assert "person" in record["subject"]["labels"]
    assert "corrected by 1 stroke" in record["subject"]["reason"]


def test_without_a_choice_hints_start_from_nothing(client: FlaskClient, astronaut_id: str) -> None:
    flag = mask(compose(client, astronaut_id, {"keep": [FLAG]}, mask_only="true"))
    assert flag[FLAG[1], FLAG[0]] == 255
    assert flag[40:75, 95:130].mean() < 5  # the face
    both = compose(client, astronaut_id, {"keep": [FLAG]}, start="cut", mask_only="true")
    added = mask(both)
    assert added[FLAG[1], FLAG[0]] == 255 and (added[40:75, 95:130] > 250).mean() > 0.98


def test_a_photo_without_instances_is_no_dead_end(client: FlaskClient) -> None:
    pixels = without_subject()
    pixels[40:80, 60:100] = (200, 40, 40)
    opened = client.post("/api/v1/instances", data={"image": picture_upload(pixels)}).get_json()
    cut = mask(compose(client, opened["id"], {"keep": [[80, 60]]}, mask_only="true"))
    assert cut[45:75, 65:95].mean() > 245 and cut[:30].mean() < 10
    boxed = mask(compose(client, opened["id"], {"box": [50, 30, 110, 90]}, mask_only="true"))
    assert boxed[45:75, 65:95].mean() > 245 and (boxed[:30] == 0).all()


def test_it_is_what_the_package_does(
    client: FlaskClient, astronaut_id: str, isolator: Isolator
) -> None:
    hints = Hints(drop=(SUIT,))
    expected = isolator.isolate(half("astronaut.png"), Choice(label="person"), hints=hints)
    fields = {"subject": "person", "mask_only": "true"}
    cut = mask(compose(client, astronaut_id, hints.to_json(), **fields))
    assert np.array_equal(cut, np.rint(expected.alpha * 255))
    data = {"image": upload("astronaut.png"), "hints": json.dumps(hints.to_json()), **fields}
    assert np.array_equal(mask(client.post("/api/v1/isolate", data=data)), cut)


@pytest.mark.parametrize(
    ("hints", "words"),
    [
        ("{", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ("[]", "hints must be an object"),
        ({"keeps": []}, "hints may have keep, drop, strokes, box, got 'keeps'"),
        ({"keep": [[1]]}, "keep[0] must be finite numbers x, y"),
        ('{"drop": [[1, NaN]]}', "drop[0] must be finite numbers"),
        ({"keep": [[1000, 5]]}, "keep[0] must lie within the photo, 256 x 256 pixels"),
        ({"keep": [[1, 1]] * 201}, "keep may have 200 entries at most"),
        ({"strokes": [{"kind": "drop", "width": 0.5, "points": [[1, 1]]}]}, "strokes[0].width"),
        ({"strokes": [{"kind": "drop", "width": 300, "points": [[1, 1]]}]}, "strokes[0].width"),
        ({"strokes": [{"kind": "cut", "width": 5, "points": [[1, 1]]}]}, "strokes[0].kind"),
        ({"strokes": [{"kind": "keep", "width": 5, "points": []}]}, "strokes[0].points"),
        ({"strokes": [{"kind": "keep", "width": 5}]}, "strokes[0].points is missing"),
        ({"box": [5, 5, 5, 9]}, "box must be x0, y0, x1, y1"),
        ({"box": [300, 5, 310, 9]}, "box must overlap the photo"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    client: FlaskClient, astronaut_id: str, hints: Any, words: str
) -> None:
    answer = compose(client, astronaut_id, hints)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (422, "bad_option")
    assert problem["detail"].startswith("hints: ") and words in problem["detail"]
    assert words in problem["errors"]["hints"][0]


def test_start_needs_hints(client: FlaskClient, astronaut_id: str) -> None:
    answer = client.post(f"/api/v1/instances/{astronaut_id}/compose", data={"start": "cut"})
    assert answer.status_code == 422 and "start" in answer.get_json()["detail"]


def test_all_the_strokes_that_there_may_be_are_taken(
    client: FlaskClient, astronaut_id: str
) -> None:
    points = [[round(100 + 50 * np.cos(k), 2), round(60 + 30 * np.sin(k), 2)] for k in range(2000)]
    most = {"strokes": [{"kind": "keep", "width": 5.25, "points": points}] * 3}
    text = json.dumps({"strokes": most["strokes"] * 66})  # more than a form of words may have
    assert len(text) > 4_000_000
    assert mask(compose(client, astronaut_id, most, mask_only="true"))[60, 150] == 255
    too_long = compose(client, astronaut_id, text + " " * 8_000_000)
    assert (too_long.status_code, too_long.get_json()["code"]) == (413, "form_too_large")


def test_all_dropped_is_no_subject(client: FlaskClient, astronaut_id: str) -> None:
    corners = [[0, 0], [256, 0], [256, 256], [0, 256]]
    wide = {"kind": "drop", "width": 256, "points": corners}
    answer = compose(client, astronaut_id, {"strokes": [wide] * 2})
    assert answer.get_json()["code"] == "no_subject"
