"""The API as a program uses it: real photos in, pixels and problems out."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from pycocotools import mask as coco
from skimage.draw import polygon2mask
from web_photos import half, picture_upload, pixels_of, upload, without_subject

from vx_detectron.image_io.profiles import rgb_profile
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import REGION_LABEL
from vx_detectron.subject import Choice

P3 = rgb_profile(
    ((0.3127, 0.3290), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
)


def isolate(client: FlaskClient, photo: str = "astronaut.png", **fields: Any) -> Any:
    return client.post("/api/v1/isolate", data={"image": upload(photo), **fields})


def compose(client: FlaskClient, name: str, **fields: Any) -> Any:
    return client.post(f"/api/v1/instances/{name}/compose", data=fields)


def test_the_subject_comes_out_on_nothing(client: FlaskClient) -> None:
    answer = isolate(client)
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    pixels = pixels_of(answer.data)
    face, wall = np.s_[40:75, 95:130], np.s_[10:90, 150:175]
    assert (pixels[face][..., :3] == half("astronaut.png")[face]).mean() > 0.98
    assert (pixels[face][..., 3] == 255).mean() > 0.98 and (pixels[wall] == 0).mean() > 0.98
    assert "person" in answer.headers["X-Reason"]


def test_the_record_has_masks_and_reasons(client: FlaskClient, astronaut_id: str) -> None:
    record = isolate(client, format="json").get_json()
    assert (record["width"], record["height"]) == (256, 256)
    assert "person" in record["subject"]["labels"]
    mask = pixels_of(compose(client, astronaut_id, mask_only="true").data)
    assert coco.area(record["alpha"]) == pytest.approx(np.count_nonzero(mask >= 128), rel=0.01)


def test_layers_add_up_to_the_picture(client: FlaskClient, astronaut_id: str) -> None:
    data = compose(client, astronaut_id, format="ora", background="#336699").data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist()[0] == "mimetype" and archive.infolist()[0].compress_type == 0
        assert archive.read("mimetype") == b"image/openraster"
        stack = ElementTree.fromstring(archive.read("stack.xml"))
        sources = {str(one.get("name")): str(one.get("src")) for one in stack.iter("layer")}
        assert list(sources) == ["subject", "background", "photo"]
        assert [one.get("visibility") for one in stack.iter("layer")] == [
            "visible", "visible", "hidden"
        ]  # fmt: skip
        subject = pixels_of(archive.read(sources["subject"])).astype(float)
        background = pixels_of(archive.read(sources["background"])).astype(float)
        merged = pixels_of(archive.read("mergedimage.png")).astype(float)
    assert (background == (0x33, 0x66, 0x99)).all()
    share = subject[..., 3:] / 255
    assert np.abs(subject[..., :3] * share + background * (1 - share) - merged).max() <= 1.5


@pytest.mark.parametrize(
    ("format", "mimetype", "mode"),
    [("png", "image/png", 4), ("webp", "image/webp", 4), ("tiff", "image/tiff", 4)],
)
def test_transparency_in_every_format(
    client: FlaskClient, astronaut_id: str, format: str, mimetype: str, mode: int
) -> None:
    answer = compose(client, astronaut_id, format=format, background="transparent")
    assert answer.mimetype == mimetype
    assert pixels_of(answer.data).shape == (256, 256, mode)


def test_the_result_can_be_made_smaller(client: FlaskClient, astronaut_id: str) -> None:
    pixels = pixels_of(compose(client, astronaut_id, megapixels="0.01").data)
    assert pixels.shape == (100, 100, 4)
    assert not pixels[5:35, 60:67].any()  # the wall


def test_crop_and_mask(client: FlaskClient, astronaut_id: str) -> None:
    mask = pixels_of(compose(client, astronaut_id, mask_only="true").data)
    rows, columns = np.nonzero(mask)
    tight = compose(client, astronaut_id, mask_only="true", crop="true", margin="0")
    cropped = pixels_of(tight.data)
    assert cropped.shape == (np.ptp(rows) + 1, np.ptp(columns) + 1)


def test_jpg_which_has_no_transparency_is_white_where_nothing_else_is_asked_for(
    client: FlaskClient, astronaut_id: str
) -> None:
    pixels = pixels_of(compose(client, astronaut_id, format="jpg").data)
    assert pixels.shape == (256, 256, 3) and pixels[20, 160].min() > 250


def test_a_canvas_a_place_and_a_shadow(client: FlaskClient, astronaut_id: str) -> None:
    fields = {"canvas": "300x200", "margin": 10, "scale": 50, "move": "25,0"}
    answer = compose(client, astronaut_id, shadow="soft:80", background="white", **fields)
    pixels = pixels_of(answer.data)
    assert pixels.shape == (200, 300, 3)
    dark = pixels.min(axis=2) < 120
    columns = np.flatnonzero(dark.any(axis=0))
    assert columns.min() > 150 and pixels[:, :120].min() == 255  # moved to the right
    left, top, width, height = map(float, answer.headers["X-Photo-Box"].split(","))
    assert width == pytest.approx(height) and 50 < width < 150 and left > 100 and top > 0


def test_the_edge_by_hand_is_of_the_photo_whatever_the_size(
    client: FlaskClient, astronaut_id: str
) -> None:
    def area(**fields: Any) -> float:
        return float(
            pixels_of(compose(client, astronaut_id, mask_only="true", **fields).data).mean()
        )

    grown = area(grow=8) / area()
    small = area(grow=8, megapixels=0.016) / area(megapixels=0.016)
    assert grown > 1.05 and small == pytest.approx(grown, rel=0.02)


def test_a_region_knows_the_thing_that_it_is_the_whole_shape_of(client: FlaskClient) -> None:
    opened = client.post("/api/v1/instances", data={"image": upload("astronaut.png")}).get_json()
    instances = opened["instances"]
    held = [one["holds"] for one in instances if one["is_region"]]
    assert held and all(one["holds"] is None for one in instances if not one["is_region"])
    assert "person" in {instances[index]["label"] for index in held if index is not None}


def test_an_own_picture_and_a_scene_as_background(client: FlaskClient, astronaut_id: str) -> None:
    red = picture_upload(np.full((40, 40, 3), (250, 10, 20), dtype=np.uint8))
    pixels = pixels_of(
        compose(client, astronaut_id, background="picture", background_file=red).data
    )
    assert (pixels[10:90, 150:175] == (250, 10, 20)).mean() > 0.98
    dusk = pixels_of(compose(client, astronaut_id, background="scene:dusk").data)
    top, middle = dusk[1, 165].astype(int), dusk[90, 165].astype(int)
    assert top[2] > top[0] and middle[0] > middle[2]  # blue above, red below


def test_choosing_again_is_what_the_package_does(
    client: FlaskClient, astronaut_id: str, isolator: Isolator
) -> None:
    found = isolator.open(half("astronaut.png"))
    labels = [found.instances.label(index) for index in range(len(found.instances))]
    other = next(i for i, label in enumerate(labels) if label not in ("person", REGION_LABEL))
    answer = compose(client, astronaut_id, instances=str(other), mask_only="true")
    expected = np.rint(found.cut(Choice(instances=(other,))).alpha * 255)
    assert np.array_equal(pixels_of(answer.data), expected)
    assert answer.headers["X-Instances"] == str(other)


def test_things_are_added_and_left_out(
    client: FlaskClient, astronaut_id: str, isolator: Isolator
) -> None:
    found = isolator.open(half("astronaut.png")).instances
    labels = {found.label(index) for index in range(len(found))}
    others = sorted(labels - {"person", REGION_LABEL})
    both = compose(client, astronaut_id, format="json", **{"with": others}).get_json()["subject"]
    assert sorted(both["labels"]) == sorted(["person", *others])
    fields = {"with": others, "without": "person", "format": "json"}
    alone = compose(client, astronaut_id, **fields).get_json()["subject"]
    assert sorted(alone["labels"]) == others


def test_every_candidate_has_its_reasons(client: FlaskClient, isolator: Isolator) -> None:
    subject = isolator.open(half("astronaut.png")).select()
    opened = client.post("/api/v1/instances", data={"image": upload("astronaut.png")}).get_json()
    told = opened["subject"]
    assert told["score"] == pytest.approx(subject.score)
    assert [one["reason"] for one in told["ranking"]] == [one.reason for one in subject.ranking]
    best = told["ranking"][0]
    assert best["score"] == pytest.approx(subject.ranking[0].score)
    assert best["contributions"] == pytest.approx(subject.ranking[0].contributions)
    assert best["features"] == pytest.approx(subject.ranking[0].features)


def test_matte_edges_are_softer(client: FlaskClient) -> None:
    cat = client.post("/api/v1/instances", data={"image": upload("chelsea.png")}).get_json()["id"]
    sharp, matte = (
        pixels_of(compose(client, cat, mask_only="true", edges=edges).data)
        for edges in ("sharp", "matte")
    )
    steps = compose(client, cat, format="json", edges="matte").get_json()["provenance"]
    assert "closed-form matting" in steps["refinement"]
    assert ((matte > 0) & (matte < 255)).sum() > ((sharp > 0) & (sharp < 255)).sum()


def test_outlines_lie_on_the_masks(client: FlaskClient, isolator: Isolator) -> None:
    opened = client.post("/api/v1/instances", data={"image": upload("astronaut.png")}).get_json()
    instances = isolator.open(half("astronaut.png")).instances
    person = next(i for i, one in enumerate(opened["instances"]) if one["label"] == "person")
    outer = opened["instances"][person]["outline"].split("Z")[0].removeprefix("M")
    corners = np.array([[int(part) for part in point.split()] for point in outer.split("L")])
    traced = polygon2mask((256, 256), corners[:, ::-1])
    mask = instances.soft_mask(person) >= 0.5
    assert (traced & mask).sum() / (traced | mask).sum() > 0.97


def test_no_subject_is_said_plainly(client: FlaskClient) -> None:
    answer = client.post("/api/v1/isolate", data={"image": picture_upload(without_subject())})
    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert (problem["code"], problem["status"]) == ("no_subject", 422)
    assert problem["hint"]
    opened = client.post("/api/v1/instances", data={"image": picture_upload(without_subject())})
    assert opened.status_code == 201
    assert opened.get_json()["subject"]["chosen"] == []


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"background": "picture:/etc/passwd"}, "does not read files from paths"),
        ({"background": "picture"}, "background_file"),
        ({"background": "scene:moon"}, "no such scene"),
        ({"background": "octarine"}, "colour"),
        ({"background": "transparent", "format": "jpg"}, "JPEG"),
        ({"background": "gradient:red"}, "gradient"),
        ({"shadow": "hard"}, "shadow"),
        ({"canvas": "big"}, "canvas"),
        ({"canvas": "9000x9000"}, "canvas"),
        ({"canvas": "1:1", "crop": "true"}, "choose crop or canvas, not both"),
        ({"move": "200,0"}, "move"),
        ({"move": "3"}, "X,Y"),
        ({"at": "1"}, "X,Y"),
        ({"at": "nan,1"}, "X,Y"),
        ({"box": "1,2,3"}, "X0,Y0,X1,Y1"),
        ({"rank": "0"}, "rank"),
        ({"quality": "101"}, "quality"),
        ({"edges": "blunt"}, "edges"),
        ({"with": ["cup"] * 21}, "with"),
        ({"with": ["cup", "u" * 1000]}, "with: Length must be"),
        ({"colour": "red"}, "colour"),
        ({"url": "http://127.0.0.1/"}, "url"),
    ],
)
def test_a_bad_option_is_named(
    client: FlaskClient, astronaut_id: str, fields: dict[str, str], word: str
) -> None:
    answer = compose(client, astronaut_id, **fields)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_option")
    assert word in answer.get_json()["detail"]


def test_notes_reach_whoever_learns_that_there_is_no_subject(client: FlaskClient) -> None:
    """What was read may well be the reason."""
    frames = [Image.fromarray(without_subject() + shade) for shade in (0, 9)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    for path in ("isolate", "instances"):
        file.seek(0)
        copy = io.BytesIO(file.getvalue())
        answer = client.post(f"/api/v1/{path}", data={"image": (copy, "a.gif")}).get_json()
        notes = ["only the first of the 2 pictures in the file is used"]
        assert answer["notes"] == notes
    problem = client.post(
        "/v1.0/removebg", data={"image_file": (io.BytesIO(file.getvalue()), "a.gif")}
    )
    assert problem.status_code >= 400


def test_a_transparent_upload_is_never_more_opaque_than_it_was(client: FlaskClient) -> None:
    photo = half("astronaut.png")
    own = np.full(photo.shape[:2], 255, dtype=np.uint8)
    own[100:140, 60:120], own[180:] = 0, 128
    picture = np.dstack([photo, own])
    fields = {"format": "png", "background": "transparent"}
    for path, megapixels in (("isolate", "1"), ("isolate", "0.01")):
        answer = client.post(
            f"/api/v1/{path}",
            data={"image": picture_upload(picture), "megapixels": megapixels, **fields},
        )
        result = pixels_of(answer.data)
        if result.shape[:2] == own.shape:
            assert (result[..., 3] <= own).all() and (result[..., 3] == 128).any()
            half_there = (result[..., 3] == 128) & (own == 128)
            kept = (result[half_there][:, :3] == photo[half_there]).all(axis=-1)
            assert kept.mean() > 0.95  # all but the rim of the new edge
    answer = client.post(
        "/v1.0/removebg", data={"image_file": picture_upload(picture), "size": "full"}
    )
    assert (pixels_of(answer.data)[..., 3] <= own).all()


def test_a_background_picture_keeps_its_colours(client: FlaskClient, astronaut_id: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (184, 56, 42)).save(file, "PNG", icc_profile=P3)
    file.seek(0)
    answer = compose(
        client, astronaut_id, background="picture", background_file=(file, "p3.png"), format="png"
    )
    np.testing.assert_allclose(pixels_of(answer.data)[0, 0], (200, 40, 30), atol=2)


def test_two_ways_to_choose_are_one_too_many(client: FlaskClient, astronaut_id: str) -> None:
    answer = compose(client, astronaut_id, rank="1", all="true")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "subject_not_there")


def test_a_forgotten_photo_is_gone(client: FlaskClient) -> None:
    opened = client.post("/api/v1/instances", data={"image": upload("coffee.png")}).get_json()
    assert client.delete(f"/api/v1/instances/{opened['id']}").status_code == 204
    answer = compose(client, opened["id"])
    assert (answer.status_code, answer.get_json()["code"]) == (404, "photo_gone")


def test_the_description_is_valid_and_names_what_it_answers(client: FlaskClient) -> None:
    text = client.get("/api/v1/openapi.json").data
    description = json.loads(text)
    compose_route = description["paths"]["/api/v1/instances/{photo_id}/compose"]["post"]
    assert "multipart/form-data" in compose_route["requestBody"]["content"]
    assert not compose_route["requestBody"]["required"]  # there is a default for every field
    assert description["paths"]["/api/v1/isolate"]["post"]["requestBody"]["required"]
    assert {"200", "404", "413", "422", "503"} <= set(compose_route["responses"])
    assert b"cdn" not in text


def test_the_description_has_every_member_of_the_answers(client: FlaskClient) -> None:
    schemas = client.get("/api/v1/openapi.json").get_json()["components"]["schemas"]
    record = isolate(client, format="json").get_json()
    subject = record["subject"]
    for answer, schema in (
        (record, "RecordOut"),
        (subject, "SubjectOut"),
        (subject["ranking"][0], "CandidateOut"),
        (record["instances"][0], "MaskedOut"),
        (record["provenance"], "ProvenanceOut"),
        (record["alpha"], "RleOut"),
    ):
        assert set(answer) == set(schemas[schema]["properties"])


def test_the_description_names_operations_tokens_and_headers(make_app: Any) -> None:
    client = make_app(TOKEN="a long and secret token").test_client()
    key = {"X-Api-Key": "a long and secret token"}
    spec = client.get("/api/v1/openapi.json", headers=key).get_json()
    operations = [one for path in spec["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names)) and {"isolate", "openPhoto", "health"} <= set(names)
    schemes = spec["components"]["securitySchemes"]
    assert schemes["key"] == {"type": "apiKey", "in": "header", "name": "X-Api-Key"}
    assert {name for one in spec["security"] for name in one} == set(schemes)
    assert spec["paths"]["/health"]["get"]["security"] == []
    answers = spec["paths"]["/api/v1/isolate"]["post"]["responses"]
    assert {"X-Reason", "X-Instances"} <= set(answers["200"]["headers"])
    assert "Retry-After" in answers["429"]["headers"] and "415" in answers
    body = spec["paths"]["/v1.0/removebg"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "application/json"}
    assert "image_file_b64" in spec["components"]["schemas"]["RemoveBgJson"]["properties"]


def test_without_a_token_none_is_described(client: FlaskClient) -> None:
    assert client.get("/api/v1/openapi.json").get_json()["security"] == [{}]


def test_every_answer_s_headers_are_described(client: FlaskClient, astronaut_id: str) -> None:
    paths = client.get("/api/v1/openapi.json").get_json()["paths"]
    told = paths["/api/v1/instances/{photo_id}/compose"]["post"]["responses"]["200"]["headers"]
    sent = {name for name in dict(compose(client, astronaut_id).headers) if name.startswith("X-")}
    assert sent - {"X-Content-Type-Options"} <= set(told)
