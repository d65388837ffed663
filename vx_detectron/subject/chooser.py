"""The fitted chooser: the probability that each proposed set is the subject, or that there is none.

A conditional logit (McFadden, 1974): a set's odds against "there is no subject" are the product
over its features of exp(weight x (value - typical value)), times a constant. The numbers are in
``chooser.json`` beside this file, one fit for each kind of saliency map; ``tools/
fit_chooser.py`` makes them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from vx_detectron.errors import ConfigError
from vx_detectron.structures import FloatArray
from vx_detectron.subject.features import FEATURES

FITTED = Path(__file__).with_name("chooser.json")
MAPS = ("learned", "classical")


@dataclass(frozen=True)
class Chooser:
    """One fit.

    Attributes:
        weights: for each of ``FEATURES``, the log-odds that a step from 0 to 1 adds.
        typical: for each of them, its mean over the single things that were fitted on.
        nothing: log-odds of "there is no subject" against a typical thing.
    """

    weights: tuple[float, ...]
    typical: tuple[float, ...]
    nothing: float

    def evidence(self, values: FloatArray) -> FloatArray:
        """What each feature adds to the log-odds, compared with a typical thing.

        Args:
            values: float32 (G, 15), as ``measure`` gives them.

        Returns:
            float32 (G, 15), above 0 where it speaks for the set, below 0 against it.
        """
        evidence = np.array(self.weights) * (values - np.array(self.typical))
        return np.asarray(evidence, dtype=np.float32)

    def probabilities(self, values: FloatArray) -> FloatArray:
        """The probability that each set is the subject.

        Args:
            values: float32 (G, 15), as ``measure`` gives them.

        Returns:
            float32 (G,), 0..1. 1 minus their sum is the probability of no subject.
        """
        odds = self.evidence(values).sum(axis=1, dtype=np.float64)
        highest = max(odds.max(initial=-math.inf), self.nothing)
        shares = np.exp(odds - highest)
        return np.asarray(shares / (shares.sum() + math.exp(self.nothing - highest)), np.float32)


@cache
def load_chooser(learned: bool) -> Chooser:
    """The fit that comes with the package, for a learned or for a classical saliency map.

    Raises:
        ConfigError: the file is missing or malformed.
    """
    try:
        fits = json.loads(FITTED.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{FITTED} cannot be read: {error}; reinstall the package") from error
    return parse_chooser(fits, MAPS[0] if learned else MAPS[1])


def parse_chooser(fits: Any, name: str) -> Chooser:
    """One fit from the content of a ``chooser.json``.

    Raises:
        ConfigError: it does not hold two finite numbers for each of this version's features.
    """
    try:
        fit = fits[name]
        rows = [fit["features"][feature] for feature in FEATURES]
        known = len(fit["features"]) == len(FEATURES)
        chooser = Chooser(
            tuple(float(row["weight"]) for row in rows),
            tuple(float(row["typical"]) for row in rows),
            float(fit["nothing"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"chooser.json: expected {name!r} with nothing, and weight and typical of "
            f"{', '.join(FEATURES)}; got {type(error).__name__} {error}; fit it again"
        ) from error
    numbers = (*chooser.weights, *chooser.typical, chooser.nothing)
    if not known or not all(map(math.isfinite, numbers)):
        raise ConfigError(
            f"chooser.json: {name!r} must hold finite numbers for exactly the features "
            f"{', '.join(FEATURES)}; fit it again"
        )
    return chooser
