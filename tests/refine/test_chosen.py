"""What the chosen things, how likely each is, and the eye's map make together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vx_detectron.refine import RefineOptions, refine
from vx_detectron.refine.chosen import likely_mask, refine_chosen
from vx_detectron.structures import Candidate, Instances, Subject

SIZE = (64, 96)
LEFT, RIGHT = (8, 16, 40, 48), (56, 16, 88, 48)  # x0, y0, x1, y1
BLEND = RefineOptions(dense_crf=False, morphology=False, sharp_edge=False)


def _instances(regions: tuple[bool, bool], saliency: NDArray[np.float32]) -> Instances:
    """Two solid boxes."""
    return Instances(
        image_size=SIZE,
        boxes=np.array([LEFT, RIGHT], dtype=np.float32),
        scores=np.array([0.9, 0.8], dtype=np.float32),
        classes=np.array([-1 if region else 0 for region in regions]),
        mask_grids=np.ones((2, 28, 28), dtype=np.float32),
        class_names=("thing",),
        saliency=saliency,
        is_region=np.array(regions),
    )


def _subject(chosen: tuple[int, ...], scores: tuple[float, float], score: float = 1.0) -> Subject:
    ranking = tuple(Candidate(index, "", one, {}, {}) for index, one in enumerate(scores))
    return Subject(chosen, ranking, "", "ranking", score)


def _map(**boxes: float) -> NDArray[np.float32]:
    saliency = np.full(SIZE, 0.02, dtype=np.float32)
    for name, value in boxes.items():
        x0, y0, x1, y1 = {"left": LEFT, "right": RIGHT}[name]
        saliency[y0:y1, x0:x1] = value
    return saliency


def test_a_thing_counts_as_much_as_it_is_likely() -> None:
    found = _instances((False, False), _map(left=0.9))
    mask = likely_mask(found, _subject((0, 1), (0.4, 0.2), score=0.5))
    assert mask[32, 24] == pytest.approx(0.8)  # 0.4 of the 0.5 that there is a subject
    assert mask[32, 72] == pytest.approx(0.4)
    assert mask[4, 4] == 0


@pytest.mark.parametrize(("score", "kept"), [(0.95, True), (0.3, False)])
def test_the_map_overrules_only_a_doubtful_choice(score: float, kept: bool) -> None:
    """The detector chose the thing on the left; the eye sees only the one on the right."""
    found = _instances((False, False), _map(right=0.95))
    subject = _subject((0,), (score, 0.0))
    image = np.full((*SIZE, 3), 128, dtype=np.uint8)
    alpha, steps = refine_chosen(image, found, (0,), BLEND, subject=subject)
    assert bool(alpha[32, 24] >= 0.5) is kept
    assert bool(alpha[32, 72] >= 0.5) is not kept
    assert ("saliency fusion" in steps) is not kept
    picked, _ = refine_chosen(image, found, (0,), BLEND, subject=None)
    assert picked[32, 24] >= 0.5 > picked[32, 72]


@pytest.mark.parametrize("other_is_region", [True, False])
def test_beyond_a_region_the_map_speaks_for_itself(other_is_region: bool) -> None:
    saliency = _map(left=0.9, right=0.9)
    saliency[50:60, 8:40] = 0.6  # legs that were too faint to be part of the region
    found = _instances((True, other_is_region), saliency)
    mask = likely_mask(found, _subject((0,), (0.9, 0.1)))
    assert mask[32, 24] == pytest.approx(0.9)
    assert mask[55, 24] == pytest.approx(0.6)
    assert mask[32, 72] == 0  # another candidate, which was not chosen


def test_beside_a_detected_thing_the_map_does_not_count_twice() -> None:
    saliency = _map(left=0.9, right=0.9)
    saliency[50:60, 8:40] = 0.6
    found = _instances((False, True), saliency)
    assert likely_mask(found, _subject((0, 1), (1.0, 1.0)))[55, 24] == 0


def test_both_masks_show_the_same_pixels() -> None:
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    mask = np.ones((8, 8), dtype=np.float32)
    with pytest.raises(ValueError, match=r"likely must have the mask's shape \(8, 8\)"):
        refine(image, mask, cell=1.0, likely=np.ones((4, 4), dtype=np.float32))
