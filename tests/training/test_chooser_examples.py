"""What the chooser is fitted on: labelled photos seen by both networks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from choice_sets import write_labelled_photos

from vx_detectron.config import load_cfg
from vx_detectron.errors import ConfigError, DataError
from vx_detectron.pipeline import Isolator
from vx_detectron.subject.chooser import MAPS
from vx_detectron.training.chooser.examples import gather

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")
OPTIONS = ["VX.ENGINE", "torchvision", "MODEL.DEVICE", "cpu"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The cat and the cup, as ``gather`` wants them."""
    labels, truth, images = write_labelled_photos(tmp_path)
    images.rename(tmp_path / "images")
    truth.rename(tmp_path / "instances.json")
    there = [label for label in json.loads(labels.read_text()) if label["image_id"] != 3]
    (tmp_path / "subject_choice_dev.json").write_text(json.dumps(there))
    return tmp_path


def test_a_photo_gives_examples_for_the_eyes_map_and_for_the_classical_one(data: Path) -> None:
    found = gather(Isolator(load_cfg(None, OPTIONS)), data, (), 0)
    assert tuple(found) == MAPS
    for examples in found.values():
        assert [one.source for one in examples] == ["given", "network"] * 2
        for one in examples:
            assert one.values.shape[0] == len(one.groups) == len(one.rewards) - 1
            assert one.rewards[-1] == 0  # each has a subject
            # The ellipses are drawn loosely: what the networks find is about half right.
            assert one.rewards.max() > (0.99 if one.source == "given" else 0.4)
    learned, classical = (examples[1].values for examples in found.values())
    assert not (learned.shape == classical.shape and (learned == classical).all())


def test_without_an_eye_there_is_nothing_to_fit(data: Path) -> None:
    isolator = Isolator(load_cfg(None, [*OPTIONS, "VX.EYE.NAME", "none"]))
    with pytest.raises(ConfigError, match=r"VX\.EYE\.NAME is none"):
        gather(isolator, data, (), 0)


def test_masks_are_taken_from_photos_that_the_eye_was_not_trained_on(data: Path) -> None:
    content = json.loads((data / "instances.json").read_text())
    for image in content["images"]:
        image |= {"source": "studio", "split": "train"}
    (data / "instances.json").write_text(json.dumps(content))
    learned, held_out = (image["id"] for image in content["images"][:2])
    splits = data / "splits.json"
    splits.write_text(json.dumps({"train": [learned], "val": [held_out], "test": []}))
    isolator = Isolator(load_cfg(None, OPTIONS))
    found = gather(isolator, data, ("studio",), 10, splits)
    masked = [one for one in found["learned"] if one.source == "mask"]
    assert [one.photo for one in masked] == [str(held_out)]
    with pytest.raises(DataError, match=r"no photo of plates .* held out; give another source"):
        gather(isolator, data, ("plates",), 10, splits)
