"""Download one file over HTTPS: resumed, bounded, checked, and moved into place in one step.

Plain ``urllib``: with the resuming and checking written here, ``requests`` would only add weight.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import logging
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from filelock import FileLock, Timeout

from vx_detectron.errors import DownloadError
from vx_detectron.weights.safe_http import PassingError, in_words, open_url, require_safe_url

MAX_BYTES = 4 * 2**30
SLOWEST_BYTES_PER_SECOND = 1024
LOCK_SECONDS = 3600.0

_CHUNK = 1 << 16
_MD5_DIGITS = 32
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """One file to fetch, and what is known of it beforehand."""

    url: str
    target: Path
    size: int | None
    sha256: str | None
    md5: str | None
    progress: bool
    timeout: float

    @property
    def part(self) -> Path:
        """What has arrived so far."""
        return self.target.with_name(self.target.name + ".part")

    @property
    def note(self) -> Path:
        """Which version of the file ``part`` belongs to."""
        return self.target.with_name(self.target.name + ".part.json")

    @property
    def limit(self) -> int:
        """The most bytes that are taken."""
        return MAX_BYTES if self.size is None else self.size

    @property
    def expected_length(self) -> str:
        """The length in words."""
        return f"{'at most ' if self.size is None else ''}{self.limit} bytes"

    def discard(self) -> None:
        """Forget what has arrived so far."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def by_hand(self) -> str:
        """How to get the file without this program."""
        facts = [f"{self.size} bytes"] if self.size is not None else []
        if self.sha256 or not self.md5:
            facts.append(f"sha256 {self.sha256}" if self.sha256 else "no digest known")
        if self.md5:
            facts.append(f"md5 {self.md5}{'...' if len(self.md5) < _MD5_DIGITS else ''}")
        return (
            f"Without a connection: download {self.url} on another machine and put it at "
            f"{self.target} ({', '.join(facts)})."
        )


def download(
    url: str,
    target: str | os.PathLike[str],
    *,
    size: int | None = None,
    sha256: str | None = None,
    md5: str | None = None,
    progress: bool = True,
    timeout: float = 30.0,
    attempts: int = 4,
    pause: float = 1.0,
) -> Path:
    """Download ``url`` to the file ``target``, unless it exists and passes the checks.

    What has arrived is kept in ``target`` + ``.part`` and continued by the next call, as long as
    the server still has the same version (ETag or Last-Modified). ``target`` itself only ever
    holds a whole, checked file. Processes that want the same file wait for each other at
    ``target`` + ``.lock``, which Detectron2's own downloader honours too.

    Args:
        url: ``https://``, or ``http://`` to this machine.
        target: the file to write; its folder is made.
        size: the expected length in bytes.
        sha256: the expected digest, 64 hex digits.
        md5: the file's md5 in hex digits, or how it must begin; looked at without ``sha256``. It
            detects a damaged file, but unlike ``sha256`` does not protect against a forged one.
        progress: draw a bar on stderr, if that is a terminal.
        timeout: seconds without a response, or slower than 1 KiB/s, after which an attempt ends.
        attempts: how often to try when the connection breaks or the server is overloaded.
        pause: seconds before the second attempt; doubled before each later one.

    Returns:
        ``target``.

    Raises:
        DownloadError: refused address, no connection, an answer that is not the file, a wrong
            length or digest (what came is removed), or a folder that cannot be written.
    """
    require_safe_url(url)
    job = _Job(url, Path(target), size, sha256, md5, progress, timeout)
    try:
        if not _already_there(job):
            job.target.parent.mkdir(parents=True, exist_ok=True)
            with _alone(job):
                if not _already_there(job):
                    _fetch(job, attempts, pause)
    except Timeout:
        raise DownloadError(
            f"Another process has been downloading {job.target} for {LOCK_SECONDS / 60:.0f} "
            "minutes. Wait for it, or stop it and try again."
        ) from None
    except OSError as error:
        raise DownloadError(
            f"Could not write {job.target}: {error.strerror or error}. Free some space or choose a "
            f"folder you may write to (FVCORE_CACHE names the cache folder). {job.by_hand()}"
        ) from error
    return job.target


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, as 64 hex digits. Raises OSError if it cannot be read."""
    return _hex_digest(path, hashlib.sha256())


def problem_of(
    path: Path, *, size: int | None = None, sha256: str | None = None, md5: str | None = None
) -> str | None:
    """What is wrong with a downloaded file, as text; None if nothing is.

    Args:
        path: the file.
        size: what it should be, as ``download`` takes it; likewise the others.
        sha256: see there.
        md5: see there.

    Raises:
        OSError: it cannot be read.
    """
    found_size = path.stat().st_size
    if found_size == 0:
        return "it is empty"
    if size is not None and found_size != size:
        return f"expected {size} bytes, got {found_size}"
    with path.open("rb") as file:
        if re.match(rb"\s*<(!doctype|html|\?xml)", file.read(256), re.IGNORECASE):
            return "it is a web page, not weights"
    if sha256:
        found, wanted = sha256_of(path), sha256.lower()
        return None if found == wanted else f"expected sha256 {wanted}, got {found}"
    if md5:
        found = _hex_digest(path, hashlib.md5(usedforsecurity=False))
        if not found.startswith(md5):
            whole = len(md5) == _MD5_DIGITS
            wanted = f"md5 {md5}" if whole else f"an md5 that begins with {md5}"
            return f"expected {wanted}, got {found}"
    return None


@contextlib.contextmanager
def _alone(job: _Job) -> Iterator[None]:
    """Hold the file's lock. Raises Timeout."""
    lock = FileLock(f"{job.target}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _log.warning("waiting for another process that is downloading %s", job.target)
        lock.acquire(timeout=LOCK_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _already_there(job: _Job) -> bool:
    if not job.target.is_file():
        return False
    problem = _problem(job.target, job)
    if problem:
        _log.warning("%s is replaced: %s", job.target, problem)
    return problem is None


def _problem(path: Path, job: _Job) -> str | None:
    return problem_of(path, size=job.size, sha256=job.sha256, md5=job.md5)


def _hex_digest(path: str | os.PathLike[str], digest: hashlib._Hash) -> str:
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _fetch(job: _Job, attempts: int, pause: float) -> None:
    """Try until the file is there. Raises DownloadError."""
    for attempt in range(1, attempts + 1):
        try:
            _attempt(job)
            return
        except DownloadError as error:
            raise DownloadError(f"{error} {job.by_hand()}") from error
        except PassingError as fault:
            _log.warning("%s: attempt %d of %d: %s", job.url, attempt, attempts, fault)
            if fault.status == 416:
                job.discard()
            if attempt == attempts:
                raise DownloadError(
                    f"Could not download {job.url}: gave up after {attempts} attempts, the last "
                    f"one because {fault}. Try again later; the partial download is kept and will "
                    f"be resumed. {job.by_hand()}"
                ) from fault
            time.sleep(pause * 2 ** (attempt - 1))


def _attempt(job: _Job) -> None:
    """Ask once, write what comes, check it, move it into place."""
    have, version = _kept(job)
    headers = {"Accept-Encoding": "identity", "User-Agent": "vx-detectron"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": version}
    with open_url(job.url, headers, job.timeout) as response:
        _require_file(job, response)
        start = _start(job, response, have, version)
        total = _total(response, start)
        if total is not None and (total > job.limit or job.size not in (None, total)):
            job.discard()
            raise DownloadError(
                f"{job.url} is {total} bytes long, expected {job.expected_length}. The file on "
                "the server is a different one; check the URL."
            )
        if not start:
            job.discard()
            note = {"url": job.url, "version": _version(response.headers)}
            job.note.write_text(json.dumps(note), encoding="utf-8")
        _write(job, response, start, total)
    problem = _problem(job.part, job)
    if problem:
        job.discard()
        raise DownloadError(
            f"The file from {job.url} is not the expected one: {problem}. It was removed. Try "
            "again; if it keeps happening, do not trust that URL."
        )
    os.replace(job.part, job.target)
    job.note.unlink(missing_ok=True)


def _kept(job: _Job) -> tuple[int, str]:
    """How many bytes of which version are there already; (0, "") if nothing can be continued."""
    try:
        note = json.loads(job.note.read_text(encoding="utf-8"))
        size = job.part.stat().st_size
        if size and note["url"] == job.url and note["version"]:
            return size, str(note["version"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass  # Nothing there, or not ours: begin at the beginning.
    job.discard()
    return 0, ""


def _version(headers: Message) -> str:
    """What tells one version of the file from another; If-Range allows no weak ETag (RFC 9110)."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else str(headers.get("Last-Modified", ""))


def _start(job: _Job, response: http.client.HTTPResponse, have: int, version: str) -> int:
    """Where in the file the answer begins: at what we have, or at 0. Raises PassingError."""
    if response.status == 200:
        return 0
    begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    # A 206 need not repeat Last-Modified (RFC 9110); one that repeats it must repeat ours.
    same = _version(response.headers) in (version, "")
    if response.status != 206 or begins is None or int(begins[1]) != have or not same:
        job.discard()
        raise PassingError("the file changed on the server in the meantime")
    return have


def _total(response: http.client.HTTPResponse, start: int) -> int | None:
    """Length of the whole file, if the server says it."""
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdecimal() else None


def _require_file(job: _Job, response: http.client.HTTPResponse) -> None:
    kind = response.headers.get_content_type()
    encoding = response.headers.get("Content-Encoding", "identity")
    if kind in ("text/html", "application/xhtml+xml") or encoding != "identity":
        raise DownloadError(
            f"Expected a weights file at {job.url}, got {kind} (encoding {encoding}): probably a "
            "log-in, error or download page. Use the direct address."
        )


def _write(job: _Job, response: http.client.HTTPResponse, start: int, total: int | None) -> None:
    """Append the answer to the part file. Raises PassingError when it breaks off or is too slow."""
    from tqdm import tqdm  # type: ignore[import-untyped]  # slow to import

    have = start
    bar = tqdm(
        total=total,
        initial=start,
        unit="B",
        unit_scale=True,
        desc=job.target.name,
        disable=None if job.progress else True,  # None: only on a terminal
    )
    with job.part.open("r+b" if start else "wb") as file, bar:
        file.seek(start)
        file.truncate()
        for chunk in _chunks(response, job.timeout):
            have += len(chunk)
            if have > job.limit:
                break
            file.write(chunk)
            bar.update(len(chunk))
        file.flush()
        os.fsync(file.fileno())
    if have > job.limit:
        job.discard()
        raise DownloadError(
            f"{job.url} continues after the expected {job.expected_length}. Check the URL."
        )
    if total is not None and have < total:
        raise PassingError(f"the connection ended after {have} of {total} bytes")


def _chunks(response: http.client.HTTPResponse, timeout: float) -> Iterator[bytes]:
    """The answer piece by piece, as it arrives. Raises PassingError."""
    since, arrived = time.monotonic(), 0
    while True:
        try:
            chunk = response.read1(_CHUNK)  # read() would wait for a full chunk, however slow
        except (OSError, http.client.HTTPException) as error:
            raise PassingError(in_words(error)) from error
        if not chunk:
            return
        yield chunk
        arrived += len(chunk)
        passed = time.monotonic() - since
        if passed >= timeout:
            if arrived < SLOWEST_BYTES_PER_SECOND * passed:
                raise PassingError(f"only {arrived} bytes arrived in {passed:.0f} s")
            since, arrived = time.monotonic(), 0
