"""Training the hint decoder: the simulated person, the loss, its files, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from coco_files import write_disc_dataset, write_shapes_dataset
from numpy.typing import NDArray
from scipy import ndimage
from training_runs import configured, curve, eye_options

from vx_detectron.config import check_training, load_cfg
from vx_detectron.engines.torch_hints import EYE_SHA256, load_hint_decoder
from vx_detectron.errors import CheckpointError, ConfigError, TrainingError
from vx_detectron.modeling.eye import EyeNet
from vx_detectron.modeling.samples import Sample
from vx_detectron.training.hints import person, trainee
from vx_detectron.training.hints.detected import as_detected
from vx_detectron.training.hints.validation import Clicked, measure_clicks
from vx_detectron.training.run import evaluate, train_network
from vx_detectron.weights.catalog import sha256_of
from vx_detectron.weights.checkpoint_file import read_metadata

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")
CONFIG = "train_vx_hints"

Mask = NDArray[np.bool_]


def box(rows: slice, columns: slice, size: tuple[int, int] = (60, 80)) -> Mask:
    mask = np.zeros(size, dtype=np.bool_)
    mask[rows, columns] = True
    return mask


LEFT, RIGHT = box(slice(10, 40), slice(5, 30)), box(slice(20, 50), slice(45, 75))


def sample(masks: list[Mask], subject: Mask | None = None) -> Sample:
    size = (60, 80)
    known = torch.full(size, -1.0) if subject is None else torch.from_numpy(subject).float()
    layers = torch.from_numpy(np.stack(masks)) if masks else torch.zeros(0, *size, dtype=torch.bool)
    count = len(masks)
    classes = torch.zeros(count, dtype=torch.int64)
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0)) * 255
    return Sample(image, torch.zeros(count, 4), classes, layers, known, True, "a.png", 1)


def draws(count: int = 200) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


def test_a_person_wants_a_thing_two_or_a_piece() -> None:
    pieces = LEFT | box(slice(50, 58), slice(0, 30))
    found = {
        np.packbits(wanted > 0.5).tobytes()
        for one in draws()
        if (wanted := person.wanted(sample([pieces, RIGHT]), one)) is not None
    }
    possible = [pieces, RIGHT, pieces | RIGHT, LEFT, box(slice(50, 58), slice(0, 30))]
    assert found == {np.packbits(mask).tobytes() for mask in possible}


def test_a_person_wants_the_subject_where_no_thing_is_annotated() -> None:
    (one,) = draws(1)
    found = person.wanted(sample([], LEFT), one)
    assert found is not None and np.array_equal(found, LEFT)
    assert person.wanted(sample([]), one) is None
    assert person.wanted(sample([box(slice(0, 2), slice(0, 2))]), one) is None  # too small


def test_first_marks_are_right_and_of_every_kind() -> None:
    """What is to be kept is marked inside, what is to be dropped outside, a disc's reach aside."""
    target, kinds = LEFT.astype(np.float32), set()
    eye_map = (0.8 * RIGHT).astype(np.float32)
    near = ndimage.binary_dilation(LEFT, np.ones((3, 3)), iterations=person.POINT_RADIUS)
    deep = ndimage.binary_erosion(LEFT, np.ones((3, 3)), iterations=person.POINT_RADIUS)
    for one in draws():
        marks = person.first_marks(target, eye_map, one)
        assert not (marks.keep & marks.drop).any()
        assert not (marks.keep & ~near).any()
        box_drawn = bool(marks.drop.sum() > 0.4 * LEFT.size)
        assert box_drawn or not (marks.drop & deep).any()
        kinds.add((marks.previous is not None, box_drawn, marks.keep.any(), marks.drop.any()))
    # From the eye's map: the larger error is what it shows too much, or what it lacks.
    assert {one[0] for one in kinds} == {True, False}
    # A box, without a mark and with one; then a mark inside, without one outside and with one.
    assert {(False, True, False, True), (False, True, True, True)} <= kinds
    assert {(False, False, True, False), (False, False, True, True)} <= kinds


def test_who_goes_on_has_far_too_little_or_too_much_and_marks_an_error() -> None:
    size, shares, spilled = (240, 320), [], []
    thing = box(slice(60, 180), slice(90, 230), size)
    target = thing.astype(np.float32)
    near = ndimage.binary_dilation(thing, np.ones((3, 3)), iterations=person.POINT_RADIUS)
    deep = ndimage.binary_erosion(thing, np.ones((3, 3)), iterations=person.POINT_RADIUS)
    for one in draws():
        marks = person.no_marks(size)
        person._go_on(marks, target, one)
        before = marks.previous
        assert before is not None and before.dtype == np.float32
        cut = before >= 0.5
        assert marks.keep.any() and not (marks.keep & ~near).any()
        assert not (marks.drop & deep).any()
        # The last mark lies in an error, if a large one is left.
        pieces, count = ndimage.label(thing ^ cut, np.ones((3, 3)))
        large = count and np.bincount(pieces.ravel())[1:].max() > 4
        assert not large or (marks.keep & thing & ~cut).any() or (marks.drop & cut & ~thing).any()
        whole = cut.sum() / thing.sum()
        (spilled if (cut & ~near).any() else shares).append(whole)
    assert min(len(shares), len(spilled)) > 50
    assert min(shares) < 0.15 and np.median(shares) < 0.7
    assert np.median(spilled) > 1.5 and max(spilled) > 3


def test_a_detected_thing_is_near_the_true_one_and_never_quite_it() -> None:
    overlaps = []
    for one in draws():
        seen = as_detected(RIGHT, one)
        assert seen.dtype == np.float32 and seen.shape == RIGHT.shape
        assert seen.min() >= 0 and seen.max() <= 1
        assert not seen[:, : 45 - 15].any()  # far from its box
        inside = seen >= 0.5
        overlaps.append((inside & RIGHT).sum() / (inside | RIGHT).sum())
    assert min(overlaps) > 0.5 and np.median(overlaps) > 0.8
    assert min(overlaps) < 0.85 < max(overlaps)


def test_the_largest_error_is_marked_and_the_last_mark_counts() -> None:
    target = (LEFT | box(slice(0, 3), slice(0, 3))).astype(np.float32)
    target[45:60, 35:80] = -1  # nobody knows
    mask = RIGHT.astype(np.float32)
    keep, error = person.largest_error(mask, target)
    assert keep and np.array_equal(error, LEFT)
    missing_none = np.where(target > 0, target, RIGHT).astype(np.float32)
    keep, error = person.largest_error(missing_none, target)
    assert not keep and np.array_equal(error, RIGHT & (target == 0))
    (one,) = draws(1)
    marks = person.no_marks((60, 80))
    marks.correct(mask, target, one)
    assert marks.previous is mask and (marks.keep & LEFT).any() and not marks.drop.any()
    marks.add(False, LEFT)
    assert not (marks.keep & LEFT).any() and marks.drop[LEFT].all()
    assert not person.largest_error(target, target)[1].any()


def test_a_mark_lies_inside_and_strokes_stay_there() -> None:
    lengths = []
    near = ndimage.binary_dilation(LEFT, np.ones((3, 3)), iterations=person.POINT_RADIUS)
    for one in draws(60):
        mark = person.a_mark(LEFT, one)
        assert (mark & LEFT).any() and not (mark & ~near).any()
        lengths.append(int(mark.sum()))
    assert min(lengths) < 95 < max(lengths)  # discs of radius 5, and strokes


@pytest.fixture(scope="module")
def eye_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("eye") / "eye.pth"
    torch.save({"model": EyeNet().state_dict()}, path)
    return path


def hint_options(annotations: Path, eye: Path, **overrides: object) -> list[str]:
    values = {"VX__EYE__WEIGHTS": eye, "SOLVER__MAX_ITER": 4, "SOLVER__CHECKPOINT_PERIOD": 2,
              "TEST__EVAL_PERIOD": 2, "VX__AUGMENT__SEGMENT_PROB": 0, **overrides}  # fmt: skip
    return eye_options(annotations, **values)


def test_only_the_decoder_learns_and_the_same_seed_gives_the_same_loss(eye_path: Path) -> None:
    cfg = load_cfg(CONFIG, ["VX.EYE.WEIGHTS", str(eye_path)])
    torch.manual_seed(5)
    network = trainee.HintTrainee(cfg).train()
    assert not any(name.startswith("eye") for name in network.state_dict())
    samples = [sample([LEFT, RIGHT]), sample([]), sample([], LEFT)]
    totals = []
    for _ in range(2):
        torch.manual_seed(7)
        network.load_state_dict(network.state_dict())
        losses = network.losses(samples)
        assert list(losses) == ["loss_mask", "loss_obey"]
        totals.append(sum(one.item() for one in losses.values()))
    assert totals[0] == pytest.approx(totals[1], abs=1e-4)
    sum(losses.values()).backward()  # type: ignore[union-attr]
    assert all(value.grad is not None for value in network.parameters())
    assert all(value.grad is None for value in network.eye.network.parameters())


def test_a_batch_in_which_nothing_is_annotated_teaches_nothing(eye_path: Path) -> None:
    network = trainee.HintTrainee(load_cfg(CONFIG, ["VX.EYE.WEIGHTS", str(eye_path)]))
    losses = network.losses([sample([]), sample([])])
    assert [one.item() for one in losses.values()] == [0, 0]


def test_clicks_are_counted_as_the_literature_does() -> None:
    def clicked(*scores: float) -> Clicked:
        return Clicked(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), np.bool_), [*scores], [])

    figures = measure_clicks(
        [clicked(0, 0.5, 0.9, 0.8, 0.7, 0.6), clicked(0, 0.2, *[0.3] * 9), clicked(0, 1.0)]
    )
    assert figures == {
        "iou_1_click": pytest.approx((0.5 + 0.2 + 1.0) / 3),
        "iou_3_clicks": pytest.approx((0.8 + 0.3 + 1.0) / 3),
        "iou_5_clicks": pytest.approx((0.6 + 0.3 + 1.0) / 3),
        "click_iou": pytest.approx((1.7 + 2.1 + 1.9) / 9),
        "noc_85": pytest.approx((2 + 10 + 1) / 3),
    }
    assert measure_clicks([]) == {}


@pytest.mark.slow
def test_a_run_resumes_and_its_files_name_the_eye(tmp_path: Path, eye_path: Path) -> None:
    shapes = write_shapes_dataset(tmp_path / "data", 8, 64, 96)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    options = hint_options(shapes, eye_path)
    result = train_network(configured(CONFIG, options, whole))
    assert (result.trained, result.engine, result.best_by) == ("hints", "torchvision", "click_iou")
    assert result.best_iou == max(curve(whole, "click_iou").values())
    assert {"noc_85", "iou_1_click"} <= json.loads(
        (whole / "metrics.json").read_text().splitlines()[-1]
    ).keys()
    assert (whole / "predictions" / "0000003.jpg").exists()
    halves.mkdir()
    for name in ("config.yaml", "splits.json", "model_0000001.pth"):
        shutil.copy(whole / name, halves / name)
    (halves / "last_checkpoint").write_text("model_0000001.pth")
    train_network(configured(CONFIG, options, halves), resume=True)
    assert list(curve(halves)) == [2, 3]
    assert curve(halves)[3] == pytest.approx(curve(whole)[3], rel=1e-3)
    own = sha256_of(eye_path)
    for name in ("model_best.pth", "model_final.pth", "model_0000003.pth"):
        assert read_metadata(whole / name) == {"kind": "hints", EYE_SHA256: own}
    weights = str(whole / "model_best.pth")
    assert not load_hint_decoder(weights, "eye.pth", own).training
    keys = [*options, "OUTPUT_DIR", str(whole), "VX.HINTS.WEIGHTS", weights]
    figures = evaluate(load_cfg(CONFIG, keys))
    assert figures["click_iou"] == pytest.approx(result.best_iou, abs=0.02)
    other = tmp_path / "other.pth"
    torch.save({"model": EyeNet().state_dict()}, other)
    with pytest.raises(CheckpointError, match="do not fit"):
        evaluate(load_cfg(CONFIG, [*keys, "VX.EYE.WEIGHTS", str(other)]))
    with pytest.raises(TrainingError, match="belongs to another eye"):
        more = [*options, "VX.EYE.WEIGHTS", str(other), "SOLVER.MAX_ITER", "6"]
        train_network(configured(CONFIG, more, halves), resume=True)


@pytest.mark.slow
def test_it_learns_to_cut_what_is_clicked(tmp_path: Path, eye_path: Path) -> None:
    discs = write_disc_dataset(tmp_path / "data", 18)
    options = hint_options(discs, eye_path, SOLVER__MAX_ITER=40, TEST__EVAL_PERIOD=40)
    train_network(configured(CONFIG, options, tmp_path / "run"))
    losses = curve(tmp_path / "run", "loss_mask")
    assert np.mean([losses[i] for i in range(35, 40)]) < 0.8 * np.mean([losses[i] for i in (0, 1)])


def test_what_hints_cannot_be_trained_with_is_refused_by_name() -> None:
    for options, words in (
        (("VX.SOLVER.BEST_BY", "segm_AP"), "hints: 'auto' or 'click_iou'"),
        (("VX.EYE.NAME", "none"), "whose features hints are trained on, is vx_eye"),
    ):
        with pytest.raises(ConfigError, match=words):
            check_training(load_cfg(CONFIG, options))
    with pytest.raises(ConfigError, match=r"is for VX.TRAIN hints, got eye"):
        check_training(load_cfg("train_vx_eye", ["VX.AUGMENT.SEGMENT_PROB", "0.1"]))
