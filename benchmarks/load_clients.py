"""The clients of ``load.py``: polite, impatient, slow, gone before the answer, and hostile."""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from time import monotonic
from typing import Any

PATIENCE = 120.0  # seconds; longer than any answer may take
PAGES = ("/", "/docs/", "/health", "/ready", "/metrics", "/api/v1/openapi.json")
OPTIONS: tuple[dict[str, str], ...] = (
    {},
    {"format": "json"},
    {"format": "webp", "background": "transparent"},
    {"format": "jpg", "background": "blur:5"},
    {"background": "scene:studio", "crop": "true"},
    {"format": "ora", "background": "transparent"},
    {"all": "true", "megapixels": "0.5"},
)
BOUNDARY = secrets.token_hex(16)
BUSY = (429, 503)
GOOD = (200, 201, 204, *BUSY)
GOOD_OR_GONE = (*GOOD, 404)
ANY = (*range(200, 500), 503)  # to hostile requests: anything but a failure of the server


class HungUpError(Exception):
    """A client of ours hangs up in the midst of its own request."""


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers by lower-case name, and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Tally:
    """What all clients saw; each notes it from its own thread.

    Attributes:
        answers: how often each status came.
        seconds: from the last byte sent to the last byte received, of photos that were cut.
        faults: answers that no client should see, in words.
        came_back: of those who came back after ``Retry-After``, how many were let in and were not.
        hung_up: how often a client did not wait for its answer.
    """

    answers: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    came_back: Counter[bool] = field(default_factory=Counter)
    hung_up: int = 0


@dataclass(frozen=True)
class Material:
    """What clients send: photos, damaged files, and requests that are not forms."""

    photos: list[bytes]
    hostile_files: list[bytes]
    hostile_requests: list[tuple[bytes, dict[str, str]]]


class Client(threading.Thread):
    """One client, which goes on until its time is up.

    Args:
        address: host and port.
        material: what it sends.
        tally: where it notes what it saw.
        until: of the monotonic clock.
        seed: of its choices.
    """

    def __init__(
        self, address: tuple[str, int], material: Material, tally: Tally, until: float, seed: int
    ) -> None:
        super().__init__(daemon=True)
        self._address, self._material, self._tally = address, material, tally
        self._until, self._random = until, random.Random(seed)
        self._polite = seed % 2 == 0

    def run(self) -> None:
        """Do one thing after the other."""
        habits: dict[Callable[[], None], int] = {
            self._cut: 35,
            self._removebg: 10,
            self._open_and_choose: 15,
            self._look: 10,
            self._cut_slowly: 10,
            self._hang_up_sending: 7,
            self._hang_up_waiting: 8,
            self._attack: 5,
        }
        while monotonic() < self._until:
            time.sleep(self._random.uniform(0, 2))  # looks at what came
            self._random.choices([*habits], [*habits.values()])[0]()

    def go_every_way(self) -> None:
        """One photo, cut with all options, opened, chosen in, and forgotten."""
        for options in OPTIONS:
            self._insist("/api/v1/isolate", image=self._photo(), **options)
        self._removebg()
        self._open_and_choose()

    def _cut(self) -> None:
        self._insist("/api/v1/isolate", image=self._photo(), **self._random.choice(OPTIONS))

    def _removebg(self) -> None:
        size = self._random.choice(["preview", "hd", "full"])
        self._insist("/v1.0/removebg", image_file=self._photo(), size=size)

    def _open_and_choose(self) -> None:
        opened = self._insist("/api/v1/instances", image=self._photo())
        if opened is None or opened.status != 201:
            return
        place = f"/api/v1/instances/{json.loads(opened.body)['id']}"
        for _ in range(self._random.randint(0, 3)):
            self._insist(f"{place}/compose", GOOD_OR_GONE, **self._random.choice(OPTIONS))
        if self._random.random() < 0.5:  # the others are left to expire
            self._ask("DELETE", place, expected=GOOD_OR_GONE)

    def _look(self) -> None:
        self._ask("GET", self._random.choice(PAGES))

    def _cut_slowly(self) -> None:
        body, headers = form(image=self._photo())
        pause = self._random.uniform(0.1, 0.5)
        self._ask("POST", "/api/v1/isolate", trickle(body, pause), headers)

    def _hang_up_sending(self) -> None:
        body, headers = form(image=self._photo())
        self._ask("POST", "/api/v1/isolate", broken_off(body), headers)

    def _hang_up_waiting(self) -> None:
        body, headers = form(image=self._photo())
        pause = self._random.uniform(0, 2)
        self._ask("POST", "/api/v1/isolate", [body], headers, hang_up_after=pause)

    def _attack(self) -> None:
        if self._random.random() < 0.7:
            body, headers = form(image=self._random.choice(self._material.hostile_files))
        else:
            body, headers = self._random.choice(self._material.hostile_requests)
            headers = {**headers, "Content-Length": str(len(body))}
        self._ask("POST", "/api/v1/isolate", [body], headers, expected=ANY)

    def _photo(self) -> bytes:
        return self._random.choice(self._material.photos)

    def _insist(self, path: str, expected: Collection[int] = GOOD, **fields: Any) -> Answer | None:
        """Send a form; once more when the server is busy: after as long as it says, or too soon."""
        body, headers = form(**fields)
        answer = self._ask("POST", path, [body], headers, expected=expected)
        if answer is None or answer.status not in BUSY:
            return answer
        time.sleep(float(answer.headers.get("retry-after", 1)) if self._polite else 0.5)
        answer = self._ask("POST", path, [body], headers, expected=expected)
        if answer is not None and self._polite:
            self._tally.came_back[answer.status not in BUSY] += 1
        return answer

    def _ask(
        self,
        method: str,
        path: str,
        pieces: Iterable[bytes] = (),
        headers: Mapping[str, str] | None = None,
        *,
        hang_up_after: float | None = None,
        expected: Collection[int] = GOOD,
    ) -> Answer | None:
        """One request; None when there was no answer. Any other status than expected is a fault."""
        connection = HTTPConnection(*self._address, timeout=PATIENCE)
        try:
            # When the server has heard enough, its answer may be there all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, pieces, headers or {})
            if hang_up_after is not None:
                time.sleep(hang_up_after)
                raise HungUpError
            sent = monotonic()
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(response.status, names, response.read())
        except HungUpError:
            self._tally.hung_up += 1
            return None
        except (OSError, HTTPException) as error:
            if expected is not ANY:  # who sends far too much may be cut off without a word
                self._tally.faults[type(error).__name__] += 1
            return None
        finally:
            connection.close()
        if answer.status not in expected:
            self._tally.faults[f"{answer.status} to {method} {path}: {answer.body[:200]!r}"] += 1
        self._note(method, answer, monotonic() - sent)
        return answer

    def _note(self, method: str, answer: Answer, seconds: float) -> None:
        tally = self._tally
        tally.answers[answer.status] += 1
        if answer.status in BUSY and not 1 <= int(answer.headers.get("retry-after", 0)) <= PATIENCE:
            tally.faults[f"{answer.status} without a sensible Retry-After"] += 1
        if method == "POST" and answer.status in (200, 201):
            tally.seconds.append(seconds)


def form(**fields: str | bytes) -> tuple[bytes, dict[str, str]]:
    """A form's body and headers; bytes become files."""
    parts = []
    for name, value in fields.items():
        kind = '; filename="photo"' if isinstance(value, bytes) else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{kind}\r\n\r\n'
        parts += [head.encode(), value if isinstance(value, bytes) else value.encode(), b"\r\n"]
    body = b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return body, {"Content-Type": kind, "Content-Length": str(len(body))}


def trickle(body: bytes, pause: float, pieces: int = 20) -> Iterator[bytes]:
    """The body in pieces, with a pause before each."""
    size = len(body) // pieces + 1
    for start in range(0, len(body), size):
        time.sleep(pause)
        yield body[start : start + size]


def broken_off(body: bytes) -> Iterator[bytes]:
    """Half of the body."""
    yield body[: len(body) // 2]
    raise HungUpError


def warm_up(address: tuple[str, int], photo: bytes) -> Tally:
    """Send one photo through every way that a photo can take, one after the other."""
    tally = Tally()
    Client(address, Material([photo], [], []), tally, until=0, seed=0).go_every_way()
    return tally
