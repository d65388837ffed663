"""Pasted instances, against small pictures written out by hand."""

from __future__ import annotations

import numpy as np
import torch
from torchvision import tv_tensors

from vx_detectron.data.augmentation.copy_paste import copy_paste
from vx_detectron.data.layers import UNKNOWN, Layers
from vx_detectron.data.scene import Scene, to_sample

RECORD = {"file_name": "host.jpg", "image_id": 3}


def drawn(grey: int, *rows: tuple[str, ...], classes: list[int]) -> Scene:
    """A scene of one grey, with a mask for each drawing; the last one is the subject's."""
    layers = np.array([[[letter == "x" for letter in row] for row in mask] for mask in rows])
    return Scene(
        tv_tensors.Image(torch.full((3, *layers.shape[1:]), grey, dtype=torch.uint8)),
        torch.from_numpy(layers.astype(np.uint8)).as_subclass(Layers),
        torch.tensor(classes, dtype=torch.int64),
    )


HOST = drawn(
    50,
    ("xx...", "xx...", "....."),
    (".....", "..x..", "....."),
    ("xx...", "xx...", "....."),
    classes=[4, 5],
)
DONOR = drawn(200, (".....", ".xxx.", "....."), (".....",) * 3, classes=[7])


def masks(scene: Scene) -> list[list[str]]:
    letters = {0: ".", 1: "x", UNKNOWN: "?"}
    return [
        ["".join(letters[one] for one in row) for row in mask] for mask in scene.layers.tolist()
    ]


def test_the_pasted_instance_cuts_what_it_covers() -> None:
    pasted = copy_paste(HOST, DONOR)
    assert masks(pasted) == [
        ["xx...", "x....", "....."],  # cut
        [".....", ".....", "....."],  # gone
        [".....", ".xxx.", "....."],  # new
        ["?????", "?????", "?????"],  # nobody has judged the new picture
    ]
    assert pasted.classes.tolist() == [4, 5, 7]
    assert pasted.image[0].tolist() == [[50] * 5, [50, 200, 200, 200, 50], [50] * 5]
    assert masks(HOST)[0] == ["xx...", "xx...", "....."]  # the scene itself is as it was


def test_the_sample_has_no_instance_that_vanished() -> None:
    sample = to_sample(copy_paste(HOST, DONOR), RECORD, "BGR", complete=True)
    assert sample.classes.tolist() == [4, 7]
    assert sample.boxes.tolist() == [[0, 0, 2, 2], [1, 1, 4, 2]]
    assert sample.masks.shape == (2, 3, 5) and (sample.subject == -1).all()


def test_a_donor_of_another_size_is_cut_or_leaves_the_rest_alone() -> None:
    larger = drawn(200, (".....x.", ".......", ".......", "xxxxxxx"), (".......",) * 4, classes=[7])
    assert copy_paste(HOST, larger) is HOST  # all of it lies outside
    smaller = drawn(200, (".x",), ("..",), classes=[7])
    assert masks(copy_paste(HOST, smaller))[2] == [".x...", ".....", "....."]


def test_some_of_several_instances_are_pasted_and_never_none() -> None:
    columns = [tuple("." * i + "x" + "." * (4 - i) for _ in range(3)) for i in range(5)]
    donor = drawn(200, *columns, (".....",) * 3, classes=[0, 1, 2, 3, 9])
    counts = set()
    for seed in range(30):
        torch.manual_seed(seed)
        pasted = copy_paste(HOST, donor)
        classes = pasted.classes[2:].tolist()
        counts.add(len(classes))
        assert classes == sorted(set(classes))
        for name, mask in zip(classes, masks(pasted)[2:-1], strict=True):
            assert mask == list(columns[min(name, 4)])
    assert 0 not in counts and len(counts) > 2


def test_a_donor_without_instances_changes_nothing() -> None:
    subject_only = drawn(200, ("xxxxx",) * 3, classes=[])
    assert copy_paste(HOST, subject_only) is HOST
