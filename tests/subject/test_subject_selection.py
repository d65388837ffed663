"""The step as a whole: automatic choice, manual choices, and what must not change it."""

import numpy as np
import pytest
from subject_scenes import (
    CORNER_PERSON,
    DOG,
    HEIGHT,
    WIDTH,
    blank,
    instances,
    salient,
)

from vx_detectron.errors import SubjectError
from vx_detectron.structures import REGION_LABEL, Instances
from vx_detectron.subject import Choice, SubjectOptions, add_salient_regions, look, select
from vx_detectron.subject.reasons import chosen_reason

MAP = salient(DOG[1])
NESTED = ("skateboard", (130, 80, 170, 120), 0.85)  # within the dog
SECOND_PERSON = ("person", (240, 60, 290, 180), 0.80)
THINGS = [DOG, CORNER_PERSON, NESTED, SECOND_PERSON]


def pick(things=THINGS, saliency=MAP, **choice):
    return select(blank(), instances(things, saliency), choice=Choice(**choice))


def refused(**choice):
    with pytest.raises(SubjectError) as caught:
        pick(**choice)
    return str(caught.value)


# --- automatic -----------------------------------------------------------------------------


def test_the_obvious_subject_is_chosen_and_the_reason_says_why():
    subject = select(blank(), instances([CORNER_PERSON, DOG], MAP))
    assert subject and subject.chosen == (1,) and subject.method == "ranking"
    best, other = subject.ranking
    assert subject.reason.startswith("the dog (")
    assert f": {best.reason}; next best: person (" in subject.reason
    assert best.reason.startswith("medium-sized (17 % of the photo), ")
    assert "draws the eye" in best.reason and "against it" not in best.reason
    assert "far from the centre" in other.reason.partition("against it")[2]
    assert best.score > 0.9 and other.score < 0.1


def test_a_lone_instance_has_no_next_best():
    assert "nothing else was found" in select(blank(), instances([DOG], MAP)).reason


def test_nothing_found_is_no_subject():
    subject = select(blank(), instances([], MAP))
    assert not subject and subject.chosen == () and subject.ranking == ()
    assert subject.reason == "no subject: nothing was found in the photo"


def test_an_unworthy_best_candidate_is_no_subject_and_the_reason_names_it():
    unsure = ("person", CORNER_PERSON[1], 0.3)
    subject = select(blank(), instances([unsure], salient()))
    assert not subject and subject.method == "ranking" and len(subject.ranking) == 1
    assert subject.reason.startswith("no subject: the best candidate, person, is not enough (")
    assert "(under 1 % where 20 % is needed)" in subject.reason
    assert subject.reason.endswith(subject.ranking[0].reason)
    assert "small (1 % of the photo)" in subject.reason
    for word in ("cut by the frame", "of uncertain kind"):
        assert word in subject.reason.partition("against it")[2]


@pytest.mark.parametrize("name", ["gravel", "rocket", "coffee"])
def test_a_texture_is_no_subject_whatever_it_is_taken_for(name, request):
    photo = request.getfixturevalue(name)[:384, :384]
    whole = ("dog", (0, 0, 384, 384), 0.6)
    flat = np.full((96, 96), 0.3, dtype=np.float32)
    subject = select(photo, instances([whole], flat, size=(384, 384)))
    assert not subject and subject.score < 0.1


def test_the_threshold_decides():
    found = instances([CORNER_PERSON], salient())
    assert select(blank(), found, SubjectOptions(min_score=0.0)).chosen == (0,)
    assert select(blank(), instances([CORNER_PERSON], MAP)).chosen == ()


def test_without_a_learned_map_the_photo_itself_decides(rocket):
    height, width = rocket.shape[:2]
    things = [
        ("dog", (0, 0, 140, 200), 0.9),  # a piece of the night sky
        ("horse", (290, 60, 390, 380), 0.9),  # the rocket, its flame and its light
    ]
    subject = select(rocket, instances(things, size=(height, width)))
    assert subject.chosen == (1,)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2)])
def test_tiny_photos_do_not_break_it(size):
    whole = ("dog", (0, 0, size[1], size[0]), 0.9)
    subject = select(blank(size), instances([whole], size=size))
    assert len(subject.ranking) == 1


def test_a_photo_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"\(200, 300\), got \(10, 10\)"):
        select(blank((10, 10)), instances([DOG]))


# --- groups --------------------------------------------------------------------------------

RIDER = ("person", (120, 15, 170, 110), 0.95)
HORSE = ("horse", (70, 40, 210, 185), 0.95)


def rider_and_horse():
    """The rider sits on the horse's back; its neck and head rise to the left of it."""
    body, neck = (70, 105, 210, 185), (70, 40, 115, 185)
    found = instances([HORSE, RIDER], salient(body, neck, RIDER[1]))
    found.mask_grids[0, :12, 9:] = 0.0
    return found


def chosen(*things, map_of=None):
    subject = select(blank(), instances(things, salient(*(box for _, box, _ in map_of or things))))
    return {things[index] for index in subject.chosen}, subject


def test_rider_and_horse_are_one_subject():
    subject = select(blank(), rider_and_horse())
    assert set(subject.chosen) == {0, 1}
    assert "the horse" in subject.reason and "the person" in subject.reason
    assert "they belong together; the " in subject.reason


def test_a_region_belongs_to_nobody_but_may_overlap():
    person = ("person", (120, 40, 180, 160), 0.9)
    found = add_salient_regions(instances([person], salient((100, 60, 200, 160))))
    scene = look(blank(), found)
    ranking = select(blank(), found).ranking
    region_first = sorted(ranking, key=lambda one: one.label != REGION_LABEL)
    reason = chosen_reason(region_first, ranking, scene)
    assert reason.startswith("the salient region and the person (")
    assert "they touch or overlap; the salient region leads: " in reason
    reason = chosen_reason(region_first[::-1], ranking, scene)
    assert reason.startswith("the person, completed by the saliency map (")
    assert "they " not in reason


def test_grouping_can_be_switched_off():
    subject = select(blank(), rider_and_horse(), SubjectOptions(groups=False))
    assert len(subject.chosen) == 1


def test_two_equal_people_belong_together_without_touching():
    left = ("person", (60, 50, 120, 170), 0.95)
    right = ("person", (180, 50, 240, 170), 0.95)
    both, subject = chosen(left, right)
    assert both == {left, right} and "they are alike" in subject.reason


def test_a_person_and_what_stands_beside_them_do_not():
    person = ("person", (60, 40, 140, 170), 0.95)
    table = ("dining table", (180, 50, 240, 170), 0.95)
    assert chosen(person, table, map_of=[person])[0] == {person}


def test_a_passer_by_far_behind_does_not_join():
    front = ("person", (100, 30, 200, 190), 0.95)
    behind = ("person", (10, 60, 25, 100), 0.95)
    assert chosen(front, behind, map_of=[front])[0] == {front}


def test_a_tiny_thing_in_the_middle_loses_to_a_large_one_beside_it():
    tiny = ("dog", (145, 95, 155, 105), 0.95)
    large = ("horse", (20, 40, 130, 170), 0.95)
    assert chosen(tiny, large, map_of=[large])[0] == {large}


def test_a_large_thing_that_the_frame_cuts_loses_to_one_that_is_whole():
    cut = ("dog", (0, 0, 90, 120), 0.95)
    whole = ("dog", (120, 50, 220, 160), 0.95)
    assert chosen(cut, whole, map_of=[whole])[0] == {whole}


# --- what must not change it ---------------------------------------------------------------

GROUP = [("person", (100, 20, 150, 150), 0.9), ("horse", (90, 80, 210, 180), 0.8), CORNER_PERSON]


def mirrored(found: Instances) -> Instances:
    x0, y0, x1, y1 = found.boxes.T
    return Instances(
        image_size=found.image_size,
        boxes=np.stack([WIDTH - x1, y0, WIDTH - x0, y1], axis=1),
        scores=found.scores,
        classes=found.classes,
        mask_grids=found.mask_grids[:, :, ::-1].copy(),
        class_names=found.class_names,
        saliency=None if found.saliency is None else found.saliency[:, ::-1].copy(),
    )


@pytest.mark.parametrize("things", [THINGS, GROUP])
def test_a_mirrored_photo_has_the_same_subject(things):
    found = instances(things, salient(things[0][1], things[1][1]))
    one, other = select(blank(), found), select(blank(), mirrored(found))
    assert one.chosen == other.chosen
    for before, after in zip(one.ranking, other.ranking, strict=True):
        assert before.score == pytest.approx(after.score, abs=0.01)


@pytest.mark.parametrize("things", [THINGS, GROUP, [DOG, DOG, CORNER_PERSON]])
def test_the_order_of_the_instances_does_not_matter(things):
    saliency = salient(things[0][1], things[1][1])
    first = select(blank(), instances(things, saliency))
    rng = np.random.default_rng(3)
    for _ in range(5):
        order = rng.permutation(len(things))
        shuffled = [things[position] for position in order]
        other = select(blank(), instances(shuffled, saliency))
        assert [shuffled[k] for k in other.chosen] == [things[k] for k in first.chosen]
        assert other.reason == first.reason


def test_a_photo_twice_as_large_scores_the_same(coffee):
    height, width = coffee.shape[:2]
    cup = ("dining table", (150, 60, 480, 330), 0.9)
    spoon = ("dog", (10, 300, 120, 390), 0.8)
    large_things = [(name, tuple(2 * side for side in box), s) for name, box, s in (cup, spoon)]
    one = select(coffee, instances([cup, spoon], size=(height, width)))
    large = coffee.repeat(2, axis=0).repeat(2, axis=1)
    other = select(large, instances(large_things, size=(2 * height, 2 * width)))
    assert one.chosen == other.chosen
    for before, after in zip(one.ranking, other.ranking, strict=True):
        assert before.score == pytest.approx(after.score, abs=0.03)


# --- manual --------------------------------------------------------------------------------


def test_no_choice_is_the_automatic_one():
    assert not Choice()
    assert pick().chosen == select(blank(), instances(THINGS, MAP)).chosen


def test_by_class_in_any_case_the_best_ranked_one():
    subject = pick(label=" PERSON ")
    ranked_people = [one.index for one in subject.ranking if one.label == "person"]
    assert subject.chosen == (ranked_people[0],) == (3,)
    assert subject.method == "class PERSON"
    assert "the person: chosen by hand" in subject.reason


def test_a_class_that_is_not_in_the_photo():
    message = refused(label="horse")
    assert "there is no horse in the photo" in message
    assert "the photo holds dog, person, skateboard" in message


def test_an_unknown_class_names_near_ones_and_what_there_is():
    message = refused(label="persn")
    assert "'persn' is not a class" in message and "did you mean person" in message
    assert "the photo holds dog, person, skateboard" in message


def test_a_class_unlike_any_other():
    message = refused(label="zzzz")
    assert "did you mean" not in message and "the photo holds" in message


def test_by_rank():
    subject = pick(rank=2)
    assert subject.chosen == (subject.ranking[1].index,) and subject.method == "rank 2"
    assert "rank 2 of 4" in subject.reason


def test_a_rank_beyond_the_last():
    message = refused(rank=5)
    assert "no rank 5" in message and "ends at 4" in message and "1: dog" in message


@pytest.mark.parametrize(
    ("point", "index"),
    [((110, 60), 0), ((150, 100), 2), ((265, 100), 3), ((12.7, 20.2), 1)],
)
def test_by_point_the_inner_one_of_nested(point, index):
    assert pick(point=point).chosen == (index,)


def test_by_point_the_surest_of_crossing_masks():
    found = instances([DOG, ("horse", (150, 100, 290, 190), 0.9)], MAP)
    faint = found.mask_grids.copy()
    faint[1] *= 0.6
    found = Instances(
        found.image_size, found.boxes, found.scores, found.classes, faint, found.class_names, MAP
    )
    assert select(blank(), found, choice=Choice(point=(175, 125))).chosen == (0,)
    assert select(blank(), found, choice=Choice(point=(250, 150))).chosen == (1,)


@pytest.mark.parametrize("point", [(-1, 5), (WIDTH, 5), (5, HEIGHT), (5, -0.5)])
def test_a_point_outside_the_photo(point):
    assert "lies outside the photo of 300 x 200 pixels" in refused(point=point)


def test_a_point_where_nothing_is():
    assert "nothing was found at the point 60, 180" in refused(point=(60, 180))


@pytest.mark.parametrize(
    ("box", "index"),
    [
        ((95, 45, 205, 155), 0),
        ((125, 78, 175, 125), 2),
        ((230, 50, 400, 300), 3),  # reaches out of the photo
        ((-5, -5, 30, 50), 1),
    ],
)
def test_by_box_the_one_that_fits_best(box, index):
    assert pick(box=box).chosen == (index,)


def test_a_box_outside_the_photo():
    assert "outside the photo" in refused(box=(400, 10, 500, 50))


def test_a_box_with_nothing_in_it():
    assert "nothing was found in the box" in refused(box=(40, 160, 90, 190))


def test_everything_the_detector_is_sure_of():
    faint = ("horse", (20, 100, 90, 190), 0.1)
    subject = pick([*THINGS, faint], everything=True)
    assert sorted(subject.chosen) == [0, 1, 2, 3] and subject.method == "everything"
    assert "2 x person" in subject.reason


def test_everything_but_nothing_is_sure():
    message = refused(things=[("horse", (20, 100, 90, 190), 0.1)], everything=True)
    assert "0.30 or more" in message and "the best has 0.10" in message


@pytest.mark.parametrize(
    "choice", [{"label": "dog"}, {"rank": 1}, {"point": (5, 5)}, {"everything": True}]
)
def test_a_choice_among_nothing(choice):
    assert "nothing was found in the photo" in refused(things=[], **choice)


def test_a_manual_choice_overrules_the_threshold():
    subject = select(
        blank(), instances([CORNER_PERSON], MAP), SubjectOptions(min_score=1.0), Choice(rank=1)
    )
    assert subject.chosen == (0,)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"label": "dog", "rank": 1}, "label and rank"),
        ({"point": (0.0, 0.0), "everything": True}, "point and everything"),
        ({"label": " "}, "empty"),
        ({"added": ("dog", "")}, "empty"),
        ({"added": ("dog",), "removed": (" Dog",)}, "dog cannot be both added and removed"),
        ({"rank": 0}, "counts from 1"),
        ({"point": (float("nan"), 3.0)}, "finite"),
        ({"point": (1.0, 2.0, 3.0)}, "2 finite numbers"),
        ({"box": (5.0, 5.0, 5.0, 9.0)}, "x0 < x1"),
        ({"box": (0.0, 0.0, float("inf"), 9.0)}, "finite"),
    ],
)
def test_a_choice_that_cannot_be_meant(choice, words):
    with pytest.raises(SubjectError, match=words):
        Choice(**choice)


# --- added and removed ---------------------------------------------------------------------


def labels(subject):
    return sorted(subject.ranking[k].label for k in range(len(subject.ranking))
                  if subject.ranking[k].index in subject.chosen)  # fmt: skip


def test_with_another_thing():
    subject = pick(added=("Person",))
    assert labels(subject) == sorted([*labels(pick()), "person"])
    assert subject.method == "ranking with Person"
    best_person = next(one for one in subject.ranking if one.label == "person")
    assert best_person.index in subject.chosen


def test_what_is_in_it_already_is_not_added_twice():
    assert pick(added=("dog",)).chosen == pick().chosen


def test_without_a_thing_that_was_chosen():
    everything = pick(everything=True, removed=("person",))
    assert labels(everything) == ["dog", "skateboard"]
    assert everything.method == "everything without person"


def test_without_something_that_was_not_chosen_changes_nothing():
    assert pick(label="dog", removed=("person",)).chosen == (0,)
    assert pick(label="dog", removed=("horse",)).chosen == (0,)  # there is none


def test_a_region_that_shows_what_is_removed_goes_too():
    map_ = salient((104, 54, 200, 150), (244, 64, 290, 180))
    found = add_salient_regions(instances([DOG, SECOND_PERSON], map_))
    region = [k for k in range(len(found)) if found.label(k) == REGION_LABEL]
    assert len(region) == 2
    subject = select(blank(), found, choice=Choice(everything=True, removed=("person",)))
    kept = {found.label(index) for index in subject.chosen}
    assert kept == {"dog", REGION_LABEL} and len(subject.chosen) == 2


def test_nothing_must_be_left():
    message = refused(label="dog", removed=("dog",))
    assert "class dog without dog: nothing is left" in message


def test_adding_to_a_photo_without_a_subject():
    subject = select(
        blank(), instances([CORNER_PERSON], salient()), choice=Choice(added=("person",))
    )
    assert subject.chosen == (0,)


def test_adding_what_is_not_there():
    assert "there is no horse in the photo" in refused(added=("horse",))


def test_what_the_eye_shows_clearly_is_a_subject_however_improbable():
    corner = np.zeros((96, 128), dtype=np.float32)
    corner[:30, :40] = 0.9
    thing = ("dining table", (0, 0, 60, 46), 0.3)
    sure = SubjectOptions(min_score=1.0)
    found = instances([thing], corner)
    assert select(blank(), found, sure).chosen == (0,)
    assert select(blank(), found, SubjectOptions(min_score=1.0, trust_eye=False)).chosen == ()
    assert select(blank(), instances([thing], np.flip(corner).copy()), sure).chosen == ()
