"""Which photos a training learns from, which choose its best checkpoint, and which test it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fvcore.common.config import CfgNode

from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.subjects import has_subject
from vx_detectron.errors import DataError
from vx_detectron.files import write_text

SPLITS_FILE = "splits.json"

logger = logging.getLogger(__name__)


class Splits(NamedTuple):
    """The records of each split; within a split in an order that depends on ids and seed alone."""

    train: list[DatasetDict]
    val: list[DatasetDict]
    test: list[DatasetDict]


def split_dataset(
    cfg: CfgNode,
    records: list[DatasetDict],
    *,
    resume: bool = False,
    judged: Callable[[DatasetDict], bool] | None = None,
) -> Splits:
    """Split by ``VX.DATA``. Nothing is written; see ``record_splits``.

    Args:
        cfg: the configuration.
        records: everything to be learned from or held out.
        resume: keep every photo in the split that ``splits.json`` in ``OUTPUT_DIR`` says.
        judged: see ``make_splits``.

    Raises:
        DataError: that file is damaged.
    """
    data = cfg.VX.DATA
    known = _recorded(cfg, resume)
    return make_splits(records, data.VALIDATION, data.TEST, data.SPLIT_SEED, known, judged)


def record_splits(cfg: CfgNode, splits: Splits, *, resume: bool = False) -> None:
    """Write ``splits.json`` into ``OUTPUT_DIR``.

    Args:
        cfg: the configuration.
        splits: of ``split_dataset``.
        resume: photos of the earlier run that are missing today keep their place for the day
            they come back.

    Raises:
        DataError: the file of the earlier run is damaged, or none can be written.
    """
    named = {r["image_id"]: name for name, part in splits._asdict().items() for r in part}
    write_splits(Path(cfg.OUTPUT_DIR) / SPLITS_FILE, {**_recorded(cfg, resume), **named})


def _recorded(cfg: CfgNode, resume: bool) -> dict[int, str]:
    path = Path(cfg.OUTPUT_DIR) / SPLITS_FILE
    return read_splits(path) if resume and path.exists() else {}


def make_splits(
    records: list[DatasetDict],
    validation: int,
    test: int,
    seed: int,
    known: Mapping[int, str] | None = None,
    judged: Callable[[DatasetDict], bool] | None = None,
) -> Splits:
    """Hold out photos by a seeded hash of their ids, so that their order does not matter.

    A record's own ``split`` is respected: ``train`` (or none) may be held out, ``val`` and
    ``test`` are, and any other, such as ``dev``, is in no split. Where records name their own
    validation (or test) photos, no others are held out for it. Those that are held out have a
    subject to be judged by, if any has one; of these at most half are held out, which is logged.

    Args:
        records: of photos with different ``image_id``.
        validation: how many photos to hold out to choose the best checkpoint.
        test: how many photos to hold out for a test.
        seed: another seed holds out other photos.
        judged: of photos without a subject, whether they can be judged too, as by a detector's
            classes; they are held out where those with a subject are too few.
        known: image id to split, from an earlier run. Photos that are not in it are new, and are
            trained on; with no earlier run all are to be split.
    """
    named: dict[str, list[DatasetDict]] = defaultdict(list)
    for record in sorted(records, key=lambda record: _rank(record, seed)):
        own = record.get("split", "train")
        named[known.get(record["image_id"], own) if known else own].append(record)
    if known:
        return Splits(named["train"], named["val"], named["test"])
    asked = {name: n for name, n in (("val", validation), ("test", test)) if not named[name]}
    with_subject = [record for record in named["train"] if has_subject(record)]
    others = [one for one in named["train"] if judged and judged(one) and not has_subject(one)]
    first, second = with_subject or others or named["train"], others if with_subject else []
    counts = _at_most(len(first) // 2, asked)
    missing = {name: count - counts[name] for name, count in asked.items()}
    more = _at_most(len(second) // 2, missing)
    for name in asked:
        named[name] = first[: counts[name]] + second[: more[name]]
        first, second = first[counts[name] :], second[more[name] :]
    _tell_fewer(asked, {name: len(named[name]) for name in asked})
    held_out = {record["image_id"] for record in (*named["val"], *named["test"])}
    train = [record for record in named["train"] if record["image_id"] not in held_out]
    return Splits(train, named["val"], named["test"])


def _at_most(most: int, counts: dict[str, int]) -> dict[str, int]:
    """The counts, each made smaller by the same share where they are more in all."""
    asked = sum(counts.values())
    if asked <= most:
        return counts
    return {name: count * most // asked for name, count in counts.items()}


def _tell_fewer(asked: dict[str, int], given: dict[str, int]) -> None:
    if given != asked:
        logger.warning(
            "%d photos to hold out would be more than half of those that can be judged: holding "
            "out %s",
            sum(asked.values()),
            ", ".join(f"{count} for {name}" for name, count in given.items()),
        )


def _rank(record: DatasetDict, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{record['image_id']}".encode()).digest()


def write_splits(path: Path, splits: Mapping[int, str]) -> None:
    """Write the image ids of each split as json, completely or not at all.

    Raises:
        DataError: it cannot be written.
    """
    content = {
        name: sorted(number for number, split in splits.items() if split == name)
        for name in Splits._fields
    }
    write_text(path, json.dumps(content) + "\n")


def read_splits(path: Path) -> dict[int, str]:
    """Image id to split, as ``write_splits`` wrote them.

    Raises:
        DataError: it cannot be read, or is no such file.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return {int(number): name for name in Splits._fields for number in content[name]}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} should list the image ids of train, val and test, but is damaged: {error}; "
            "remove it to split again"
        ) from error
