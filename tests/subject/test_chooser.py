"""The fitted numbers: they are there, they are checked, and they are probabilities."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import numpy as np
import pytest
from subject_scenes import CORNER_PERSON, DOG, blank, instances, salient

from vx_detectron.errors import ConfigError
from vx_detectron.subject import FEATURES, Chooser, load_chooser, look, measure, propose, select
from vx_detectron.subject.chooser import FITTED, MAPS, parse_chooser

COUNT = len(FEATURES)


def fits() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FITTED.read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("learned", [True, False])
def test_the_package_s_own_fit_obeys_common_sense(learned: bool) -> None:
    chooser = load_chooser(learned)
    weights = dict(zip(FEATURES, chooser.weights, strict=True))
    for name in ("saliency", "attention", "size", "centrality", "border", "focus", "equipment"):
        assert weights[name] >= 0
    for name in ("furniture", "unrelated", "kin_left_out", "neighbour_left_out"):
        assert weights[name] <= 0
    assert chooser.nothing > 0  # a typical thing is no subject


def test_the_probabilities_are_those_of_a_logit() -> None:
    chooser = Chooser((2.0,) + (0.0,) * (COUNT - 1), (0.5,) + (0.0,) * (COUNT - 1), 0.0)
    values = np.zeros((2, COUNT), dtype=np.float32)
    values[:, 0] = 1.0, 0.5
    odds = np.array([math.exp(1.0), 1.0])
    np.testing.assert_allclose(chooser.probabilities(values), odds / (odds.sum() + 1), rtol=1e-6)
    np.testing.assert_allclose(chooser.evidence(values)[:, 0], [1.0, 0.0])


def test_extreme_odds_do_not_overflow() -> None:
    chooser = Chooser((1e6,) * COUNT, (0.0,) * COUNT, -1e6)
    values = np.array([[1.0] * COUNT, [0.0] * COUNT], dtype=np.float32)
    np.testing.assert_array_equal(chooser.probabilities(values), [1.0, 0.0])
    assert chooser.probabilities(values[:0]).shape == (0,)


def test_a_candidate_s_score_is_the_sum_over_the_sets_it_is_in() -> None:
    found = instances([DOG, CORNER_PERSON], salient(DOG[1]))
    scene = look(blank(), found)
    groups = propose(scene)
    chances = load_chooser(True).probabilities(measure(scene, groups))
    for one in select(blank(), found).ranking:
        within = [float(chance) for group, chance in zip(groups, chances, strict=True)
                  if one.index in group]  # fmt: skip
        assert one.score == pytest.approx(sum(within), abs=1e-6)
        assert set(one.features) == set(one.contributions) == set(FEATURES)


def test_the_chances_of_one_photo_add_up_to_at_most_one() -> None:
    subject = select(blank(), instances([DOG, CORNER_PERSON], salient(DOG[1])))
    assert 0 < subject.ranking[0].score <= subject.score <= 1


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("harm", ["no map", "no feature", "a new feature", "text", "nan", "list"])
def test_a_file_that_is_not_as_it_should_be_is_refused(name: str, harm: str) -> None:
    broken = copy.deepcopy(fits())
    features = broken[name]["features"]
    if harm == "no map":
        del broken[name]
    elif harm == "no feature":
        del features["size"]
    elif harm == "a new feature":
        features["colour"] = features["size"]
    elif harm == "text":
        features["size"]["weight"] = "much"
    elif harm == "nan":
        features["size"]["typical"] = math.nan
    else:
        broken[name] = []
    with pytest.raises(ConfigError, match=r"chooser\.json.*fit it again"):
        parse_chooser(broken, name)
