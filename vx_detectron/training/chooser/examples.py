"""What the chooser is fitted on: photos as proposed sets with features and rewards.

The reward of a set, 0..1, says how right it would be; that of the last row, how right "there is
no subject" would be. Four kinds of examples, named by their ``source``:

- ``given``: labelled photos with their annotated things as candidates; accepted answers are right.
- ``network``: the same photos with what the networks find; a set is as right as its union fits
  an accepted answer, by its IoU.
- ``mask``: photos with the mask of their subject, with what the networks find; the same.
- ``nothing``: what remains of these beside the subject; "no subject" is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

from vx_detectron.data.coco import DatasetDict, decode_mask, read_coco
from vx_detectron.data.splits import read_splits
from vx_detectron.errors import ConfigError, DataError
from vx_detectron.evaluation.choice_labels import (
    CLEAR,
    NO_SUBJECT,
    ChoiceLabel,
    read_choice_labels,
    true_instances,
    true_masks,
)
from vx_detectron.image_io import read_photo
from vx_detectron.metrics import count
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances
from vx_detectron.subject import (
    SubjectOptions,
    add_salient_regions,
    drop_second_names,
    look,
    measure,
    propose,
)
from vx_detectron.subject.chooser import MAPS
from vx_detectron.subject.proposals import Group

_WEIGHTS = {"given": 1.0, "network": 0.5, "mask": 0.5, "nothing": 0.25}
_UNCLEAR = 0.3  # how much a photo counts that people disagree about
_GAP = 5  # pixels between the subject and what is taken for a photo of nothing
_LEAST = 0.35  # of the photo's sides that such a strip must have


@dataclass(frozen=True, eq=False)
class Example:
    """One photo.

    Attributes:
        photo: what examples of the same photo share, so that they stay on one side of a split.
        source: see the module.
        kind: ``clear``, ``unclear`` or ``no subject``.
        weight: how much it counts.
        groups: the proposed sets, as positions in the instances.
        values: float32 (G, 15), their features.
        rewards: float32 (G + 1,), 0..1.
        members: positions of all that belongs to an accepted answer; ``given`` only.
    """

    photo: str
    source: str
    kind: str
    weight: float
    groups: tuple[Group, ...]
    values: FloatArray
    rewards: FloatArray
    members: frozenset[int] = frozenset()


def gather(
    isolator: Isolator, data: Path, sources: Sequence[str], masks: int, splits: Path | None = None
) -> dict[str, list[Example]]:
    """The examples for each kind of saliency map.

    Args:
        isolator: with an eye.
        data: a folder with ``instances.json`` (COCO), ``images`` and the labels
            ``subject_choice_dev.json``, see ``vx_detectron.evaluation.choice_labels``.
        sources: of the photos of which only the mask of the subject is known.
        masks: how many of those to take at most.
        splits: the ``splits.json`` of the eye's training; only photos that it held out are then
            taken, since the eye knows those that it learned from better than it will know others.

    Raises:
        VxError: a file is missing or damaged, or there is no eye.
    """
    if isolator.eye is None:
        raise ConfigError("the chooser is fitted to an eye's map, but VX.EYE.NAME is none")
    loaded = read_coco(data / "instances.json", data / "images")
    records = {one["image_id"]: one for one in loaded.records}
    names = loaded.categories.names
    kept = loaded.records
    if splits is not None:
        parts = read_splits(splits)
        kept = [one for one in kept if parts.get(one["image_id"]) == "val"]
    photos = masked_photos(kept, sources, masks, seed=0)
    if masks and not photos:
        of = f"{', '.join(sources)} in {data / 'instances.json'}"
        held_out = f" that {splits} names as held out" if splits else ""
        raise DataError(f"there is no photo of {of}{held_out}; give another source, or --masks 0")
    examples: dict[str, list[Example]] = {name: [] for name in MAPS}
    labels = read_choice_labels(data / "subject_choice_dev.json")
    for label in tqdm(labels, disable=None, desc="labelled photos"):
        for name, one in labelled_examples(isolator, label, records[label.image_id], names):
            examples[name].append(one)
    for record in tqdm(photos, disable=None, desc="photos with a mask"):
        for name, one in masked_examples(isolator, record):
            examples[name].append(one)
    return examples


def labelled_examples(
    isolator: Isolator, label: ChoiceLabel, record: DatasetDict, names: Mapping[int, str]
) -> Iterator[tuple[str, Example]]:
    """``given`` and ``network`` of one labelled photo, each with the name of its map."""
    image = read_photo(record["file_name"]).pixels
    found = isolator.see(image)
    masks = true_masks(label, record)
    classes = {one["id"]: names[one["category_id"]] for one in record["annotations"]}
    place = {identity: position for position, identity in enumerate(label.candidates)}
    answers = [frozenset(place[one] for one in answer) for answer in label.accepted]
    truths = [np.any([masks[one] for one in answer], axis=0) for answer in label.accepted]
    weight = 1.0 if label.kind in (CLEAR, NO_SUBJECT) else _UNCLEAR
    for name, saliency in _maps(found):
        given = true_instances(masks, classes, saliency)
        sets, values = _measured(image, given)
        rewards = np.array([float(frozenset(one) in answers) for one in sets] + [0.0])
        members = frozenset().union(*answers)
        one = Example(str(label.image_id), "given", label.kind, weight, sets, values, rewards)
        yield name, replace(_silent_if_none(one), members=members)
        sets, values, rewards = _by_masks(image, replace(found, saliency=saliency), truths)
        one = Example(str(label.image_id), "network", label.kind, weight, sets, values, rewards)
        yield name, _silent_if_none(one)


def masked_examples(isolator: Isolator, record: DatasetDict) -> Iterator[tuple[str, Example]]:
    """``mask`` and, where there is room beside the subject, ``nothing`` of one photo."""
    image = read_photo(record["file_name"]).pixels
    size = image.shape[:2]
    subject = np.any([decode_mask(one["segmentation"], *size) for one in record["annotations"]],
                     axis=0)  # fmt: skip
    pictures = [("mask", CLEAR, image, [subject])]
    strip = _beside(image, subject)
    if strip is not None:
        pictures.append(("nothing", NO_SUBJECT, strip, []))
    for source, kind, picture, truths in pictures:
        found = isolator.see(picture)
        for name, saliency in _maps(found):
            sets, values, rewards = _by_masks(picture, replace(found, saliency=saliency), truths)
            photo = str(record["image_id"])
            yield name, _silent_if_none(Example(photo, source, kind, 1.0, sets, values, rewards))


def _maps(found: Instances) -> Iterator[tuple[str, FloatArray | None]]:
    """The eye's map, then none, so that the classical one is drawn."""
    yield from zip(MAPS, (found.saliency, None), strict=True)


def _silent_if_none(one: Example) -> Example:
    """The example with its source's weight, and the reward of silence where it is right."""
    rewards = one.rewards.copy()
    if one.kind == NO_SUBJECT:
        rewards[:-1], rewards[-1] = 0.0, 1.0
    weight = one.weight * _WEIGHTS[one.source] * bool(rewards.any())
    return replace(one, rewards=rewards.astype(np.float32), weight=weight)


def _measured(image: ByteArray, instances: Instances) -> tuple[tuple[Group, ...], FloatArray]:
    scene = look(image, instances)
    groups = propose(scene)
    return groups, measure(scene, groups)


def _by_masks(
    image: ByteArray, found: Instances, truths: Sequence[BoolArray]
) -> tuple[tuple[Group, ...], FloatArray, NDArray[Any]]:
    """The proposals among what the network found, and their IoU with the best truth."""
    instances = add_salient_regions(drop_second_names(found), SubjectOptions())
    scene = look(image, instances)
    groups = propose(scene)
    height, width = scene.saliency.shape
    small = [
        cv2.resize(truth.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.5
        for truth in truths
    ]
    unions = [np.any(scene.masks[list(group)], axis=0) for group in groups]
    rewards = [max((_iou(union, truth) for truth in small), default=0.0) for union in unions]
    return groups, measure(scene, groups), np.array([*rewards, 0.0])


def _beside(image: ByteArray, subject: BoolArray) -> ByteArray | None:
    """The largest strip of the photo above, below, left or right of the subject, if large."""
    rows, columns = np.flatnonzero(subject.any(axis=1)), np.flatnonzero(subject.any(axis=0))
    strips = (
        image[: max(rows[0] - _GAP, 0)],
        image[rows[-1] + _GAP :],
        image[:, : max(columns[0] - _GAP, 0)],
        image[:, columns[-1] + _GAP :],
    )
    share = [strip.size / image.size for strip in strips]
    best = int(np.argmax(share))
    return np.ascontiguousarray(strips[best]) if share[best] >= _LEAST else None


def _iou(first: BoolArray, second: BoolArray) -> float:
    return count(first, second).iou if (first | second).any() else 0.0


def masked_photos(
    records: Sequence[DatasetDict], sources: Sequence[str], count: int, seed: int
) -> list[DatasetDict]:
    """At most so many training photos of these sources, in a fixed random order."""
    usable = [
        one for one in records if one.get("source") in sources and one.get("split") == "train"
    ]
    usable = sorted((one for one in usable if one["annotations"]), key=lambda one: one["image_id"])
    order = np.random.default_rng(seed).permutation(len(usable))[:count]
    return [usable[index] for index in order]
