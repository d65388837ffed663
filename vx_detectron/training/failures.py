"""How a training ends early: by an error, told in plain words, or by a signal."""

from __future__ import annotations

import errno
import logging
import math
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType

import torch
from torch import nn

from vx_detectron.errors import TrainingError, VxError

logger = logging.getLogger(__name__)


class StopSignals:
    """While entered, SIGINT and SIGTERM only set ``received``; the second of them ends at once."""

    def __init__(self) -> None:
        self.received = False
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}

    def __enter__(self) -> StopSignals:
        for number in _SIGNALS:
            signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = True
        self._restore()
        logger.warning(
            "%s: saving after this step; again to stop immediately", signal.Signals(number).name
        )

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def leave_interrupts_to_the_main_process(worker: int) -> None:
    """For the workers of a data loader, which Ctrl-C reaches as well."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


_LESS_MEMORY = (
    "lower SOLVER.IMS_PER_BATCH (and SOLVER.BASE_LR with it), INPUT.MIN_SIZE_TRAIN and "
    "MAX_SIZE_TRAIN or VX.SOLVER.CROP, or freeze more (VX.SOLVER.FREEZE); then --resume"
)


_SMALLER_STEPS = (
    "Lower SOLVER.BASE_LR, warm up longer (SOLVER.WARMUP_ITERS) or set "
    "SOLVER.CLIP_GRADIENTS.ENABLED, then --resume with these keys from the last checkpoint"
)


def expect_finite(losses: Mapping[str, float], file_names: Sequence[str], iteration: int) -> None:
    """Raise TrainingError, naming the losses and the photos, unless all are finite."""
    bad = [f"{name} = {value}" for name, value in losses.items() if not math.isfinite(value)]
    if bad:
        raise TrainingError(nonfinite(", ".join(bad), file_names, iteration))


def expect_finite_weights(model: nn.Module, iteration: int) -> None:
    """Raise TrainingError if the last step left weights from which training cannot continue.

    Called before a checkpoint is written, so that ``--resume`` finds a usable one.
    """
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise TrainingError(
                f"the weights {name} are not finite after iteration {iteration}, so they are not "
                f"saved. {_SMALLER_STEPS}"
            )


def nonfinite(what: str, file_names: Sequence[str], iteration: int) -> str:
    """The message for losses that are not finite."""
    return (
        f"{what} at iteration {iteration}, with the photos {', '.join(file_names)}. "
        f"{_SMALLER_STEPS}"
    )


@contextmanager
def in_words() -> Iterator[None]:
    """Turn errors about full memory or disks, or from a data loader's worker, into VxErrors."""
    try:
        yield
    except VxError as error:
        head, separator, words = str(error).rpartition(f"{type(error).__name__}: ")
        if not (separator and head.startswith("Caught")):
            raise
        # A worker's error arrives with its whole traceback as its message.
        raise type(error)(words.strip()) from error
    except torch.OutOfMemoryError as error:
        first = str(error).splitlines()[0]
        raise TrainingError(f"the GPU's memory is full ({first}); {_LESS_MEMORY}") from error
    except MemoryError as error:
        raise TrainingError(f"this machine's memory is full; {_LESS_MEMORY}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise TrainingError(
            f"cannot write {error.filename or 'the files of the training'}: {error.strerror}; free "
            "space, then --resume"
        ) from error
    except RuntimeError as error:
        text = str(error)
        if "can't allocate memory" in text or "not enough memory" in text:
            raise TrainingError(f"this machine's memory is full; {_LESS_MEMORY}") from error
        if "DataLoader worker" in text:
            raise TrainingError(
                f"a worker that reads photos died ({text.splitlines()[0]}), usually because memory "
                "ran out, or in a container the shared memory: provide more (docker run --shm-size "
                f"8g), lower DATALOADER.NUM_WORKERS, or {_LESS_MEMORY}"
            ) from error
        raise
