"""Several processes, one for each GPU, as ``torchrun`` starts them; alone, a world of one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed

from vx_detectron.data.categories import DatasetDict, number_from
from vx_detectron.errors import TrainingError

# One process may have the larger photos of a validation, and COCO's figures are the main one's.
PATIENCE = timedelta(hours=2)

_Item = TypeVar("_Item")


def rank() -> int:
    """The number of this process among all, from 0; that one writes the files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def world_size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_main() -> bool:
    """Whether this process writes the files."""
    return rank() == 0


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Meet the other processes of ``torchrun``, if it started this one, and part at the end.

    Args:
        device: of the training; all its GPUs, or the CPU.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(_own_gpu())
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def own_device(device: torch.device) -> torch.device:
    """The device of this process, where all were given the same."""
    if world_size() == 1 or device.type == "cpu":
        return device
    return torch.device("cuda", _own_gpu())


def _own_gpu() -> int:
    number = int(os.environ["LOCAL_RANK"])
    if number >= torch.cuda.device_count():
        raise TrainingError(
            f"expected a GPU for each process, but process {number + 1} finds "
            f"{torch.cuda.device_count()} on this machine; start fewer (--num-gpus)"
        )
    return number


def share(batch_size: int) -> int:
    """How many photos of each batch belong to this process.

    Raises:
        TrainingError: they cannot be shared out evenly.
    """
    if batch_size % world_size():
        raise TrainingError(
            f"SOLVER.IMS_PER_BATCH is the batch of all processes together: {batch_size} cannot be "
            f"shared evenly among {world_size()}; take a multiple"
        )
    return batch_size // world_size()


def mean(values: dict[str, float], device: torch.device) -> dict[str, float]:
    """The mean of each value over all processes, which all call this."""
    if world_size() == 1:
        return values
    total = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return dict(zip(values, (total / world_size()).tolist(), strict=True))


def mean_of(values: Tensor) -> Tensor:
    """The mean of a tensor over all processes, which all call this."""
    if world_size() == 1:
        return values
    distributed.all_reduce(values)
    return values / world_size()


def own_part(items: Sequence[_Item]) -> Sequence[_Item]:
    """This process's share of a list that all have: a part in one piece, the main one's first."""
    ends = [-(-len(items) * place // world_size()) for place in (rank(), rank() + 1)]
    return items[ends[0] : ends[1]]


def gathered(own: _Item) -> list[_Item]:
    """What all processes give, in their order, for the main one; for the others nothing.

    They all call this.
    """
    if world_size() == 1:
        return [own]
    slots: list[_Item | None] | None = [None] * world_size() if is_main() else None
    distributed.gather_object(own, slots)
    return [one for one in slots or () if one is not None]


def object_from_main(value: _Item) -> _Item:
    """What the main process has, in all of them, which all call this."""
    if world_size() == 1:
        return value
    shared = [value]
    distributed.broadcast_object_list(shared, 0)
    return shared[0]


def copy_from_main(values: Iterable[Tensor]) -> None:
    """Give all processes the main one's values, in place. They all call this."""
    if world_size() > 1:
        for value in values:
            distributed.broadcast(value, 0)


def from_main(number: int, device: torch.device) -> int:
    """The main process's number, in all of them."""
    if world_size() == 1:
        return number
    shared: Tensor = torch.tensor(number, dtype=torch.int64, device=device)
    distributed.broadcast(shared, 0)
    return int(shared)


def expect_same_start(iteration: int, photos: Sequence[DatasetDict], device: torch.device) -> None:
    """Raise TrainingError, in all processes, unless all start at one step, with the same photos.

    Machines without a shared folder have checkpoints and splits.json on the main one only.
    """
    if world_size() == 1:
        return
    names = ",".join(str(record["image_id"]) for record in photos)
    own = torch.tensor([iteration, number_from(names)], dtype=torch.int64, device=device)
    all_starts = [torch.empty_like(own) for _ in range(world_size())]
    distributed.all_gather(all_starts, own)
    starts = [one.tolist() for one in all_starts]
    if all(one == starts[0] for one in starts):
        return
    steps = ", ".join(str(step) for step, _ in starts)
    raise TrainingError(
        f"the {world_size()} processes must start at one step with the same photos, but they start "
        f"at the steps {steps}, with {len({one[1] for one in starts})} different sets of photos. "
        "Give all machines one OUTPUT_DIR on a shared folder, or copy last_checkpoint, the file it "
        "names and splits.json to each of them; and give them the same VX.DATA"
    )


def any_of(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set in any process."""
    return mean({"flag": float(flag)}, device)["flag"] > 0
