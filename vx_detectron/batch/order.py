"""One batch as requested; every part of a run receives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from fvcore.common.config import CfgNode

from vx_detectron.deliver.finish import Finish
from vx_detectron.errors import BatchError
from vx_detectron.subject import Choice

Target = Literal["pictures", "shards", "records"]
Compare = Literal["content", "listing"]


@dataclass(frozen=True)
class Order:
    """What is cut, how, and where to. Goes to every worker, so it holds no photo.

    Attributes:
        source: a folder, pattern, list, tar or address; see ``sources``.
        output: a folder or address.
        cfg: the configuration of the networks.
        choice: which subject, where a photo does not say.
        finish: what the pictures show, where a photo does not say.
        fingerprint: of all of the above, as it is marked in the pictures.
        target: single pictures, WebDataset's shards of them, or no pictures at all.
        compare: how to recognise a photo that was done before: by its content, or by what its store
            says of it (size and time, or ETag) without reading it.
        retry_failed: cut those again that failed before.
        overwrite: replace results that were made with other options.
        all_masks: record the mask of every instance, not only the subject's.
        test_mask: cut nothing: every photo gets one constant mask, its lower half. It is for
            measuring everything around the network, and for tests; the records say so.
    """

    source: str
    output: str
    cfg: CfgNode
    choice: Choice = field(default_factory=Choice)
    finish: Finish = field(default_factory=Finish)
    fingerprint: str = "0" * 16
    target: Target = "pictures"
    compare: Compare = "content"
    retry_failed: bool = False
    overwrite: bool = False
    all_masks: bool = False
    test_mask: bool = False

    def __post_init__(self) -> None:
        if self.target not in get_args(Target):
            raise BatchError(f"target must be one of {get_args(Target)}, got {self.target!r}")
        if self.compare not in get_args(Compare):
            raise BatchError(f"compare must be one of {get_args(Compare)}, got {self.compare!r}")


@dataclass(frozen=True)
class Cluster:
    """Where it runs, and on how much of it.

    Attributes:
        address: of a Ray cluster, or None for one of its own on this machine.
        workers: processes that cut: the fewest and the most. None: as many as fit.
        cpus: cores of each worker.
        gpus: GPUs of each worker; a part of one is allowed.
        memory: bytes that each worker is given in Ray's accounts; None: not accounted.
        object_store: bytes of Ray's shared memory, on a cluster of its own.
        dashboard: whether Ray's dashboard is started, on a cluster of its own.
    """

    address: str | None = None
    workers: tuple[int, int] | None = None
    cpus: float = 1
    gpus: float = 0
    memory: int | None = None
    object_store: int = 256 * 2**20
    dashboard: bool = True
