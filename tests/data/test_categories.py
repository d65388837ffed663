"""Which photos are annotated whole, so that what has no annotation is background."""

from __future__ import annotations

import pytest

from vx_detectron.data.categories import Categories
from vx_detectron.structures import SUBJECT_ID

PETS = Categories({18: "dog", 17: "cat"})


@pytest.mark.parametrize(
    ("record", "complete"),
    [
        ({}, True),
        ({"mask_kind": "instance"}, True),
        ({"mask_kind": "subject"}, False),
        ({"annotated_categories": [17]}, False),
        ({"annotated_categories": [17, 18, 44]}, True),
        ({"annotated_categories": [SUBJECT_ID]}, False),
        ({"annotated_categories": [17, 18], "mask_kind": "subject"}, False),
    ],
)
def test_complete_means_every_class(record: dict, complete: bool) -> None:
    assert PETS.complete(record) is complete


def test_the_subject_is_known_but_no_class() -> None:
    assert PETS.knows(SUBJECT_ID) and PETS.knows(17) and not PETS.knows(1)
    assert PETS.class_ids == {17: 0, 18: 1}
    assert PETS.class_names == ("cat", "dog")
