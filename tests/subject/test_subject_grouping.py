"""Who joins the best one."""

from subject_scenes import blank, instances, salient

from vx_detectron.subject import SubjectOptions, select


def chosen(things, **options):
    picture = salient(*(box for _, box, _ in things))
    subject = select(blank(), instances(things, picture), SubjectOptions(**options))
    return {things[index][0] for index in subject.chosen}, len(subject.chosen), subject


RIDER = ("person", (120, 15, 170, 110), 0.95)
HORSE = ("horse", (70, 40, 210, 185), 0.95)


def rider_and_horse():
    """The rider sits on the horse's back; its neck and head rise to the left of it."""
    body, neck = (70, 105, 210, 185), (70, 40, 115, 185)
    found = instances([HORSE, RIDER], salient(body, neck, RIDER[1]))
    found.mask_grids[0, :12, 9:] = 0.0
    return found


def test_rider_and_horse_are_one_subject():
    subject = select(blank(), rider_and_horse())
    assert set(subject.chosen) == {0, 1}
    assert "the horse" in subject.reason and "the person" in subject.reason


def test_grouping_can_be_switched_off():
    subject = select(blank(), rider_and_horse(), SubjectOptions(group=False))
    assert subject.chosen == (0,)


def test_two_alike_belong_together_without_touching():
    left = ("person", (60, 50, 120, 170), 0.95)
    right = ("person", (180, 50, 240, 170), 0.95)
    assert chosen([left, right])[1] == 2


def test_two_of_different_kind_that_do_not_touch_do_not():
    left = ("person", (60, 40, 140, 170), 0.95)
    right = ("dining table", (180, 50, 240, 170), 0.95)
    assert chosen([left, right])[:2] == ({"person"}, 1)


def test_a_passer_by_far_behind_does_not_join():
    front = ("person", (100, 30, 200, 190), 0.95)
    behind = ("person", (10, 60, 25, 100), 0.95)
    things = [front, behind]
    subject = select(blank(), instances(things, salient(front[1])))
    assert subject.chosen == (0,)


def test_what_a_person_holds_joins_and_what_lies_on_a_table_does_not():
    board = (135, 120, 165, 160)  # a small thing within the box of the large one
    person = ("person", (100, 30, 200, 180), 0.95)
    table = ("dining table", (100, 30, 200, 180), 0.95)
    held, _, subject = chosen([person, ("skateboard", board, 0.95)], held_score=0.5)
    assert held == {"person", "skateboard"} and "belong together" in subject.reason
    assert chosen([table, ("skateboard", board, 0.95)], held_score=0.5)[0] == {"dining table"}
