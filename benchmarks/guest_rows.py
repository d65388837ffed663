"""A guest in the table of results: its map alone, and as the eye of our pipeline."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from vx_detectron.config import load_cfg
from vx_detectron.engines import Eye, build_eye
from vx_detectron.errors import EngineError, NoSubjectError
from vx_detectron.evaluation.predictors import NO_SUBJECT, Prediction, whole_map
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import ByteArray, FloatArray


class GuestRows:
    """Two variants of every photo, from one look of the guest.

    Args:
        isolator: ours; the guest works beside its detector.
        name: of the rows.
        eye: the guest's name, or its ONNX file.

    Attributes:
        alone: the variant of the map alone, stretched as the guest's own tools do it.
        within: the variant of our pipeline with that map.
        facts: name and digest, for the page.
    """

    def __init__(self, isolator: Isolator, name: str, eye: str) -> None:
        cfg = load_cfg(None, ["MODEL.DEVICE", "cpu", "VX.EYE.NAME", repr(eye)])
        built = build_eye(cfg)
        if built is None:
            raise EngineError(f"--guest {name}: {eye!r} is no network")
        self._once = _Once(built)
        self._pipeline = Isolator(cfg, isolator.detector, self._once)
        self.alone, self.within = f"{name}, its map alone", f"{name} as our eye"
        self.names = (self.alone, self.within)
        self.facts: dict[str, Any] = {
            "name": name, "sha256": built.weights_sha256, "alone": self.alone,
            "within": self.within,
        }  # fmt: skip

    def predict(self, photo: ByteArray) -> dict[str, Prediction]:
        """Both masks of one photo, uint8 (H, W, 3) RGB."""
        started = perf_counter()
        found = self._once.first(photo)
        seconds = {"eye": perf_counter() - started}
        size = photo.shape[0], photo.shape[1]
        made = {self.alone: Prediction(whole_map(found, size), "saliency", seconds)}
        try:
            cut = self._pipeline.isolate(photo)
            made[self.within] = Prediction(cut.alpha, cut.provenance.mask_source)
        except NoSubjectError:
            nothing = Prediction(whole_map(found * 0, size), NO_SUBJECT)
            made[self.within] = nothing
        return made


class _Once:
    """An eye that keeps its last look: a guest can take seconds."""

    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self.name, self.engine, self.device = eye.name, eye.engine, eye.device
        self.weights, self.weights_sha256 = eye.weights, eye.weights_sha256

    def first(self, image: ByteArray) -> FloatArray:
        """Look, and keep what is seen."""
        self._seen = self._eye.look(image)
        return self._seen

    def look(self, image: ByteArray) -> FloatArray:
        """What was seen of this photo before; see ``engines.Eye``."""
        return self._seen
