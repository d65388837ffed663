"""The ranking and its options."""

import pytest
from subject_scenes import CORNER_PERSON, DOG, instances, salient

from vx_detectron.errors import ConfigError
from vx_detectron.subject import FEATURES, SubjectOptions, measure, rank

MAP = salient(DOG[1])


def ranked(things, **options):
    return rank(measure(instances(things, MAP), MAP), SubjectOptions(**options))


def test_the_large_central_salient_one_is_first():
    ranking = ranked([CORNER_PERSON, DOG])
    assert [one.label for one in ranking] == ["dog", "person"]
    assert [one.index for one in ranking] == [1, 0]
    assert ranking[0].score > ranking[1].score + 0.3


def test_contributions_add_up_to_the_score():
    for one in ranked([DOG, CORNER_PERSON]):
        assert set(one.contributions) == set(one.features) == set(FEATURES)
        assert sum(one.contributions.values()) == pytest.approx(one.score)
        assert 0 <= one.score <= 1


def test_only_the_proportions_of_the_weights_count():
    weights = dict(zip(FEATURES, (1.0, 2.0, 3.0, 4.0, 5.0), strict=True))
    tenfold = {name: 10 * value for name, value in weights.items()}
    one, other = ranked([DOG], weights=weights)[0], ranked([DOG], weights=tenfold)[0]
    assert one.score == pytest.approx(other.score)
    assert one.score == pytest.approx(
        sum(weights[name] * one.features[name] for name in FEATURES) / 15
    )


def test_a_single_weight_ranks_by_that_feature_alone():
    weights = {name: float(name == "confidence") for name in FEATURES}
    sure_person = ("person", CORNER_PERSON[1], 0.99)
    ranking = ranked([DOG, sure_person], weights=weights)
    assert ranking[0].label == "person" and ranking[0].score == pytest.approx(0.99)


def test_at_most_max_candidates_are_kept():
    things = [DOG, CORNER_PERSON, ("horse", (294, 192, 299, 199), 0.2)]
    assert [one.label for one in ranked(things, max_candidates=2)] == ["dog", "person"]


def test_no_instances_give_an_empty_ranking():
    assert ranked([]) == ()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": {"size": 1.0}}, "must name the features saliency, size"),
        ({"weights": dict.fromkeys(FEATURES, 0.0)}, "above 0"),
        ({"weights": {**dict.fromkeys(FEATURES, 1.0), "size": -1.0}}, "at least 0"),
        ({"weights": {**dict.fromkeys(FEATURES, 1.0), "size": float("nan")}}, "finite"),
        ({"min_score": 1.5}, "min_score must be within 0..1, got 1.5"),
        ({"touch_size": float("nan")}, "touch_size"),
        ({"max_candidates": 0}, "max_candidates"),
        ({"region_max": -1}, "region_max"),
    ],
)
def test_impossible_options_are_refused_by_name(options, words):
    with pytest.raises(ConfigError, match=words):
        SubjectOptions(**options)
