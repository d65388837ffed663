"""The isolate command on real photos with the real network: what is written, said and returned."""

from __future__ import annotations

import io
import json
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from isolate_runs import ENGINE, listing, records, run, start
from numpy.typing import NDArray
from picture_files import SRGB
from PIL import Image
from pycocotools import mask as coco

Photo = NDArray[np.uint8]

PERSON = ("--subject", "person")
NOTHING = ("--opt", "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "1.0")  # what the network then finds
NO_TRUST = ("--opt", "VX.SUBJECT.TRUST_EYE", "False")
NO_REGIONS = ("--opt", "VX.SUBJECT.SALIENT_REGIONS", "False")
FACE = (220, 110)  # x, y in the astronaut's photo


@pytest.fixture
def photo(tmp_path: Path, astronaut: Photo) -> Path:
    """The astronaut as a file, alone in a folder."""
    path = tmp_path / "photos" / "astronaut.png"
    path.parent.mkdir()
    Image.fromarray(astronaut).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, astronaut: Photo, chelsea: Photo) -> Path:
    """``b.png`` and ``sub/a.jpg``, two photos, and a text that is none."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(astronaut).save(folder / "b.png")
    Image.fromarray(chelsea).save(folder / "sub" / "a.jpg", quality=95)
    (folder / "notes.txt").write_text("two photos")
    return folder


def pixels(path: Path) -> Photo:
    with Image.open(path) as image:
        return np.array(image)


# --- one photo -----------------------------------------------------------------------------------


def test_a_photo_is_cut_out_beside_itself(photo: Path, astronaut: Photo) -> None:
    before = photo.read_bytes()
    result = run(photo, *PERSON)
    assert result.exit_code == 0, result.stderr
    output = photo.with_name("astronaut_cutout.png")
    assert result.stdout == f"{output}\n"
    assert listing(photo.parent) == {"astronaut.png", "astronaut_cutout.png"}
    cut = pixels(output)
    assert cut.shape == astronaut.shape
    x, y = FACE
    np.testing.assert_array_equal(cut[y - 9 : y + 9, x - 9 : x + 9], astronaut[101:119, 211:229])
    assert not cut[:150, -60:].any()  # the model of a rocket
    assert photo.read_bytes() == before


def test_it_says_what_was_chosen_why_and_by_what(photo: Path) -> None:
    words = run(photo, *PERSON).stderr
    assert f"{photo}: the person: chosen by hand (class person), rank " in words
    assert "onnx on cpu, weights bundled://" in words and "sha256" in words
    assert "DenseCRF" not in words and "photos cut out" not in words
    more = run(photo, *PERSON, "--overwrite", "--verbose").stderr
    assert "1. " in more and "mask from instances; " in more
    assert "detector " in more and "; eye vx_eye in onnx, weights bundled://vx_eye" in more
    alone = run(photo, *PERSON, "--overwrite", "--verbose", "--eye", "none").stderr
    assert "; no eye; loaded in " in alone and "detector " in alone and "eye 0" not in alone
    assert run(photo, *PERSON, "--overwrite", "-q").stderr == ""


def test_the_name_decides_the_format_and_the_background_shows(photo: Path, tmp_path: Path) -> None:
    clear, orange = tmp_path / "deep" / "er" / "cut.webp", tmp_path / "cut.jpg"
    assert run(photo, *PERSON, "-o", clear, "--background", "transparent").exit_code == 0
    with Image.open(clear) as image:
        assert (image.format, image.mode) == ("WEBP", "RGBA")
        alpha = np.array(image)[..., 3]
    assert alpha[FACE[1], FACE[0]] == 255 and not alpha[:150, -60:].any()
    assert run(photo, *PERSON, "-o", orange, "--background", "#ff8800").exit_code == 0
    with Image.open(orange) as image:
        assert image.format == "JPEG"
        assert np.abs(np.array(image)[:9, -9:] - np.array([255.0, 136, 0])).max() < 6


@pytest.mark.parametrize("fit", ["cover", "contain"])
def test_a_picture_as_background(photo: Path, tmp_path: Path, fit: str) -> None:
    Image.new("RGB", (40, 10), (0, 0, 255)).save(tmp_path / "blue.png")
    background = ("--background", f"picture:{tmp_path / 'blue.png'}", "--fit", fit)
    assert run(photo, *PERSON, "-o", tmp_path / "cut.png", *background).exit_code == 0
    corner = pixels(tmp_path / "cut.png")[0, -1].tolist()
    assert corner == ([0, 0, 255] if fit == "cover" else [0, 0, 0])


def test_the_colour_profile_and_the_density_stay(tmp_path: Path, astronaut: Photo) -> None:
    source, cut, mask = tmp_path / "a.jpg", tmp_path / "cut.tiff", tmp_path / "mask.png"
    Image.fromarray(astronaut).save(source, icc_profile=SRGB, dpi=(300, 300), quality=95)
    assert run(source, *PERSON, "-o", cut).exit_code == 0
    assert run(source, *PERSON, "-o", mask, "--mask-only").exit_code == 0
    with Image.open(cut) as image:
        assert image.info["icc_profile"] == SRGB
        assert [float(number) for number in image.info["dpi"]] == [300, 300]
    with Image.open(mask) as image:
        assert image.mode == "L" and "icc_profile" not in image.info
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_crop_and_margin(photo: Path, tmp_path: Path) -> None:
    for name, options in (("full", ()), ("tight", ("--crop", "--margin", "0")), ("wide", ("--crop",
                          "--margin", "10"))):  # fmt: skip
        output = tmp_path / f"{name}.png"
        assert run(photo, *PERSON, "--mask-only", "-o", output, *options).exit_code == 0
    full, tight, wide = (pixels(tmp_path / f"{name}.png") for name in ("full", "tight", "wide"))
    rows, columns = np.flatnonzero(full.any(axis=1)), np.flatnonzero(full.any(axis=0))
    expected = full[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    np.testing.assert_array_equal(tight, expected)
    assert tight.shape[1] < wide.shape[1] <= tight.shape[1] + 2 * round(0.1 * max(tight.shape))


def test_a_photo_through_pipes(photo: Path) -> None:
    result = run("-", *PERSON, stdin=photo.read_bytes())
    assert result.exit_code == 0, result.stderr
    with Image.open(io.BytesIO(result.stdout_bytes)) as image:
        assert (image.format, image.size) == ("PNG", (512, 512))
    assert "standard input: the person" in result.stderr
    assert listing(photo.parent) == {"astronaut.png"}
    jpg = run(photo, *PERSON, "-o", "-", "--format", "jpg", "-q")
    assert jpg.stdout_bytes.startswith(b"\xff\xd8\xff")


# --- whose subject it is -------------------------------------------------------------------------


def test_by_point_box_and_class_it_is_the_same_person(photo: Path) -> None:
    ways = (PERSON, ("--at", "220,110"), ("--box", "20, 0, 450, 512"), ("--subject", " PERSON "))
    found = [records(run(photo, *way, "--json", "--overwrite"))[0] for way in ways]
    assert [one["subject"]["labels"] for one in found] == [["person"]] * 4
    assert len({one["alpha"]["counts"] for one in found}) == 1
    assert found[1]["subject"]["method"] == "point 220, 110"


def test_with_and_without_change_the_choice(photo: Path) -> None:
    ways = (
        (),
        ("--with", "cup"),
        ("--without", "person"),
        ("--with", " CUP ", "--subject", "person"),
    )
    found = [records(run(photo, *way, "--json", "--overwrite"))[0] for way in ways]
    labels = [sorted(one.get("subject", {}).get("labels", [])) for one in found]
    assert "person" in labels[0] and "cup" not in labels[0]
    assert labels[1] == sorted([*labels[0], "cup"])
    assert found[1]["subject"]["method"] == "ranking with cup"
    assert "person" not in labels[2]
    assert labels[3] == ["cup", "person"]


def test_all_takes_more_than_one(photo: Path) -> None:
    (everything,) = records(run(photo, "--all", "--json"))
    assert len(everything["subject"]["chosen"]) > 1
    assert everything["subject"]["method"] == "everything"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
def test_the_record_is_true(photo: Path, astronaut: Photo) -> None:
    result = run(photo, *PERSON, "--json", "--mask-only")
    assert result.exit_code == 0, result.stderr
    (record,) = records(result)
    assert record["photo"] == str(photo) and record["status"] == "done"
    assert record["output"] == str(photo.with_name("astronaut_cutout_mask.png"))
    assert (record["width"], record["height"]) == (512, 512)
    alpha = coco.decode(record["alpha"])
    np.testing.assert_array_equal(alpha > 0, pixels(Path(record["output"])) >= 128)
    assert alpha[FACE[1], FACE[0]] == 1
    (chosen,) = record["subject"]["chosen"]
    person = record["instances"][chosen]
    assert person["label"] == "person" and 0.5 < person["score"] <= 1
    mask = coco.decode(person["mask"])
    assert np.count_nonzero(mask & alpha) > 0.9 * np.count_nonzero(mask | alpha)
    np.testing.assert_allclose(person["box"], coco.toBbox(person["mask"]), atol=20)
    for one in record["subject"]["ranking"]:
        assert 0 <= one["score"] <= record["subject"]["score"] + 1e-6 <= 1 + 1e-6
        assert set(one["contributions"]) == set(one["features"]) and one["reason"]
        assert one["label"] == record["instances"][one["index"]]["label"]
    assert record["provenance"]["engine"] == "onnx"
    assert len(record["provenance"]["weights_sha256"]) == 64
    assert record["notes"] == [] and record["seconds"] > 0


def test_no_subject(photo: Path) -> None:
    result = run(photo, "--opt", "VX.SUBJECT.MIN_SCORE", "1.0", *NO_TRUST, "--json")
    assert result.exit_code == 3
    assert "no subject: the best candidate, " in result.stderr
    (record,) = records(result)
    assert record["status"] == "no subject" and record["output"] is None
    assert "where 100 % is needed" in record["error"]
    assert listing(photo.parent) == {"astronaut.png"}


def test_notes_stay_where_there_is_no_subject(photo: Path, astronaut: Photo) -> None:
    animation = photo.with_name("two.gif")
    frames = [Image.fromarray(astronaut[::4, ::4]), Image.new("RGB", (128, 128))]
    frames[0].save(animation, save_all=True, append_images=frames[1:])
    note = "only the first of the 2 pictures in the file is used"
    for way in (("--opt", "VX.SUBJECT.MIN_SCORE", "1.0", *NO_TRUST), ("--subject", "giraffe")):
        result = run(animation, *way, "--json")
        assert result.exit_code == 3
        assert f"    note: {note}\n" in result.stderr
        (record,) = records(result)
        assert record["status"] == "no subject" and record["notes"] == [note]


def test_a_cut_out_of_before_comes_back_where_nothing_is_found(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:90, :90]
    own = np.clip(40 - np.hypot(rows - 45, columns - 45), 0, 1) * 255
    picture = np.full((90, 90, 4), 251, dtype=np.uint8)
    picture[..., 3] = np.rint(own)
    source, cut = tmp_path / "white.png", tmp_path / "cut.png"
    Image.fromarray(picture).save(source)
    way = (*NOTHING, *NO_REGIONS, "--background", "transparent", "--json")
    result = run(source, "-o", cut, *way)
    assert result.exit_code == 0, result.stderr
    (record,) = records(result)
    assert record["provenance"]["mask_source"] == "the photo's own cut-out"
    assert "is cut out already" in record["subject"]["reason"]
    assert "parts are transparent and stay so" in record["notes"][0]
    np.testing.assert_array_equal(pixels(cut)[..., 3], picture[..., 3])
    assert run(source, "-o", cut, *way, "--overwrite", "--all").exit_code == 3


def test_the_fallback_is_said_plainly_and_can_be_forbidden(photo: Path) -> None:
    allowed = run(photo, *NOTHING, *NO_REGIONS, "--json")
    assert allowed.exit_code == 0, allowed.stderr
    assert "FALLBACK, not cut by the network: " in allowed.stderr and "GrabCut" in allowed.stderr
    assert records(allowed)[0]["provenance"]["mask_source"] == "grabcut fallback"
    forbidden = run(photo, *NOTHING, *NO_REGIONS, "--no-fallback", "--overwrite")
    assert forbidden.exit_code == 3 and "nothing was found" in forbidden.stderr


def test_refinement_can_be_left_out(photo: Path) -> None:
    steps = [
        records(run(photo, *PERSON, "--json", "--overwrite", *way))[0]["provenance"]["refinement"]
        for way in ((), ("--no-crf",), ("--no-refine",))
    ]
    assert "DenseCRF" in steps[0] and steps[1] == [s for s in steps[0] if s != "DenseCRF"]
    assert steps[2] == []


def test_hair_can_be_matted(photo: Path) -> None:
    result = run(photo, *PERSON, "--json", "--edges", "matte")
    assert records(result)[0]["provenance"]["refinement"][-1].startswith("closed-form matting")
    assert run(photo, "--edges", "matte", "--no-refine").exit_code == 2


def test_layers_are_written_and_kept(photo: Path, tmp_path: Path) -> None:
    result = run(photo, "--layers", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "out" / "astronaut_layers"
    assert "annotations.json" in listing(folder)
    person = next(folder.glob("?? person 1_layer.png"))
    x, y = FACE
    assert pixels(person)[y, x, 3] == 255
    again = run(photo, "--layers", tmp_path / "out", "-o", tmp_path / "cut.png")
    assert again.exit_code == 1 and "annotations.json already exists" in again.stderr


def test_the_explanation_is_a_picture_and_its_record(
    photo: Path, tmp_path: Path, astronaut: Photo
) -> None:
    why = tmp_path / "deep" / "why.png"
    result = run(photo, "--explain", why, "--json")
    assert result.exit_code == 0, result.stderr
    picture = pixels(why)
    assert picture.shape[1] == 512 and picture.shape[0] > 512  # the reason stands below
    drawn = (picture[:512] != astronaut).any(axis=2)
    assert 0.005 < drawn.mean() < 0.3
    assert (picture[512:] == 255).mean() > 0.5
    told = json.loads(why.with_suffix(".json").read_text(encoding="utf-8"))
    (record,) = records(result)
    assert told["subject"] == record["subject"] and told["instances"] == record["instances"]
    assert run(photo, "--explain", why, "-o", tmp_path / "cut.png").exit_code == 1
    assert not (tmp_path / "cut.png").exists()  # the explanation that is there was kept


def test_no_subject_is_explained_too(photo: Path, tmp_path: Path) -> None:
    result = run(
        photo, "--opt", "VX.SUBJECT.MIN_SCORE", "1.0", *NO_TRUST, "--explain", tmp_path / "why"
    )
    assert result.exit_code == 3
    assert listing(tmp_path / "why") == {"astronaut_explained.png", "astronaut_explained.json"}
    told = json.loads((tmp_path / "why" / "astronaut_explained.json").read_text())
    assert told["subject"]["chosen"] == [] and "no subject" in told["subject"]["reason"]


# --- many photos ---------------------------------------------------------------------------------


def test_a_folder_keeps_its_structure(folder: Path, tmp_path: Path) -> None:
    result = run(folder, "-o", tmp_path / "cut", "--all")
    assert result.exit_code == 0, result.stderr
    assert listing(tmp_path / "cut") == {"b_cutout.png", "sub", "sub/a_cutout.png"}
    assert result.stdout.splitlines() == [
        str(tmp_path / "cut" / "b_cutout.png"),
        str(tmp_path / "cut" / "sub" / "a_cutout.png"),
    ]
    assert "2 of 2 photos cut out" in result.stderr
    assert result.stderr.count("onnx on cpu") == 1


def test_a_broken_photo_is_named_and_the_others_are_done(folder: Path) -> None:
    (folder / "a broken one.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    result = run(folder, "--all", "--format", "jpg", "--json")
    assert result.exit_code == 4
    assert f"Error: {folder / 'a broken one.jpg'}: is a damaged" in result.stderr
    assert "2 of 3 photos cut out" in result.stderr and "1 failed" in result.stderr
    assert [one["status"] for one in records(result)] == ["failed", "done", "done"]
    assert (folder / "b_cutout.jpg").is_file() and (folder / "sub" / "a_cutout.jpg").is_file()
    assert not list(folder.rglob("*broken*cutout*"))


@pytest.mark.parametrize(("missing", "code"), [(False, 4), (True, 1)])
def test_photos_without_the_subject_count_by_themselves(
    folder: Path, missing: bool, code: int
) -> None:
    cat = folder / "sub" / "a.jpg"
    if missing:
        cat.write_bytes(b"")
    result = run(folder / "b.png", cat, "--subject", "cat")
    assert result.exit_code == code
    assert "there is no cat in the photo; the photo holds " in result.stderr
    assert "1 without a subject" in result.stderr


def test_an_output_that_is_there(photo: Path, tmp_path: Path) -> None:
    output = tmp_path / "cut.png"
    output.write_bytes(b"precious")
    plain = run(photo, "-o", output)
    assert plain.exit_code == 1 and "--overwrite" in plain.stderr
    assert "onnx on" not in plain.stderr  # the network was not even loaded
    kept = run(photo, "-o", output, "--skip-existing", "--json")
    assert kept.exit_code == 1 and "was not made by this program" in kept.stderr
    assert output.read_bytes() == b"precious"
    assert run(photo, *PERSON, "-o", output, "--overwrite").exit_code == 0
    assert pixels(output).shape == (512, 512, 3)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_interrupted_and_resumed(folder: Path, astronaut: Photo, number: signal.Signals) -> None:
    for index in range(30):
        Image.fromarray(astronaut).save(folder / f"{index:02}.png")
    command = (folder, "--all", *ENGINE, "--skip-existing")
    with start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        first = Path(program.stdout.readline().rstrip("\n"))
        program.send_signal(number)
        _, words = program.communicate(timeout=60)
    assert program.returncode == 130
    assert "Interrupted: " in words and "--skip-existing" in words
    assert not [name for name in listing(folder) if name.endswith(".part")]
    done = sorted(folder.rglob("*_cutout.png"))
    assert first in done and len(done) < 32
    assert all(pixels(path).ndim == 3 for path in done)  # whole, each of them
    for photo in sorted(folder.glob("*.png"))[len(done) + 1 :]:
        photo.unlink(missing_ok=True)
    times = {path: path.stat().st_mtime_ns for path in done if path.exists()}
    resumed = run(folder, "--all", "--skip-existing")
    assert resumed.exit_code == 0, resumed.stderr
    assert f"{len(times)} already done" in resumed.stderr
    assert {path: path.stat().st_mtime_ns for path in times} == times
