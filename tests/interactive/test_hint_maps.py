"""The hint decoder's maps: what stands where, and how nearness falls."""

from __future__ import annotations

import numpy as np
import pytest

from vx_detectron.interactive.hint_maps import CHANNELS, hint_maps


def test_marks_and_the_previous_mask_stand_in_their_channels() -> None:
    keep, drop = np.zeros((2, 3, 4), dtype=np.bool_)
    keep[0, 1], drop[2, 3] = True, True
    previous = np.full((3, 4), 0.25, dtype=np.float32)
    maps = hint_maps(keep, drop, previous)
    assert (maps.dtype, maps.shape) == (np.float32, (len(CHANNELS), 3, 4))
    np.testing.assert_array_equal(maps[:2], np.stack([keep, drop]))
    assert (maps[2] == 0.25).all() and (maps[3] == 1).all()
    assert not hint_maps(keep, drop, None)[2:4].any()


def test_nearness_falls_with_the_distance_in_diagonals() -> None:
    """A strip of 30 x 40 has a diagonal of 50: 1 / e after 3 pixels, or after 12.5."""
    keep, drop = np.zeros((2, 30, 40), dtype=np.bool_)
    keep[10, 4] = True
    maps = hint_maps(keep, drop, None)
    assert maps[4:6, 10, 4].tolist() == [1.0, 1.0]
    assert maps[4, 10, 7] == pytest.approx(np.exp(-1.0), rel=1e-3)
    assert maps[5, 10, 29] == pytest.approx(np.exp(-2.0), rel=1e-3)
    assert not maps[6:].any()  # nothing is to be dropped, so nothing is near it
    np.testing.assert_array_equal(hint_maps(drop, keep, None)[6:], maps[4:6])
