"""Kinds of photos, by masks drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vx_detectron.evaluation.slices import (
    border_slice,
    centrality_slice,
    kind_slice,
    mask_slices,
    pieces_slice,
    size_slice,
)


def boxes(*places: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((100, 200), dtype=bool)
    for top, bottom, left, right in places:
        mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "size", "border", "pieces", "centrality"),
    [
        (boxes((40, 60, 90, 110)), "under 5%", "touches 0", "1", "central"),
        (boxes((0, 50, 80, 120)), "5% to 20%", "touches 1", "1", "aside"),
        (boxes((30, 60, 80, 120)), "5% to 20%", "touches 0", "1", "central"),
        (boxes((0, 100, 0, 100)), "20% and more", "touches 2 or more", "1", "aside"),
        (boxes((30, 50, 80, 90), (60, 80, 110, 120)), "under 5%", "touches 0", "2", "central"),
        (boxes((20, 80, 110, 150)), "5% to 20%", "touches 0", "1", "off centre"),
        (boxes((40, 60, 90, 110), (0, 1, 0, 1)), "under 5%", "touches 2 or more", "1", "central"),
        (boxes(), "under 5%", "touches 0", "0", "none"),
    ],
)
def test_kinds(mask: np.ndarray, size: str, border: str, pieces: str, centrality: str) -> None:
    assert size_slice(mask) == size
    assert border_slice(mask) == border
    assert pieces_slice(mask) == pieces
    assert centrality_slice(mask) == centrality


def test_a_photo_without_a_class() -> None:
    assert mask_slices(boxes(), "")["category"] == "none"
    assert mask_slices(boxes(), "cat")["category"] == "cat"


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("person", "person"),
        ("zebra", "animal"),
        ("boat", "vehicle"),
        ("pizza", "food"),
        ("potted plant", "plant"),
        ("stop sign", "sign"),
        ("laptop", "thing"),
        ("salient region", "other"),
        ("", "none"),
    ],
)
def test_kinds_of_things(category: str, kind: str) -> None:
    assert kind_slice(category) == kind


def test_what_was_seen_decides_where_the_truth_is_silent() -> None:
    assert mask_slices(boxes(), "subject", "cat")["kind"] == "animal"
    assert mask_slices(boxes(), "bus", "cat")["kind"] == "vehicle"
    assert mask_slices(boxes(), "subject")["kind"] == "none"
