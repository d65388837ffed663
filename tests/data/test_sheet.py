"""One sample drawn: colours are where its masks, boxes and subject are."""

from __future__ import annotations

import numpy as np
import torch

from vx_detectron.data.sheet import LONGEST_SIDE, OUTLINE, draw_sample, draw_sheet
from vx_detectron.modeling.samples import Sample

NAMES = {3: "cat", 7: "dog"}


def sample(side: int = 120, instances: bool = True) -> Sample:
    """Grey, with two squares as instances, and a third as the subject."""
    masks = torch.zeros((2, side, side), dtype=torch.bool)
    masks[0, 10:40, 10:40], masks[1, 60:100, 10:40] = True, True
    subject = torch.full((side, side), -1.0)
    subject[:, side // 2 :] = 0
    subject[30:70, 80:110] = 1
    count = 2 if instances else 0
    return Sample(
        image=torch.tensor([10.0, 100.0, 200.0])[:, None, None].expand(3, side, side),
        boxes=torch.tensor([[10.0, 10, 40, 40], [10, 60, 40, 100]])[:count],
        classes=torch.tensor([7, 3])[:count],
        masks=masks[:count],
        subject=subject,
        complete=False,
        file_name="photos/a_name_that_is_much_too_long_for_its_caption.jpg",
        image_id=1,
    )


def test_masks_are_tinted_each_in_its_own_colour() -> None:
    drawn = draw_sample(sample(), NAMES, "BGR")
    assert drawn[110, 50].tolist() == [200, 100, 10]  # blue first in, red first out
    assert draw_sample(sample(), NAMES, "RGB")[110, 50].tolist() == [10, 100, 200]
    first, second = drawn[35, 35].astype(int), drawn[95, 35].astype(int)
    assert np.abs(first - second).sum() > 100
    assert (drawn[20:40, 10] == drawn[20, 10]).all()  # the left side of its box
    assert not (drawn[20, 10] == drawn[35, 35]).all()


def test_the_outline_runs_around_the_subject_only() -> None:
    outline = (draw_sample(sample(), NAMES, "BGR") == OUTLINE).all(axis=2)
    rows, columns = np.where(outline)
    assert abs(rows.min() - 30) <= 1 and abs(rows.max() - 69) <= 1
    assert abs(columns.min() - 80) <= 1 and abs(columns.max() - 109) <= 1
    assert not outline[34:66, 84:106].any()


def test_names_are_written_into_the_boxes() -> None:
    ours = draw_sample(sample(), NAMES, "BGR")
    others = draw_sample(sample(), {3: "cat", 7: "elk"}, "BGR")
    changed = np.argwhere((ours != others).any(axis=2))
    assert len(changed) and (changed >= 10).all() and (changed < 40).all()


def test_large_samples_are_drawn_smaller_and_captions_tell_them_apart() -> None:
    large = sample(2 * LONGEST_SIDE)
    sheet = draw_sheet([large, sample(instances=False)], NAMES, "BGR")
    assert sheet.shape[1] == 2 * LONGEST_SIDE
    outline = np.argwhere((sheet == OUTLINE).all(axis=2))
    assert abs(outline[:, 0].min() - 15) <= 2  # half of 30
    assert (sheet[122:142, LONGEST_SIDE:] < 128).any()
