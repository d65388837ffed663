"""Evaluations from end to end over real files, wrong ones too."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from coco_files import write_disc_dataset
from mask_sets import disc_masks, write_masks, write_set
from PIL import Image
from shipped_photos import Photo

from vx_detectron.config import load_cfg
from vx_detectron.errors import DataError
from vx_detectron.evaluation.command import CommandPredictor
from vx_detectron.evaluation.mask_run import evaluate_masks
from vx_detectron.evaluation.predictors import (
    MASKS,
    REFINEMENTS,
    SALIENCY_ALONE,
    FolderPredictor,
    PipelinePredictor,
    read_alpha,
)
from vx_detectron.evaluation.truths import GREY, Truths, truths_from_coco, truths_from_folders
from vx_detectron.metrics import count
from vx_detectron.pipeline import Isolator

# pycocotools 2 hands NumPy 2 an array-like of the old kind.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def truths(coffee: Photo, tmp_path: Path) -> Truths:
    return truths_from_folders(*write_set(tmp_path, coffee, disc_masks()))


def against(folder: Path, truths: Truths) -> dict:
    predictor = FolderPredictor(folder, map(truths.name, truths.records))
    return evaluate_masks(truths, predictor)[MASKS]


def kinds_and_names(results: dict) -> list[tuple[str, str]]:
    return [(problem["kind"], Path(problem["name"]).name) for problem in results["problems"]]


def test_masks_of_a_folder(truths: Truths, tmp_path: Path) -> None:
    shifted = disc_masks(shift=3)
    results = against(write_masks(tmp_path / "predicted", shifted), truths)
    expected = [count(mask, truth).iou for mask, truth in zip(shifted, disc_masks(), strict=True)]
    assert [row["iou"] for row in results["photos"]] == pytest.approx(expected)
    assert [row["name"] for row in results["photos"]] == ["0", "1", "2", "3"]
    assert results["summary"]["mean"]["iou"]["value"] == pytest.approx(np.mean(expected))
    assert results["problems"] == [] and results["problem_counts"] == {}
    json.dumps(results, allow_nan=False)


def test_what_is_wrong_with_predictions_is_named(truths: Truths, tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "predicted", disc_masks())
    (folder / "0.png").unlink()
    (folder / "1.png").write_bytes(b"no picture")
    Image.new("L", (64, 40)).save(folder / "2.png")
    Image.new("L", (64, 48)).save(folder / "other.png")
    results = against(folder, truths)
    assert kinds_and_names(results) == [
        ("mask without photo", "other"),
        ("not measured", "0"),
        ("not measured", "1"),
        ("not measured", "2"),
    ]
    reasons = [problem["reason"] for problem in results["problems"]]
    assert "no mask 0.*" in reasons[1] and "not a photo" in reasons[2]
    assert "true mask is 64 x 48 pixels, the predicted one 64 x 40" in reasons[3]
    assert [row["name"] for row in results["photos"]] == ["3"]
    assert results["problem_counts"] == {"mask without photo": 1, "not measured": 3}


def test_what_is_wrong_with_the_truth_is_named(coffee: Photo, tmp_path: Path) -> None:
    images, masks = write_set(tmp_path, coffee, disc_masks([8, 9, 10, 11, 12]))
    (masks / "0.png").unlink()
    (images / "1.jpg").unlink()
    Image.fromarray(np.full((48, 64, 3), (200, 0, 0), np.uint8)).save(masks / "2.png")
    truths = truths_from_folders(images, masks)
    results = against(write_masks(tmp_path / "p", disc_masks([8, 9, 10, 11, 12])), truths)
    assert sorted(kinds_and_names(results))[3:] == [
        ("unusable data", "0.jpg"),
        ("unusable data", "1.png"),
        ("unusable data", "2.jpg"),
    ]
    assert [row["name"] for row in results["photos"]] == ["3", "4"]


def test_grey_levels_and_ones_in_the_truth(coffee: Photo, tmp_path: Path) -> None:
    images, masks = write_set(tmp_path, coffee, disc_masks([8, 12, 16]))
    plain, grey, ones = disc_masks([8, 12, 16])
    Image.fromarray(np.where(grey, 128, 127).astype(np.uint8)).save(masks / "1.png")
    Image.fromarray(ones.astype(np.uint8)).save(masks / "2.png")
    truths = truths_from_folders(images, masks)
    assert truths.notes == {GREY: 1}
    results = against(write_masks(tmp_path / "p", [plain, grey, ones]), truths)
    assert [row["iou"] for row in results["photos"]] == [1, 1, 1]


def test_no_names_in_common_is_an_error(truths: Truths, tmp_path: Path) -> None:
    folder = tmp_path / "predicted"
    folder.mkdir()
    Image.new("L", (64, 48)).save(folder / "x.png")
    with pytest.raises(DataError, match=r"none of the 1 pictures .* has the name of a photo"):
        against(folder, truths)
    with pytest.raises(DataError, match=r"no photo below .* has a usable mask"):
        truths_from_folders(truths.image_root, folder)


def test_nothing_measured_is_an_error(truths: Truths, tmp_path: Path) -> None:
    folder = tmp_path / "predicted"
    folder.mkdir()
    (folder / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="not one of the 4 photos could be measured"):
        against(folder, truths)


def test_predicted_masks_are_soft(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 51, 255]], np.uint8)).save(tmp_path / "soft.png")
    assert read_alpha(tmp_path / "soft.png").tolist() == [[0, pytest.approx(0.2), 1]]
    Image.fromarray(np.array([[0, 1]], np.uint8)).save(tmp_path / "ones.png")
    assert read_alpha(tmp_path / "ones.png").tolist() == [[0, 1]]
    Image.new("RGBA", (3, 2), (255, 255, 255, 0)).save(tmp_path / "cut.png")
    with pytest.raises(DataError, match=r"cut\.png: .* coloured or transparent"):
        read_alpha(tmp_path / "cut.png")


def test_names_of_our_own_masks_fit(truths: Truths, tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "predicted", disc_masks())
    for path in list(folder.iterdir()):
        path.rename(path.with_name(f"{path.stem}_cutout_mask.png"))
    assert against(folder, truths)["summary"]["mean"]["iou"]["value"] == 1


def test_two_masks_for_one_photo_are_an_error(truths: Truths, tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "predicted", disc_masks())
    Image.new("L", (64, 48)).save(folder / "2.bmp")
    with pytest.raises(DataError, match=r"2\.bmp and .*2\.png may both be the mask of 2; keep one"):
        against(folder, truths)


def test_every_third_photo(truths: Truths, tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "predicted", disc_masks())
    predictor = FolderPredictor(folder, map(truths.name, truths.records))
    done: list[int] = []
    results = evaluate_masks(truths, predictor, every=3, progress=lambda: done.append(1))
    assert [row["name"] for row in results[MASKS]["photos"]] == ["0", "3"]
    assert len(done) == 2
    assert results[MASKS]["problems"] == []


def test_the_fingerprint_is_that_of_names_and_bytes(coffee: Photo, tmp_path: Path) -> None:
    images, masks = write_set(tmp_path / "a", coffee, disc_masks())
    first = truths_from_folders(images, masks).fingerprint
    moved = Path(shutil.copytree(tmp_path / "a", tmp_path / "b"))
    assert truths_from_folders(moved / "images", moved / "masks").fingerprint == first
    write_masks(masks, disc_masks(shift=1))
    assert truths_from_folders(images, masks).fingerprint != first
    (moved / "images" / "3.jpg").rename(moved / "images" / "4.jpg")
    (moved / "masks" / "3.png").rename(moved / "masks" / "4.png")
    assert truths_from_folders(moved / "images", moved / "masks").fingerprint != first


def test_coco_truth(tmp_path: Path) -> None:
    json_file = write_disc_dataset(tmp_path, 3)
    content = json.loads(json_file.read_text())
    content["images"][1]["mask_kind"] = "instance"  # its disc is no sure subject: too small
    content["annotations"][1]["segmentation"] = [[20, 20, 24, 20, 24, 24, 20, 24]]
    json_file.write_text(json.dumps(content))
    truths = truths_from_coco(json_file, tmp_path / "images")
    assert [truths.name(record) for record in truths.records] == ["1", "3"]
    assert list(truths.notes.values()) == [1]
    assert next(iter(truths.notes)).endswith("is small")


@pytest.mark.parametrize(
    ("file_name", "name"), [("sub/9.png", "sub/9"), ("/elsewhere/9.png", "/elsewhere/9")]
)
def test_photos_that_coco_names_anywhere(tmp_path: Path, file_name: str, name: str) -> None:
    json_file = write_disc_dataset(tmp_path, 2)
    content = json.loads(json_file.read_text())
    content["images"][0]["file_name"] = file_name
    json_file.write_text(json.dumps(content))
    truths = truths_from_coco(json_file, tmp_path / "images")
    assert {truths.name(record) for record in truths.records} == {name, "2"}
    results = against(write_masks(tmp_path / "p", disc_masks([8, 8, 8])), truths)
    assert [row["name"] for row in results["photos"]] == ["2"]


def test_photos_that_differ_in_their_suffix_only_are_an_error(tmp_path: Path) -> None:
    json_file = write_disc_dataset(tmp_path, 2)
    json_file.write_text(json_file.read_text().replace('"2.png"', '"1.jpg"'))
    with pytest.raises(DataError, match="2 photos are called 1"):
        truths_from_coco(json_file, tmp_path / "images")


# --- commands ------------------------------------------------------------------------------------

THRESHOLD = """
import sys; from PIL import Image
Image.open(sys.argv[1]).convert("L").point(lambda v: 255 * (v > 100)).save(sys.argv[2])
"""


def command(tmp_path: Path, source: str, time_limit: float = 60) -> CommandPredictor:
    script = tmp_path / "a tool.py"
    script.write_text(source)
    return CommandPredictor(f"{sys.executable} '{script}' {{image}} {{mask}}", time_limit)


def test_masks_by_a_command(truths: Truths, tmp_path: Path) -> None:
    results = evaluate_masks(truths, command(tmp_path, THRESHOLD))[MASKS]
    with Image.open(truths.records[1]["file_name"]) as photo:
        expected = np.asarray(photo.convert("L")) > 100
    assert results["photos"][1]["iou"] == pytest.approx(count(expected, disc_masks()[1]).iou)
    assert results["summary"]["seconds"]["command"]["mean"] > 0
    assert results["summary"]["mask_sources"] == {"command": 4}


def test_failures_of_a_command_are_named(truths: Truths, tmp_path: Path) -> None:
    source = f"""
import sys
if sys.argv[1].endswith("0.jpg"):
    sys.exit("no such model")
if sys.argv[1].endswith("1.jpg"):
    sys.exit(0)
{THRESHOLD}"""
    results = evaluate_masks(truths, command(tmp_path, source))[MASKS]
    reasons = {problem["name"]: problem["reason"] for problem in results["problems"]}
    assert reasons == {
        "0": "the command failed with 1: no such model",
        "1": "the command succeeded, but wrote no mask",
    }
    assert [row["name"] for row in results["photos"]] == ["2", "3"]


def test_a_command_that_hangs_is_ended_with_its_children(truths: Truths, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    source = f"""
import subprocess, sys, time
code = "import time; time.sleep(2); open({str(alive)!r}, 'w')"
subprocess.Popen([sys.executable, "-c", code])
time.sleep(60)
"""
    started = time.monotonic()
    with pytest.raises(DataError, match=r"the command took more than 0\.5 s"):
        command(tmp_path, source, time_limit=0.5).predict(truths.records[0], "0")
    assert time.monotonic() - started < 30
    time.sleep(2.5)
    assert not alive.exists()


def test_no_shell_reads_the_command(truths: Truths, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    predictor = CommandPredictor(f"echo {{image}} {{mask}}; touch {trap} $(touch {trap})", 60)
    with pytest.raises(DataError, match="wrote no mask"):
        predictor.predict(truths.records[0], "0")
    assert not trap.exists()


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("rembg i {image}", r"has no \{mask\}"),
        ("no-such-program {image} {mask}", "'no-such-program' does not exist"),
        ("echo 'unclosed {image} {mask}", "cannot be split"),
    ],
)
def test_commands_that_cannot_work_are_refused(template: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        CommandPredictor(template, 60)


# --- the pipeline --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def isolator() -> Isolator:
    return Isolator(load_cfg(None, ["VX.ENGINE", "torchvision", "MODEL.DEVICE", "cpu"]))


@pytest.fixture
def cat(chelsea: Photo, gravel: Photo, isolator: Isolator, tmp_path: Path) -> Truths:
    """A cat, whose truth is what the pipeline makes of it, and a photo of no thing."""
    cut = isolator.isolate(chelsea).alpha >= 0.5
    (tmp_path / "images").mkdir()
    Image.fromarray(chelsea).save(tmp_path / "images" / "0.png")
    return truths_from_folders(tmp_path / "images", write_masks(tmp_path / "masks", [cut]))


def test_the_pipeline_itself(cat: Truths, isolator: Isolator) -> None:
    results = evaluate_masks(cat, PipelinePredictor(isolator))[MASKS]
    assert results["summary"]["mean"]["iou"]["value"] == 1
    assert {"detector", "eye", "candidates", "subject", "refinement"} <= results["summary"][
        "seconds"
    ].keys()
    assert results["prediction"]["engine"] == "torchvision"
    assert results["prediction"]["weights_sha256"] == isolator.detector.weights_sha256
    assert "FUSE_SALIENCY: true" in results["prediction"]["config"]


def test_an_ablation_ends_at_the_whole_pipeline(cat: Truths, isolator: Isolator) -> None:
    results = evaluate_masks(cat, PipelinePredictor(isolator, ablation=True))
    assert list(results) == [*REFINEMENTS, SALIENCY_ALONE]
    ious = {name: one["summary"]["mean"]["iou"]["value"] for name, one in results.items()}
    assert ious["+ sharp edge"] == 1
    assert 0.5 < ious["raw masks"] < 1
    assert 0 < ious[SALIENCY_ALONE] < 1
