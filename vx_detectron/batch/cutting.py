"""One photo of a batch: from where it lies to its picture and its record. No Ray in here."""

from __future__ import annotations

import hashlib
import io
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np

from vx_detectron.batch.order import Order
from vx_detectron.batch.records import DONE, FAILED, KEPT, NO_SUBJECT, PICTURES
from vx_detectron.batch.sources import CUTOUT, MASK, output_of
from vx_detectron.batch.store import Store, StoreError
from vx_detectron.batch.tars import split
from vx_detectron.batch.wishes import apply, fingerprint_of
from vx_detectron.deliver.cutout import Cutout
from vx_detectron.deliver.mark import Mark, find_mark
from vx_detectron.deliver.record import instance_records
from vx_detectron.errors import ImageError, NoSubjectError, SubjectError, VxError
from vx_detectron.housekeeping import Housekeeping
from vx_detectron.image_io import Photo, read_photo
from vx_detectron.image_io.names import printable
from vx_detectron.pipeline import Isolator
from vx_detectron.rle import encode_mask
from vx_detectron.structures import FloatArray

TEST_MASK = "constant test mask"

Row = dict[str, Any]


class PhotoCutter:
    """Cuts the photos of a plan. Loads the networks once and keeps no photos.

    Args:
        order: the request. With ``test_mask`` no network is loaded.
        run: when the run started, in nanoseconds since 1970.

    Raises:
        ConfigError, CheckpointError, EngineError: a network cannot be built.
    """

    def __init__(self, order: Order, run: int) -> None:
        self.order, self.run = order, run
        self.limits = order.cfg.VX.INPUT
        self.output = Store(order.output)
        self.isolator = None if order.test_mask else Isolator(order.cfg)
        self.ending = MASK if order.finish.mask_only else CUTOUT
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self.tidy = Housekeeping()

    def __call__(self, row: Mapping[str, Any]) -> Row:
        """Cut one photo of the plan.

        Returns:
            its record; with ``picture``, the file's bytes, where it goes into a shard. Whatever
            is wrong with the photo is in the record.

        Raises:
            StoreError: the output can no longer be written.
        """
        started = perf_counter()
        found = self._begin(row)
        try:
            self._cut(row, found)
        except (NoSubjectError, SubjectError) as error:
            self._fail(found, error, str(error), NO_SUBJECT)
        except StoreError:
            raise
        except VxError as error:
            self._fail(found, error, str(error))
        except MemoryError as error:
            self._fail(found, error, "does not fit into this machine's memory; make it smaller")
        except Exception as error:  # one photo must not cost the others
            self._fail(found, error, f"unexpected {type(error).__name__}: {error}")
        found["seconds"] = perf_counter() - started
        found["finished"] = datetime.now(timezone.utc)
        self.tidy()
        return found

    def refuse(self, row: Mapping[str, Any], kind: str, error: str) -> Row:
        """The record of a photo that is not tried; with its digest, so that later runs skip it."""
        found = self._begin(row)
        with suppress(ImageError):
            data = self._read(row)
            found |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        found |= {"status": FAILED, "kind": kind, "error": error}
        return found | {"seconds": 0.0, "finished": datetime.now(timezone.utc)}

    def _begin(self, row: Mapping[str, Any]) -> Row:
        return {
            "place": row["place"],
            "path": row["path"],
            "member": row["member"],
            "bytes": row["size"],
            "version": row["version"],
            "sha256": "",
            "options": fingerprint_of(self.order.fingerprint, row["options"]),
            "worker": self.worker,
            "run": self.run,
        }

    def _fail(self, found: Row, error: BaseException, words: str, status: str = FAILED) -> None:
        for name in ("output", "picture"):
            found.pop(name, None)
        words = printable(words.removeprefix(f"{found['path']}: "))
        found |= {"status": status, "kind": type(error).__name__, "error": words}
        notes = getattr(error, "notes", ())
        if notes:
            found["notes"] = list(notes)

    def _cut(self, row: Mapping[str, Any], found: Row) -> None:
        if row["problem"]:
            raise ImageError(row["problem"])
        output = output_of(row["place"], row["named"], self.ending, self.order.finish.format)
        try:
            data = self._read(row)
        except ImageError:
            if row["done_status"] == FAILED and not row["done_sha256"]:
                found["status"] = KEPT  # it could not be read then either
                return
            raise
        digest = hashlib.sha256(data).hexdigest()
        found |= {"sha256": digest, "bytes": len(data)}
        if digest == row["done_sha256"] and self._is_there(row, output):
            found["status"] = KEPT
            return
        self._expect_photo(row["place"], data)
        choice, finish, hints = apply(
            row["options"],
            self.order.choice,
            self.order.finish,
            max_pixels=self.limits.MAX_PIXELS,
            max_bytes=self.limits.MAX_BYTES,
        )
        photo = read_photo(
            data,
            name=row["path"],
            max_pixels=self.limits.MAX_PIXELS,
            max_bytes=self.limits.MAX_BYTES,
        )
        if self.isolator is None:
            alpha = self._test(photo, found)
        else:
            cutout = self.isolator.isolate(photo, choice, hints=hints)
            self._describe(cutout, found)
            alpha = cutout.alpha
        height, width = photo.pixels.shape[:2]
        found |= {"width": width, "height": height, "notes": list(photo.notes)}
        found["mask"] = encode_mask(alpha >= 0.5)
        found["status"] = DONE
        if self.order.target != "records":
            buffer = io.BytesIO()
            finish.write(buffer, photo, alpha, Mark(digest, found["options"]))
            if self.order.target == "shards":
                found["picture"] = buffer.getvalue()
            else:
                self.output.write(f"{PICTURES}/{output}", buffer.getvalue())
                found["output"] = f"{PICTURES}/{output}"

    def _read(self, row: Mapping[str, Any]) -> bytes:
        folder, name = split(row["path"])
        most = int(self.limits.MAX_BYTES)
        if row["offset"] is None:
            return _store(folder).read(name, most)
        return _store(folder).read(name, most, row["offset"], row["size"])

    def _is_there(self, row: Mapping[str, Any], output: str) -> bool:
        """Whether the result of a photo that was done before still exists."""
        if row["done_status"] != DONE or self.order.target != "pictures":
            return True
        return self.output.exists(f"{PICTURES}/{output}")

    @staticmethod
    def _expect_photo(place: str, data: bytes) -> None:
        """ImageError for a result of this program."""
        if os.path.splitext(place)[0].endswith((CUTOUT, MASK)) and find_mark(data) is not None:
            raise ImageError("is a result of this program, not a photo; leave it out")

    def _test(self, photo: Photo, found: Row) -> FloatArray:
        """The documented constant mask of ``Order.test_mask``."""
        height, width = photo.pixels.shape[:2]
        alpha: FloatArray = np.zeros((height, width), dtype=np.float32)
        alpha[height // 2 :] = 1
        found |= {"reason": TEST_MASK, "method": TEST_MASK, "engine": TEST_MASK, "labels": []}
        return alpha

    def _describe(self, cutout: Cutout, found: Row) -> None:
        subject, ran = cutout.subject, cutout.provenance
        found |= {
            "reason": subject.reason,
            "labels": list(cutout.labels),
            "method": subject.method,
            "score": float(subject.score),
            "engine": ran.engine,
            "weights_sha256": ran.weights_sha256,
            "eye_sha256": ran.eye_sha256,
            "refinement": list(ran.refinement),
        }
        if self.order.all_masks:
            keep = ("label", "score", "box", "mask")
            found["instances"] = [
                {name: one[name] for name in keep} for one in instance_records(cutout.instances)
            ]
        else:
            found["instances"] = [
                {
                    "label": cutout.instances.label(index),
                    "score": float(cutout.instances.scores[index]),
                    "box": [float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
                }
                for index, (x0, y0, x1, y1) in enumerate(cutout.instances.boxes)
            ]


@lru_cache(maxsize=64)
def _store(folder: str) -> Store:
    return Store(folder)
