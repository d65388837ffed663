"""The whole way of a photo with the bundled network: real photos, real choices, honest labels."""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
import pytest

from vx_detectron.config import load_cfg
from vx_detectron.engines import Detector, Eye
from vx_detectron.engines.torchvision_engine import TorchvisionEngine
from vx_detectron.errors import NoSubjectError, SubjectError
from vx_detectron.image_io import Photo, as_photo
from vx_detectron.pipeline import FALLBACK, OWN_CUT_OUT, Isolator
from vx_detectron.refine import RefineOptions
from vx_detectron.refine.chosen import union_mask
from vx_detectron.structures import REGION_LABEL, ByteArray, FloatArray, Instances
from vx_detectron.subject import Choice

OPTIONS = ["VX.ENGINE", "torchvision", "MODEL.DEVICE", "cpu"]


@pytest.fixture(scope="module")
def isolator() -> Isolator:
    return Isolator(load_cfg(None, OPTIONS))


def without(isolator: Isolator, *options: str) -> Isolator:
    """The same loaded networks under other options."""
    return Isolator(load_cfg(None, [*OPTIONS, *options]), isolator.detector, isolator.eye)


def disc_photo() -> ByteArray:
    """A red disc on noisy green, 120 x 160."""
    noise = np.random.default_rng(0).integers(-10, 11, (120, 160, 3))
    rows, columns = np.mgrid[:120, :160]
    inside = (rows - 60) ** 2 + (columns - 80) ** 2 < 30**2
    colours = np.where(inside[..., None], (200, 50, 40), (40, 150, 50))
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


def test_the_astronaut_is_cut_out_whole(isolator: Isolator, astronaut: ByteArray) -> None:
    cutout = isolator.isolate(astronaut)
    assert "person" in [cutout.instances.label(i) for i in cutout.subject.chosen]
    assert cutout.subject.reason.startswith("the person")
    assert cutout.alpha.shape == astronaut.shape[:2] and cutout.alpha.dtype == np.float32
    face, suit = cutout.alpha[80:150, 190:260], cutout.alpha[300:450, 100:250]
    flag, wall = cutout.alpha[0:150, 0:60], cutout.alpha[20:180, 300:350]
    assert face.mean() > 0.99 and suit.mean() > 0.95
    assert flag.mean() < 0.01 and wall.mean() < 0.01


def test_the_result_says_what_really_ran(isolator: Isolator, astronaut: ByteArray) -> None:
    before = astronaut.copy()
    ran = isolator.isolate(astronaut).provenance
    assert (ran.engine, ran.device, ran.mask_source) == ("torchvision", "cpu", "instances")
    assert (ran.eye, ran.eye_engine) == ("vx_eye", "torch")
    assert ran.eye_weights == "bundled://vx_eye.safetensors"
    assert len(ran.weights_sha256) == len(ran.eye_sha256) == 64
    assert ran.weights_sha256 != ran.eye_sha256
    assert ran.refinement[-1] == "sharp edge" and "DenseCRF" in ran.refinement
    assert set(ran.seconds) == {"detector", "eye", "candidates", "subject", "refinement"}
    assert np.array_equal(astronaut, before)


def test_refinement_off_leaves_the_pasted_mask(isolator: Isolator, astronaut: ByteArray) -> None:
    switches = ("FUSE_SALIENCY", "MORPHOLOGY", "DENSE_CRF", "SHARP_EDGE")
    plain = without(isolator, *[o for s in switches for o in (f"VX.REFINE.{s}", "False")])
    cutout = plain.isolate(astronaut)
    assert cutout.provenance.refinement == ()
    assert np.array_equal(cutout.alpha, union_mask(cutout.instances, cutout.subject.chosen))


def test_a_person_may_choose_or_ask_for_what_is_not_there(
    isolator: Isolator, astronaut: ByteArray
) -> None:
    by_point = isolator.isolate(astronaut, Choice(point=(225, 110)))
    assert by_point.instances.label(by_point.subject.chosen[0]) == "person"
    with pytest.raises(SubjectError, match="giraffe"):
        isolator.isolate(astronaut, Choice(label="giraffe"))


def test_a_mirrored_photo_gives_the_mirrored_person(
    isolator: Isolator, astronaut: ByteArray
) -> None:
    alpha = isolator.isolate(astronaut).alpha[:200] >= 0.5
    mirrored = isolator.isolate(astronaut[:, ::-1].copy()).alpha[:200, ::-1] >= 0.5
    assert (alpha & mirrored).sum() / (alpha | mirrored).sum() > 0.9


class CountsPasses:
    """A network, and how often it was run."""

    def __init__(self, network: Detector | Eye | None) -> None:
        self.network, self.passes = network, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def predict(self, image: ByteArray) -> Instances:
        """Count, and run the detector."""
        self.passes += 1
        return cast(Detector, self.network).predict(image)

    def look(self, image: ByteArray) -> FloatArray:
        """Count, and run the eye."""
        self.passes += 1
        return cast(Eye, self.network).look(image)


def test_an_opened_photo_answers_many_choices_with_one_pass(
    isolator: Isolator, astronaut: ByteArray
) -> None:
    detector, eye = CountsPasses(isolator.detector), CountsPasses(isolator.eye)
    photo = Isolator(isolator.cfg, detector, eye).open(astronaut)
    first, again = photo.cut(), photo.cut(Choice(point=(225, 110)))
    everything = photo.select(Choice(everything=True))
    assert detector.passes == eye.passes == 1
    assert np.array_equal(first.alpha, isolator.isolate(astronaut).alpha)
    assert again.subject.method.startswith("point")
    assert len(everything.chosen) == len(photo.instances)
    raw = RefineOptions(fuse_saliency=False, dense_crf=False, morphology=False, sharp_edge=False)
    unrefined = photo.cut(refine_options=raw)
    assert unrefined.provenance.refinement == () != first.provenance.refinement


def test_without_an_eye_the_detector_decides_alone_and_the_result_says_so(
    astronaut: ByteArray,
) -> None:
    alone = Isolator(load_cfg(None, [*OPTIONS, "VX.EYE.NAME", "none"]))
    assert alone.eye is None
    cutout = alone.isolate(astronaut)
    ran = cutout.provenance
    assert (ran.eye, ran.eye_engine, ran.eye_weights, ran.eye_sha256) == ("none", "", "", "")
    assert "eye" not in ran.seconds and "detector" in ran.seconds
    assert cutout.instances.saliency is None
    assert cutout.instances.label(cutout.subject.chosen[0]) == "person"
    assert cutout.alpha[80:150, 190:260].mean() > 0.99
    assert REGION_LABEL not in map(cutout.instances.label, range(len(cutout.instances)))


def test_a_detector_that_is_given_has_the_eye_that_is_given(isolator: Isolator) -> None:
    assert Isolator(isolator.cfg, isolator.detector).eye is None
    assert Isolator(isolator.cfg, isolator.detector, isolator.eye).eye is isolator.eye


class FindsNothing:
    """A detector that finds no instance."""

    name, device, weights, weights_sha256 = "none", "cpu", "none", ""
    class_names = ("person",)

    def predict(self, image: ByteArray) -> Instances:
        """No instance."""
        empty: FloatArray = np.zeros((0, 4), np.float32)
        return Instances(
            image_size=(image.shape[0], image.shape[1]),
            boxes=empty,
            scores=np.zeros(0, np.float32),
            classes=np.zeros(0, np.int64),
            mask_grids=np.zeros((0, 28, 28), np.float32),
            class_names=self.class_names,
        )


def transparent(pixels: ByteArray, own: ByteArray) -> Photo:
    """That picture, as transparent as asked for."""
    return as_photo(np.dstack([pixels, own]))


def test_the_photos_own_transparency_bounds_the_result(
    isolator: Isolator, astronaut: ByteArray
) -> None:
    own = np.full((512, 512), 255, dtype=np.uint8)
    own[300:] = 128  # half there, as people behind a glass
    own[200:260, 200:260] = 0  # a hole in the middle of her
    cutout = isolator.isolate(transparent(astronaut, own))
    assert (cutout.alpha <= own / np.float32(255)).all()
    assert (cutout.alpha[200:260, 200:260] == 0).all()
    half_there = cutout.rgba[350:450, 150:250]
    assert (half_there[..., 3] == 128).mean() > 0.9
    kept = half_there[..., 3] == 128
    np.testing.assert_array_equal(half_there[kept][:, :3], astronaut[350:450, 150:250][kept])
    assert (isolator.open(transparent(astronaut, own)).alpha_of(0) <= own / np.float32(255)).all()


def test_what_is_cut_out_already_is_a_subject_where_nothing_is_found() -> None:
    own = np.zeros((120, 160), dtype=np.uint8)
    own[30:90, 40:120] = 200
    nothing = Isolator(load_cfg(None, OPTIONS), FindsNothing())
    cutout = nothing.isolate(transparent(disc_photo(), own))
    np.testing.assert_array_equal(cutout.alpha, own / np.float32(255))
    assert cutout.provenance.mask_source == cutout.subject.method == OWN_CUT_OUT
    assert "cut out already" in cutout.subject.reason and cutout.labels == ()
    own[:] = 255
    own[:2] = 0  # too little to be a cut-out
    assert nothing.isolate(transparent(disc_photo(), own)).subject.method == FALLBACK


def test_a_cut_out_is_kept_whole_unless_a_person_chooses(
    isolator: Isolator, astronaut: ByteArray
) -> None:
    person = isolator.isolate(astronaut).alpha >= 0.5
    own = np.where(person, 255, 0).astype(np.uint8)
    own[:400, 440:] = 255  # what the network would never take for a part of her
    own[390:400, 300:] = 255
    cutout = isolator.isolate(transparent(astronaut, own))
    np.testing.assert_array_equal(cutout.alpha, own / np.float32(255))
    assert cutout.provenance.mask_source == OWN_CUT_OUT and "person" in cutout.labels
    assert "kept whole" in cutout.subject.reason
    chosen = isolator.isolate(transparent(astronaut, own), Choice(label="person"))
    assert chosen.alpha[50:350, 460:].mean() < 0.1
    assert chosen.provenance.mask_source != OWN_CUT_OUT


def test_errors_bring_the_photos_notes_along(isolator: Isolator) -> None:
    clear = transparent(np.full((60, 60, 3), 90, np.uint8), np.zeros((60, 60), np.uint8))
    with pytest.raises(NoSubjectError) as nothing:
        Isolator(load_cfg(None, OPTIONS), FindsNothing()).isolate(clear)
    with pytest.raises(SubjectError) as other:
        isolator.isolate(clear, Choice(label="giraffe"))
    for error in (nothing.value, other.value):
        assert error.notes == ("its alpha channel is zero everywhere and was ignored",)


def test_where_nothing_is_found_grabcut_helps_and_says_so() -> None:
    cutout = Isolator(load_cfg(None, OPTIONS), FindsNothing()).isolate(disc_photo())
    assert cutout.provenance.mask_source == cutout.subject.method == FALLBACK
    assert not cutout.subject and "GrabCut" in cutout.subject.reason
    assert cutout.alpha[60, 80] == 1 and cutout.alpha[5, 5] == 0


def test_without_the_fallback_or_anything_salient_there_is_no_subject() -> None:
    refusing = Isolator(load_cfg(None, [*OPTIONS, "VX.FALLBACK.ENABLED", "False"]), FindsNothing())
    with pytest.raises(NoSubjectError):
        refusing.isolate(disc_photo())
    flat = np.full((100, 100, 3), 90, np.uint8)
    with pytest.raises(NoSubjectError, match="nothing stands out"):
        Isolator(load_cfg(None, OPTIONS), FindsNothing()).isolate(flat)


class StoppedError(Exception):
    """What a caller raises to end the work."""


@pytest.mark.parametrize("allowed", [0, 1])
def test_a_check_ends_the_work_before_and_after_the_network(allowed: int) -> None:
    ran = list[str]()

    class Noted(FindsNothing):
        def predict(self, image: ByteArray) -> Instances:
            ran.append("network")
            return super().predict(image)

    def check() -> None:
        if len(ran) >= allowed:
            raise StoppedError

    with pytest.raises(StoppedError):
        Isolator(load_cfg(None, OPTIONS), Noted()).isolate(disc_photo(), check=check)
    assert len(ran) == allowed


def test_tiny_and_narrow_photos_are_decided_not_crashed(isolator: Isolator) -> None:
    for shape in ((1, 1, 3), (3, 400, 3), (400, 2, 3)):
        try:
            cutout = isolator.isolate(np.full(shape, 120, np.uint8))
        except NoSubjectError:
            continue
        assert cutout.alpha.shape == shape[:2]


def test_a_network_is_loaded_with_its_own_thresholds() -> None:
    engine = TorchvisionEngine(load_cfg(None, [*OPTIONS, "TEST.DETECTIONS_PER_IMAGE", "1"]))
    assert len(engine.predict(disc_photo())) <= 1


def test_a_salient_region_is_cut_along_the_map_itself(isolator: Isolator) -> None:
    """Not along the coarse grid that stands for it among the instances."""
    photo = disc_photo()
    opened = isolator.open(photo)
    (region,) = [
        index
        for index in range(len(opened.instances))
        if opened.instances.label(index) == REGION_LABEL
    ]
    mask = union_mask(opened.instances, (region,))
    saliency = opened.instances.saliency
    assert saliency is not None
    whole = cv2.resize(saliency, (160, 120), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(mask >= 0.5, whole >= 0.5)
