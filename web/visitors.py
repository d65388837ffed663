"""Who counts as one visitor, and how often a visitor may do something."""

from __future__ import annotations

import ipaddress
import math
import time

from limits import parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from web.errors import TooManyError


def visitor_of(address: str) -> str:
    """What counts as one visitor: an address, or IPv6's network of one customer, a /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


class Allowance:
    """How often each visitor may do one thing.

    Args:
        rates: such as ``300 per minute``, several with ``;`` between them; "" for no limit.

    Raises:
        ValueError: a rate that cannot be read.
    """

    def __init__(self, rates: str) -> None:
        self._rates = parse_many(rates) if rates else []
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def use(self, address: str) -> None:
        """Count one use; TooManyError where the visitor has none left."""
        visitor = visitor_of(address)
        for rate in self._rates:
            if not self._limiter.hit(rate, visitor):
                reset = self._limiter.get_window_stats(rate, visitor).reset_time
                raise TooManyError(retry_after=max(1, math.ceil(reset - time.time())))

    def headers(self, address: str) -> dict[str, str]:
        """The visitor's tightest rate as X-RateLimit-Limit, -Remaining and -Reset, a Unix time."""
        visitor = visitor_of(address)
        stats = [(rate, self._limiter.get_window_stats(rate, visitor)) for rate in self._rates]
        if not stats:
            return {}
        rate, window = min(stats, key=lambda one: one[1].remaining)
        return {
            "X-RateLimit-Limit": str(rate.amount),
            "X-RateLimit-Remaining": str(window.remaining),
            "X-RateLimit-Reset": str(math.ceil(window.reset_time)),
        }
