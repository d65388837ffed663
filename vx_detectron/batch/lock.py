"""One run at a time per output: a second one is refused, a dead one does not block it.

On disk the system keeps the lock, and lets go of it with the process. An object store has no such
thing: there a run owns an object that it writes again and again. One that does not change while
it is looked at belongs to nobody any more. No clocks are compared.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vx_detectron.batch.store import STATE, Store, StoreError
from vx_detectron.errors import BatchError
from vx_detectron.image_io.names import reason

_NAME = f"{STATE}/lock"
_BEAT = 10.0  # seconds between two writes of the object


@contextmanager
def locked(store: Store, beat: float = _BEAT) -> Iterator[Holding]:
    """Own the output while the block runs.

    Args:
        store: the output.
        beat: seconds between two heartbeats, in an object store.

    Raises:
        BatchError: another run owns it.
        StoreError: the output cannot be written.
    """
    if store.local is not None:
        with _locked_on_disk(store, store.local):
            yield Holding()
        return
    lease = _Lease(store, beat)
    lease.take()
    stop = threading.Event()
    thread = threading.Thread(target=lease.keep, args=(stop,), daemon=True)
    thread.start()
    try:
        yield lease.holding
    finally:
        stop.set()
        thread.join()
        lease.leave()


class Holding:
    """Whether this run still owns the output; ``lost`` says why it does not."""

    lost: str | None = None

    def check(self) -> None:
        """Raise BatchError if another run has taken over the output."""
        if self.lost is not None:
            raise BatchError(self.lost)


@contextmanager
def _locked_on_disk(store: Store, folder: Path) -> Iterator[None]:
    try:
        (folder / STATE).mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _NAME, timeout=0)
        lock.acquire()
    except Timeout:
        raise BatchError(_refusal(store, "another run")) from None
    except OSError as error:
        raise StoreError(f"{store}: cannot be written: {reason(error)}") from error
    try:
        yield
    finally:
        lock.release()


def _refusal(store: Store, owner: str) -> str:
    return (
        f"{store}: {owner} is working in this output; wait for it, stop it, or choose another "
        "output. Finished photos are kept"
    )


class _Lease:
    """The object that a run keeps writing."""

    def __init__(self, store: Store, beat: float) -> None:
        self.store, self.beat = store, beat
        self.path = store.path(_NAME)
        self.owner = {"host": socket.gethostname(), "pid": os.getpid(), "id": secrets.token_hex(8)}
        self.count = 0
        self.holding = Holding()

    def take(self) -> None:
        """Own it. Raises BatchError where another run does."""
        if not self._create():
            seen = self._read()
            time.sleep(2.5 * self.beat)
            now = self._read()
            if now != seen:
                host = (now or seen or {}).get("host", "elsewhere")
                raise BatchError(_refusal(self.store, f"another run, on {host},"))
            # Where two see the same dead run, both may come here: the later write wins, and the
            # look after it tells the other.
            self._write()
        time.sleep(self.beat / 10)
        self._expect_own()

    def keep(self, stop: threading.Event) -> None:
        """Write it until told to stop, or until another run owns it."""
        while not stop.wait(self.beat):
            try:
                self._expect_own()
                self._write()
            except BatchError as error:
                self.holding.lost = str(error)
                return
            except Exception:  # the store is away for a moment; the next beat tries again
                continue

    def leave(self) -> None:
        """Give it up."""
        with contextlib.suppress(Exception):
            if (self._read() or {}).get("id") == self.owner["id"]:
                self.store.remote.rm_file(self.path)

    def _expect_own(self) -> None:
        found = self._read()
        if found is None or found.get("id") != self.owner["id"]:
            raise BatchError(_refusal(self.store, "another run has taken over and"))

    def _create(self) -> bool:
        """Make it, unless it is there."""
        try:
            self.store.remote.pipe_file(self.path, self._text(), mode="create")
        except FileExistsError:
            return False
        except (TypeError, ValueError, NotImplementedError):  # the store knows no such thing
            if self._read() is not None:
                return False
            self._write()
        except OSError as error:
            if self._read() is not None:
                return False
            raise StoreError(f"{self.store}: cannot be written: {reason(error)}") from error
        except Exception as error:  # of the store's own library
            raise StoreError(f"{self.store}: cannot be written: {error}") from error
        return True

    def _write(self) -> None:
        self.count += 1
        self.store.remote.pipe_file(self.path, self._text())

    def _text(self) -> bytes:
        return json.dumps({**self.owner, "beat": self.count}).encode()

    def _read(self) -> dict[str, str] | None:
        try:
            found = json.loads(self.store.remote.cat_file(self.path))
        except FileNotFoundError:
            return None
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
