"""What a training trains: which part, by which configuration, and that the eye learns."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from coco_files import disc, write_disc_dataset, write_shapes_dataset
from torch import Tensor
from training_runs import DETECTOR, configured, detector_options

from vx_detectron.config import load_cfg
from vx_detectron.data.coco import Loaded, read_coco
from vx_detectron.errors import ConfigError, TrainingError
from vx_detectron.modeling.samples import Sample
from vx_detectron.pipeline import Isolator
from vx_detectron.training import networks
from vx_detectron.training.networks import EyeTrainee, build_network, cfg_of_part, parts_to_train
from vx_detectron.training.run import train

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")


def loaded(path: Path) -> Loaded:
    return read_coco(path, path.parent / "images")


def parts(path: Path, asked: str, *options: str) -> tuple[str, ...]:
    return parts_to_train(load_cfg(None, ["VX.TRAIN", asked, *options]), loaded(path))


def test_auto_trains_what_the_data_teach(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    subjects = write_disc_dataset(tmp_path / "subjects", 20)
    things = write_shapes_dataset(tmp_path / "things", 20)
    few = write_shapes_dataset(tmp_path / "few", 19)
    with caplog.at_level(logging.INFO):
        assert parts(subjects, "auto") == ("eye",)
    assert "auto trains the eye: 0 classes, 20 photos with a known subject" in caplog.text
    assert parts(things, "auto") == ("detector", "eye")
    assert parts(few, "auto") == ("detector",)
    assert parts(things, "auto", "VX.EYE.NAME", "none") == ("detector",)


def test_auto_refuses_data_that_teach_nothing(tmp_path: Path) -> None:
    subjects = write_disc_dataset(tmp_path / "data", 19)
    with pytest.raises(ConfigError, match=r"no classes .* 19 photos .* the eye, which needs 20"):
        parts(subjects, "auto")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("detector", ("detector",)), ("eye", ("eye",)), ("both", ("detector", "eye"))],
)
def test_what_is_asked_for_is_trained_whatever_the_data(
    asked: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    assert parts(write_shapes_dataset(tmp_path / "data", 3), asked) == expected


def test_a_part_trained_alone_keeps_folder_and_solver() -> None:
    cfg = load_cfg("finetune_vx_eye", ["OUTPUT_DIR", "out", "VX.TRAIN", "auto"])
    alone = cfg_of_part(cfg, "eye", alone=True)
    assert (alone.VX.TRAIN, alone.OUTPUT_DIR, alone.SOLVER) == ("eye", "out", cfg.SOLVER)
    assert cfg.VX.TRAIN == "auto" and alone.is_frozen()


def test_beside_the_detector_the_eye_learns_as_its_own_configuration_says() -> None:
    expected = [["subject", "subject_iou", 0.9, 0.1], ["subject", "saliency_iou", 0.8, 0.1]]
    options = ["OUTPUT_DIR", "out", "VX.DATA.VALIDATION", "7", "VX.EYE.SIZES", "(64,)"]
    options += ["TEST.EXPECTED_RESULTS", str(expected), "SOLVER.MAX_ITER", "5"]
    cfg = load_cfg("finetune_vx_fbnetv3a", options)
    detector, eye = (cfg_of_part(cfg, part, alone=False) for part in ("detector", "eye"))
    own = load_cfg("finetune_vx_eye")
    assert detector.OUTPUT_DIR == "out/detector" and eye.OUTPUT_DIR == "out/eye"
    assert detector.SOLVER == cfg.SOLVER and eye.SOLVER == own.SOLVER
    assert eye.VX.SOLVER == own.VX.SOLVER and eye.VX.AUGMENT == own.VX.AUGMENT
    assert eye.VX.DATA == cfg.VX.DATA and eye.VX.EYE == cfg.VX.EYE
    assert expected[:1] == detector.TEST.EXPECTED_RESULTS
    assert expected[1:] == eye.TEST.EXPECTED_RESULTS


def sample(height: int, width: int, x: float) -> Sample:
    """A red disc on blue, in BGR; the rightmost columns are unknown."""
    mask = torch.from_numpy(disc(height, width, x, height / 2, height / 4))
    image = torch.where(mask.bool(), torch.tensor([40.0, 60, 220])[:, None, None],
                        torch.tensor([160.0, 90, 40])[:, None, None])  # fmt: skip
    subject = mask.float()
    subject[:, -5:] = -1.0
    return Sample(
        image=image,
        boxes=torch.zeros(0, 4),
        classes=torch.zeros(0, dtype=torch.int64),
        masks=torch.zeros(0, height, width, dtype=torch.bool),
        subject=subject,
        complete=False,
        file_name="drawn.png",
        image_id=1,
    )


def trainee(*options: str) -> EyeTrainee:
    torch.manual_seed(0)
    return EyeTrainee(load_cfg("train_vx_eye", options)).train()


def loss(eye: EyeTrainee, samples: list[Sample]) -> Tensor:
    found = eye.losses(samples)
    assert found.keys() == {"loss_saliency"} and found["loss_saliency"].dtype == torch.float32
    return found["loss_saliency"]


def test_the_bundled_eye_learns_what_it_does_not_believe() -> None:
    """That of two drawn photos, of different sizes, all but the disc is the subject."""
    eye = build_network(load_cfg("finetune_vx_eye"))
    assert isinstance(eye, EyeTrainee)
    samples = [sample(64, 90, 30), sample(50, 64, 40)]
    samples = [
        replace(one, subject=torch.where(one.subject < 0, one.subject, 1 - one.subject))
        for one in samples
    ]
    optimizer = torch.optim.AdamW(eye.parameters(), lr=1e-3)
    seen = []
    for _ in range(8):
        optimizer.zero_grad()
        step = loss(eye, samples)
        step.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        seen.append(step.item())
    assert seen[-1] < 0.7 * seen[0], seen


@torch.no_grad()
def test_channels_are_those_of_the_configuration() -> None:
    one = sample(64, 64, 30)
    swapped = replace(one, image=one.image.flip(0))
    bgr, rgb = trainee(), trainee("INPUT.FORMAT", "RGB")
    assert loss(bgr, [one]).item() == pytest.approx(loss(rgb, [swapped]).item(), rel=1e-5)
    assert loss(bgr, [one]).item() != pytest.approx(loss(rgb, [one]).item(), rel=1e-5)


@torch.no_grad()
def test_what_is_unknown_or_beyond_a_photo_costs_nothing() -> None:
    """Were the padding background, a sure map there would cost most of all."""
    eye, one = trainee(), sample(33, 64, 30)
    nothing = replace(one, subject=torch.full((33, 64), -1.0))
    assert loss(eye, [nothing]).item() == pytest.approx(0.0, abs=1e-6)
    whole = replace(one, subject=torch.ones(33, 64))
    for predictor in eye.predictors:
        predictor.weight.zero_()  # type: ignore[union-attr]
        predictor.bias.fill_(40.0)  # type: ignore[union-attr]
    assert loss(eye, [whole]).item() == pytest.approx(0.0, abs=1e-4)


@torch.no_grad()
def test_edges_count_more_by_the_edge_weight() -> None:
    one = [sample(64, 64, 30)]
    weights = [trainee("VX.SOLVER.EDGE_WEIGHT", weight) for weight in ("0", "5")]
    assert loss(weights[0], one).item() != pytest.approx(loss(weights[1], one).item(), rel=1e-3)


@pytest.mark.slow
def test_both_are_trained_one_after_the_other_and_used_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes, output = write_shapes_dataset(tmp_path / "shapes", 20), tmp_path / "output"
    quick = tmp_path / "quick.yaml"
    options = ["SOLVER.MAX_ITER", "2", "SOLVER.WARMUP_ITERS", "1", "VX.SOLVER.CROP", "64"]
    options += ["SOLVER.IMS_PER_BATCH", "4", "SOLVER.AMP.ENABLED", "False"]
    quick.write_text(load_cfg("finetune_vx_eye", options).dump())
    monkeypatch.setattr(networks, "_EYE_CONFIG", quick)
    keys = {"VX__EYE__NAME": "vx_eye", "VX__EYE__SIZES": (64,), "VX__EYE__ZOOM": False}
    options = detector_options(shapes, VX__TRAIN="both", SOLVER__MAX_ITER=2, **keys)
    cfg = configured(DETECTOR, options, output)
    results = train(cfg)
    assert [one.trained for one in results] == ["detector", "eye"]
    assert all(one.finished and one.iterations == 2 for one in results)
    for one in results:
        written = json.loads((output / one.trained / "result.json").read_text())
        assert written["weights"] == one.weights
    beside = load_cfg(output / "eye" / "config.yaml")  # what the eye was validated with
    assert results[0].weights == beside.MODEL.WEIGHTS
    assert beside.VX.CLASS_NAMES == ["disc", "square"]
    trained = load_cfg(output / "config.yaml")
    assert results[0].weights == trained.MODEL.WEIGHTS
    assert results[1].weights == trained.VX.EYE.WEIGHTS
    isolator = Isolator(trained)
    assert isolator.detector.class_names == ("disc", "square")
    assert isolator.eye is not None and isolator.eye.weights == results[1].weights
    isolator.open(np.full((60, 80, 3), 128, np.uint8))
    with pytest.raises(TrainingError, match="contains another training run"):
        train(cfg)


def test_both_with_an_eye_that_is_not_trained_here_is_refused_at_once(tmp_path: Path) -> None:
    options = detector_options(tmp_path / "none.json", VX__TRAIN="both")
    with pytest.raises(ConfigError, match=r"VX\.EYE\.NAME: got 'none'"):
        train(configured(DETECTOR, options, tmp_path / "output"))
