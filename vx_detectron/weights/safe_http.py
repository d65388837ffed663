"""Open a URL over HTTPS, and distinguish temporary faults from permanent ones."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from email.message import Message
from typing import IO
from urllib.parse import urlsplit

from vx_detectron.errors import DownloadError

_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class PassingError(Exception):
    """A fault that may be gone on the next attempt.

    Attributes:
        status: the HTTP status, if the server gave one.
    """

    def __init__(self, words: str, status: int | None = None) -> None:
        super().__init__(words)
        self.status = status


def is_safe_url(url: str) -> bool:
    """Whether a URL is well formed and https, or plain http to a loopback host."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # bad brackets, a port out of range, a label too long
        return False
    plain = url.isascii() and url.isprintable() and not set(url) & {" ", "@", "\\"}
    return bool(host) and plain and (parts.scheme == "https" or is_local_http(url))


def require_safe_url(url: str) -> None:
    """Raise DownloadError unless ``is_safe_url``."""
    if not is_safe_url(url):
        raise DownloadError(
            f"Expected an https:// URL (http:// only to this machine), got {url!r}. Use https "
            "and percent-encode odd characters, or download the file yourself and pass its path."
        )


def is_local_http(url: str) -> bool:
    """Whether a URL is plain http to this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http":
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextlib.contextmanager
def open_url(
    url: str, headers: Mapping[str, str], timeout: float
) -> Iterator[http.client.HTTPResponse]:
    """The server's response with status 2xx, after redirects.

    Args:
        url: an address that ``is_safe_url``.
        headers: to send.
        timeout: seconds without any answer.

    Raises:
        PassingError: time-out, broken connection, overloaded server, range not satisfiable.
        DownloadError: no network, no such host or file, bad certificate, unsafe redirect.
    """
    # A server on this machine is never asked through a proxy.
    proxies: dict[str, str] | None = {} if is_local_http(url) else None
    opener = urllib.request.build_opener(_SafeRedirects(), urllib.request.ProxyHandler(proxies))
    try:
        response = opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 or error.code in _PASSING_STATUS:
            words = f"the server answered {error.code} {error.reason}"
            raise PassingError(words, error.code) from error
        raise DownloadError(
            f"Expected a weights file at {url}, the server answered {error.code} {error.reason}. "
            "Check the URL."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, _FINAL):
            raise DownloadError(
                f"Could not reach {urlsplit(url).netloc} for {url}: {in_words(cause)}. "
                "Check the network."
            ) from error
        raise PassingError(in_words(cause)) from error
    with response:
        yield response


# Trying again at once is pointless: offline, nobody listening, a bad certificate, no address.
_FINAL = (
    socket.gaierror,
    ConnectionRefusedError,
    ssl.SSLCertVerificationError,
    http.client.InvalidURL,
)


def in_words(cause: object) -> str:
    """A network fault as a phrase."""
    if isinstance(cause, socket.gaierror):
        return f"its name cannot be resolved ({cause.strerror})"
    if isinstance(cause, TimeoutError):
        return "no response arrived in time"
    if isinstance(cause, http.client.IncompleteRead):
        return "the connection ended early"
    return str(cause) or type(cause).__name__


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows to https only; a server on this machine may also point to itself."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        stays_local = is_local_http(req.full_url) and is_local_http(newurl)
        if urlsplit(newurl).scheme != "https" and not stays_local:
            fp.close()
            raise DownloadError(
                f"{req.full_url} redirects to {newurl}, expected an https:// URL. "
                "The response could be forged on the way; use another source."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
