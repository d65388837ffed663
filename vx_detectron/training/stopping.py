"""Ctrl-C and ``kill`` end a training after the step it is in, with everything saved."""

from __future__ import annotations

import logging
import signal
from types import FrameType, TracebackType

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
            "%s: saving after this step; once more ends at once", signal.Signals(number).name
        )

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def leave_interrupts_to_the_main_process(worker: int) -> None:
    """For the workers of a data loader, which Ctrl-C reaches as well."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
