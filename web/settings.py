"""The settings of the server; environment variables ``VX_<NAME>`` and ``create_app`` set them."""

from __future__ import annotations

import os
import re
from typing import Any

from flask import Config

from vx_detectron.errors import ConfigError

MEBIBYTE = 2**20

DEFAULTS: dict[str, Any] = {
    # The networks: like --config-file and --opt of the command line, the latter as a list.
    "CONFIG_FILE": None,
    "OPTS": [],
    # The largest request in bytes, photo and background picture together.
    "MAX_CONTENT_LENGTH": 32 * MEBIBYTE,
    # The fields of a form without its files. Werkzeug reads in pieces of 64 KiB.
    "MAX_FORM_MEMORY_SIZE": 256 * 1024,
    "MAX_FORM_PARTS": 50,
    # The field `hints`, in bytes: the most strokes allowed, to a hundredth of a pixel.
    "MAX_HINTS": 8 * MEBIBYTE,
    # The largest picture, width x height: phones take 48 and 50 megapixels. Each pixel takes about
    # 40 bytes during processing, 2.6 GB for the largest.
    "MAX_PIXELS": 64_000_000,
    # How many photos are processed at the same time, and how many more may wait in the queue.
    "WORKERS": 1,
    "QUEUE": 8,
    # Seconds that a request may wait and work until it is answered; see gate.
    "TIME_LIMIT": 60.0,
    # Opened photos: seconds to keep them after their last use, and bytes for all of them, at least
    # two of the largest.
    "PHOTO_LIFETIME": 900.0,
    "PHOTO_MEMORY": 2048 * MEBIBYTE,
    # Requests of one client, such as "300 per minute;20 per second"; "" for no limit.
    "RATE_LIMIT": "300 per minute",
    # Wrong tokens of one client, likewise. The right token is always accepted.
    "WRONG_TOKENS": "30 per minute",
    # Connections in total and per client (see visitors; a trusted proxy may have all of them),
    # and the seconds that a request may take to arrive, or its response to be fetched. When a limit
    # is reached, the slowest connection is closed.
    "CONNECTIONS": 1000,
    "CONNECTIONS_OF_ONE": 64,
    "TRANSFER_TIME": 120.0,
    # Bytes of unfinished requests and unfetched responses, mostly in temporary files.
    "TRANSFER_MEMORY": 1024 * MEBIBYTE,
    # A secret that every request except /health and /ready must carry; "" for none.
    "TOKEN": "",
    # Host names that the server answers to, besides IP addresses. This keeps other sites from
    # reaching a server on loopback under a name of their own (DNS rebinding). None: any name.
    "TRUSTED_HOSTS": ["localhost"],
    # Origins whose pages may use the API, such as https://shop.example.
    "CORS_ORIGINS": [],
}


def load_settings(config: Config, given: dict[str, Any] | None) -> None:
    """Fill a Flask configuration: the defaults, then the environment, then what was given.

    Raises:
        ConfigError: an invalid setting.
    """
    config.from_mapping(DEFAULTS)
    config.from_prefixed_env("VX")  # reads numbers, lists and true as JSON
    if "VX_TOKEN" in os.environ:
        config["TOKEN"] = os.environ["VX_TOKEN"]  # which stays as it is, even if it is a number
    config.from_mapping(given or {})
    for name in ("TRUSTED_HOSTS", "CORS_ORIGINS"):
        if isinstance(config[name], str):
            config[name] = config[name].split()
    for origin in config["CORS_ORIGINS"]:
        if not re.fullmatch("https?://[^/*]+", origin):
            raise ConfigError(
                f"CORS_ORIGINS must be origins, such as https://shop.example, got {origin!r}"
            )
