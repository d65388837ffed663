"""Cut-outs that are pasted, crops beside the subject, crops of several sizes, and repeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from painted import augment_cfg, write_painted
from torch import Tensor
from torchvision import tv_tensors

from vx_detectron.config import check_training
from vx_detectron.data.augmentation import Augmentation
from vx_detectron.data.augmentation.background import beside_subject
from vx_detectron.data.augmentation.cutouts import CutoutPaste
from vx_detectron.data.augmentation.segments import part_alone
from vx_detectron.data.layers import UNKNOWN, Layers
from vx_detectron.data.scene import Scene
from vx_detectron.data.training_set import EpochSampler, TrainingSet, repeat_factor
from vx_detectron.errors import ConfigError, DataError
from vx_detectron.metrics import count
from vx_detectron.training.batches import BatchSampler

HARD = ("VX.AUGMENT.PASTE_SIGMA", "[0, 0]", "VX.AUGMENT.PASTE_GAIN", "[1, 1]")


def one_colour(
    colour: int, subject: tuple[slice, slice] | None, size: tuple[int, int] = (100, 100)
) -> Scene:
    """A grey photo with a white subject; without one, nobody knows what its subject is."""
    image = np.full((3, *size), colour, dtype=np.uint8)
    layers = np.full((1, *size), UNKNOWN, dtype=np.uint8)
    if subject:
        layers[:] = 0
        layers[0][subject] = 1
        image[:, layers[0] == 1] = 250
    return Scene(
        tv_tensors.Image(torch.from_numpy(image)),
        torch.from_numpy(layers).as_subclass(Layers),
        torch.zeros(0, dtype=torch.int64),
    )


def pasted(scene: Scene, donor: Scene, seed: int, *options: object) -> Scene:
    torch.manual_seed(seed)
    return CutoutPaste(augment_cfg(*HARD, *options))(scene, donor)


def arrays(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    return scene.image.as_subclass(Tensor).numpy(), scene.layers.as_subclass(Tensor).numpy()


BAR = (slice(20, 60), slice(0, 100))  # 40 x 100 pixels, white


def test_a_cut_out_lies_where_its_mask_says_and_hides_what_is_below() -> None:
    scene = one_colour(0, (slice(0, 100), slice(0, 50)))
    scene.layers[:] = 1
    scene = Scene(scene.image, torch.cat([scene.layers] * 2).as_subclass(Layers), torch.zeros(1))
    donor = one_colour(120, BAR)
    donor.image[:, donor.layers[0] == 1] = 90
    image, layers = arrays(pasted(scene, donor, 3, "VX.AUGMENT.PASTE_SIZE", "[0.5, 0.5]"))
    assert layers.shape == (3, 100, 100)
    assert np.array_equal(layers[1] == 1, image[0] == 90)  # 90 stands nowhere else
    assert 0 < layers[1].sum() <= 50 * 20
    assert np.array_equal(layers[0], 1 - layers[1])


def test_its_edge_is_soft_and_its_light_varies() -> None:
    scene, donor = one_colour(0, None), one_colour(120, BAR)
    options = ("VX.AUGMENT.PASTE_SIGMA", "[1, 1]", "VX.AUGMENT.PASTE_GAIN", "[0.5, 0.5]")
    image, layers = arrays(pasted(scene, donor, 0, *options))
    assert image.max() == 125  # half of 250
    assert len(np.unique(image)) > 4
    assert image[0][layers[0] == 1].min() >= 125 // 2


@pytest.mark.parametrize(
    ("own", "size", "expected"),
    [
        # Shares of the photo: the subject's own, and of what is pasted 40 % of the square of its
        # longer side.
        (0.30, 0.8, "both"),
        (0.30, 0.3, "unknown"),  # much smaller
        (0.01, 0.8, "new"),  # what was there is as good as nothing
        (0.01, 0.2, "nobody knows"),
    ],
)
def test_who_is_the_subject_then(own: float, size: float, expected: str) -> None:
    scene = one_colour(0, (slice(0, round(100 * own)), slice(0, 100)))
    donor, sizes = one_colour(120, BAR), ("VX.AUGMENT.PASTE_SIZE", f"[{size}, {size}]")
    for seed in range(40):
        _, layers = arrays(pasted(scene, donor, seed, *sizes))
        thing, subject = layers[0] == 1, layers[1]
        if thing.sum() > 0.9 * 0.4 * (size * 100) ** 2:  # as good as whole within the photo
            break
    else:
        raise AssertionError("it never lay within the photo")
    rest = np.zeros((100, 100), dtype=np.bool_)
    rest[: round(100 * own)] = True
    rest &= ~thing
    if expected == "both":
        assert np.array_equal(subject, rest | thing)
    elif expected == "unknown":
        assert (subject[thing] == UNKNOWN).all()
        assert set(np.unique(subject[~thing])) == {0, 1, UNKNOWN}  # a seam of two pixels
        assert (subject == UNKNOWN).sum() < 1.7 * thing.sum()
    elif expected == "new":
        assert np.array_equal(subject, thing)
    else:
        assert (subject == UNKNOWN).all()


def test_an_unknown_subject_stays_unknown_and_no_donor_changes_nothing() -> None:
    unknown = one_colour(0, None)
    assert (arrays(pasted(unknown, one_colour(9, BAR), 0))[1][-1] == UNKNOWN).all()
    assert pasted(one_colour(0, BAR), unknown, 0).layers.shape == (1, 100, 100)


@pytest.mark.parametrize(
    ("subject", "strip"),
    [
        ((slice(0, 60), slice(20, 80)), (slice(60, 100), slice(0, 100))),
        ((slice(30, 90), slice(40, 95)), (slice(0, 100), slice(0, 40))),
    ],
)
def test_the_largest_strip_beside_the_subject_has_none(
    subject: tuple[slice, slice], strip: tuple[slice, slice]
) -> None:
    scene = one_colour(0, subject)
    scene.image[:] = torch.arange(10_000).remainder(251).reshape(100, 100)
    beside = beside_subject(scene)
    assert beside is not None
    image, layers = arrays(beside)
    assert np.array_equal(image, arrays(scene)[0][(slice(None), *strip)])
    assert not layers.any() and layers.shape[1:] == image.shape[1:]


def test_there_is_no_part_beside_a_large_or_unknown_subject_or_with_other_things() -> None:
    assert beside_subject(one_colour(0, (slice(10, 90), slice(10, 90)))) is None
    assert beside_subject(one_colour(0, None)) is None
    scene = one_colour(0, (slice(0, 60), slice(0, 100)))
    other = torch.zeros(1, 100, 100, dtype=torch.uint8)
    other[0, 70:90, 10:90] = 1
    layers = torch.cat([other, scene.layers.as_subclass(Tensor)]).as_subclass(Layers)
    assert beside_subject(Scene(scene.image, layers, torch.zeros(1))) is None


def test_a_part_that_looks_alike_is_the_only_thing_known() -> None:
    scene = one_colour(60, (slice(0, 30), slice(0, 100)))
    scene.image[:, 50:, 20:70] = 160
    found = part_alone(scene)
    assert found is not None
    layers = arrays(found)[1]
    areas = [np.zeros((100, 100), dtype=np.bool_) for _ in range(2)]
    areas[0][:30], areas[1][50:, 20:70] = True, True
    assert max(count(layers[0] == 1, area).iou for area in areas) > 0.85  # its corners are rounded
    assert (layers[1] == UNKNOWN).all() and found.classes.tolist() == [-1]
    assert part_alone(one_colour(60, None)) is None  # all of it looks alike


def augmented(*options: object) -> Callable[[Scene, int], Scene]:
    augmentation = Augmentation(augment_cfg(*options))

    def run(scene: Scene, seed: int) -> Scene:
        torch.manual_seed(seed)
        return augmentation(scene, lambda: one_colour(120, BAR))

    return run


def test_a_crop_that_lost_its_subject_does_not_say_that_there_is_none() -> None:
    run = augmented("VX.AUGMENT.CROP_AREA", "[0.05, 0.05]")
    scene = one_colour(0, (slice(40, 60), slice(40, 60)))
    subjects = [arrays(run(scene, seed))[1][-1] for seed in range(30)]
    assert any((one == UNKNOWN).all() for one in subjects)
    assert all((one == 1).any() or (one == UNKNOWN).all() for one in subjects)
    with_background = augmented("VX.AUGMENT.BACKGROUND_PROB", 1, "VX.AUGMENT.CROP_AREA", "[1, 1]")
    assert not arrays(with_background(scene, 0))[1].any()


def test_crops_of_a_size_keep_the_proportions_of_the_photo() -> None:
    """A disc stays one, whatever the size; the square would stretch it."""
    rows, columns = np.mgrid[:240, :320] - np.array([120, 160])[:, None, None]
    disc = np.hypot(rows, columns) < 60
    scene = one_colour(0, None, (240, 320))
    scene.layers[:] = torch.from_numpy(disc.astype(np.uint8))
    options = ("VX.AUGMENT.CROP_SIZES", "[[96, 128], [128, 96]]", "VX.AUGMENT.CROP_ASPECT",
               "[1, 1]", "VX.AUGMENT.CROP_AREA", "[0.5, 0.5]")  # fmt: skip
    augmentation = Augmentation(augment_cfg(*options))
    for size, (height, width) in enumerate([(96, 128), (128, 96)]):
        whole = 0
        for seed in range(20):
            torch.manual_seed(seed)
            layers = arrays(augmentation(scene, lambda: scene, size))[1]
            assert layers.shape == (1, height, width)
            inside = layers[0] == 1
            if inside[[0, -1]].any() or inside[:, [0, -1]].any():
                continue  # cut by the frame
            whole += 1
            high, wide = inside.any(1).sum(), inside.any(0).sum()
            assert abs(int(high) - int(wide)) <= 2
        assert whole


def test_a_batch_has_one_size_and_all_sizes_come(tmp_path: Path) -> None:
    records = write_painted(tmp_path, 6)
    records[0]["height"], records[0]["width"] = 90, 60
    sizes = [[64, 96], [96, 64], [64, 64]]
    dataset = TrainingSet(records, augment_cfg("VX.AUGMENT.CROP_SIZES", sizes), {}, 1)
    batches = list(islice(BatchSampler(dataset, 2, True, 1, 0), 60))
    assert all(len({one.size for one in batch}) == 1 for batch in batches)
    wide = {batch[0].size for batch in batches if batch[0].item % 6}
    upright = {batch[0].size for batch in batches if not batch[0].item % 6}
    assert (wide, upright) == ({0, 2}, {1, 2})  # the square fits both
    assert list(islice(BatchSampler(dataset, 2, True, 1, 20), 40)) == batches[20:]
    one = next(batch for batch in batches if batch[0].size == 0)[0]
    assert dataset[one].image.shape == (3, 64, 96)
    assert torch.equal(dataset[one].image, dataset[one].image)


def test_repeats_are_kept_on_average_and_drawn_differently() -> None:
    counts = Counter(
        index % 4 for index in islice(EpochSampler(4, 1, 0, [1.0, 2.5, 0.5, 3.0]), 7000)
    )
    assert [round(counts[place] / counts[0], 1) for place in range(4)] == [1.0, 2.5, 0.5, 3.0]
    indices = list(islice(EpochSampler(4, 1, 0, [1.0, 2.5, 0.5, 3.0]), 70))
    assert len(set(indices)) == 70
    assert list(islice(EpochSampler(4, 1, 30, [1.0, 2.5, 0.5, 3.0]), 40)) == indices[30:]


def test_the_first_source_that_fits_counts() -> None:
    cfg = augment_cfg("VX.DATA.REPEAT_FACTOR", '[["coco_a", 3], ["coco", 2.5]]')
    sources = ("coco_a", "coco_b", "studio", None)
    found = [repeat_factor(cfg, {"source": one} if one else {}) for one in sources]
    assert found == [3.0, 2.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("VX.AUGMENT.CROP_SIZES", "[[288]]", "CROP_SIZES must be a list of 0 or more"),
        ("VX.AUGMENT.CROP_SIZES", "[[288, 8]]", "a whole number within 32..2048"),
        ("VX.AUGMENT.PASTE_SIZE", "[0.8, 0.2]", "PASTE_SIZE must be two numbers in order"),
        ("VX.AUGMENT.PASTE_PROB", "2", "PASTE_PROB must be within 0..1"),
        ("VX.AUGMENT.BACKGROUND_PROB", "-1", "BACKGROUND_PROB must be within 0..1"),
        ("VX.DATA.REPEAT_FACTOR", '[["coco", 0]]', "a factor above 0"),
        ("VX.DATA.REPEAT_FACTOR", '["coco"]', "pairs of the beginning of a source"),
    ],
)
def test_values_that_make_no_sense(key: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        augment_cfg(key, value)


def test_keys_that_contradict_each_other(tmp_path: Path) -> None:
    jittered = ("VX.AUGMENT.CROP", "large_scale_jitter", "VX.AUGMENT.CROP_SIZES", "[[64, 96]]")
    with pytest.raises(ConfigError, match=r"CROP_SIZES goes with VX.AUGMENT.CROP resized"):
        Augmentation(augment_cfg(*jittered))
    with pytest.raises(ConfigError, match=r"PASTE_PROB: is for VX.TRAIN eye and hints"):
        check_training(augment_cfg("VX.AUGMENT.PASTE_PROB", 0.5, "VX.TRAIN", "detector"))
    both = ("VX.AUGMENT.PASTE_PROB", 0.5, "VX.AUGMENT.COPY_PASTE_PROB", 0.5)
    with pytest.raises(ConfigError, match="not together"):
        check_training(augment_cfg(*both))
    records = write_painted(tmp_path, 1)
    records[0]["annotations"] = []
    with pytest.raises(DataError, match="no photo has a subject or an instance to paste"):
        TrainingSet(records, augment_cfg("VX.AUGMENT.PASTE_PROB", 0.5), {}, 1)
