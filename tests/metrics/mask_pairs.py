"""Pairs of a soft and a true mask: random ones, and those that are easy to get wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Pair = tuple[NDArray[np.float64], NDArray[np.bool_]]


def random_pairs(count: int) -> Iterator[Pair]:
    """Blobs of any size, and a prediction between the truth and noise; on 8-bit levels or not."""
    for seed in range(count):
        random = np.random.default_rng(seed)
        shape = tuple(random.integers(8, 60, size=2))
        field = gaussian_filter(random.random(shape), random.uniform(1, 6))
        truth = field > np.quantile(field, random.uniform(0.05, 0.95))
        noise = gaussian_filter(random.random(shape), random.uniform(0.5, 3))
        trust = random.uniform(0, 1)
        alpha = np.clip(trust * truth + (1 - trust) * (noise - noise.min()) / np.ptp(noise), 0, 1)
        yield (np.round(alpha * 255) / 255 if seed % 2 else alpha), truth


def hand_made_pairs() -> dict[str, Pair]:
    """Twenty pairs by name; those called ``empty`` have an empty truth or prediction."""
    empty, full = np.zeros((12, 16), dtype=bool), np.ones((12, 16), dtype=bool)
    box = empty.copy()
    box[3:9, 4:12] = True
    pixel = empty.copy()
    pixel[5, 6] = True
    hole = box.copy()
    hole[5, 7] = False
    two = empty.copy()
    two[1:4, 1:4] = two[8:11, 11:15] = True
    ramp = np.tile(np.linspace(0, 1, 16), (12, 1))

    def soft(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        return mask.astype(np.float64)

    return {
        "empty, empty": (soft(empty), empty),
        "empty, box": (soft(empty), box),
        "box, empty": (soft(box), empty),
        "ramp, empty": (ramp, empty),
        "empty, full": (soft(empty), full),
        "full, empty": (soft(full), empty),
        "full, full": (soft(full), full),
        "box, full": (soft(box), full),
        "full, box": (soft(full), box),
        "box, box": (soft(box), box),
        "inverse, box": (soft(~box), box),
        "box, hole": (soft(box), hole),
        "hole, box": (soft(hole), box),
        "pixel, pixel": (soft(pixel), pixel),
        "pixel, box": (soft(pixel), box),
        "moved, box": (np.roll(soft(box), 2, axis=1), box),
        "two, two": (soft(two) * 0.75, two),
        "ramp, box": (ramp, box),
        "levels, box": (np.round(ramp * 255) / 255, box),
        "one row": (ramp[:1], box[4:5]),
    }
