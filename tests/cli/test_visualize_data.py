"""The sheet of samples: what is drawn on it, and what the command says and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from coco_files import write_disc_dataset
from PIL import Image

from vx_detectron.cli.visualize_data import main
from vx_detectron.data.sheet import CAPTION, NARROWEST, OUTLINE

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")
RED, BLUE = (220, 60, 40), (40, 90, 160)  # disc and ground


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    """Options of a training on five photos of 64 x 48 pixels, a disc in each."""
    annotations = write_disc_dataset(tmp_path / "discs", 5)
    values = ("VX.DATA.JSON", annotations, "VX.DATA.IMAGE_ROOT", annotations.parent / "images")
    sizes = ("VX.SOLVER.CROP", 100, "VX.AUGMENT.CROP_SIZES", [])
    return [str(one) for one in (*values, "VX.DATA.VALIDATION", 0, *sizes)]


def run(*arguments: object) -> Result:
    texts = ["--config-file", "train_vx_eye", *map(str, arguments)]
    return CliRunner().invoke(main, texts)


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def test_originals_are_the_photos_with_their_subject_outlined(
    data: list[str], tmp_path: Path
) -> None:
    target = tmp_path / "sheet.png"
    result = run(*data, "--originals", "-o", target, "-n", 9)
    assert (result.exit_code, result.stdout) == (0, f"{target}\n"), result.stderr
    sheet = pixels_of(target)
    assert sheet.shape == (2 * (48 + CAPTION), 3 * NARROWEST, 3)  # five photos, not nine
    photo = sheet[:48, :64]
    outline = (photo == OUTLINE).all(axis=2)
    assert 60 < outline.sum() < 250  # around a radius of 12: about 75 pixels long, 2 or 3 wide
    assert {tuple(colour) for colour in photo[~outline].tolist()} == {RED, BLUE}
    inside = np.argwhere((photo == RED).all(axis=2)).mean(axis=0)
    assert np.abs(inside - np.argwhere(outline).mean(axis=0)).max() < 0.5
    assert (sheet[48:78, :64] < 128).any()  # the caption


def test_samples_are_augmented_and_repeat(data: list[str], tmp_path: Path) -> None:
    first, again, other = (tmp_path / name for name in ("1.png", "2.png", "3.png"))
    for target, seed in ((first, 1), (again, 1), (other, 2)):
        result = run(*data, "SEED", seed, "-o", target, "-n", 7)
        assert result.exit_code == 0, result.output
    sheet = pixels_of(first)
    assert sheet.shape == (3 * (100 + CAPTION), 3 * NARROWEST, 3)
    assert np.array_equal(sheet, pixels_of(again))
    assert not np.array_equal(sheet, pixels_of(other))


def test_a_picture_that_is_there_is_kept(data: list[str], tmp_path: Path) -> None:
    target = tmp_path / "sheet.png"
    target.write_bytes(b"mine")
    refused = run(*data, "-o", target)
    assert refused.exit_code == 2 and "already exists" in refused.stderr
    assert target.read_bytes() == b"mine"
    assert run(*data, "-o", target, "-n", 1, "--overwrite").exit_code == 0
    assert pixels_of(target).shape == (100 + CAPTION, NARROWEST, 3)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("-o", "sheet.xyz"), 2, "ends in one of"),
        (("VX.AUGMENT.CROP", "round"), 2, "VX.AUGMENT.CROP must be one of"),
        (("-n", "0"), 2, "1<=x<=200"),
        (("VX.DATA.JSON", "missing.json"), 1, "missing.json"),
        (("INPUT.CROP.ENABLED", "True"), 1, "goes with VX.AUGMENT.CROP shortest_edge"),
    ],
)
def test_what_cannot_be_done_is_said(
    data: list[str], tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = run("-o", tmp_path / "sheet.png", *data, *arguments)
    assert result.exit_code == code, result.output
    assert words in result.stderr and result.stdout == ""
    assert not (tmp_path / "sheet.png").exists()
