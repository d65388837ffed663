"""What ``evaluate`` prints: tables on stdout, progress and problems on stderr."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from vx_detectron.cli.common import result, say
from vx_detectron.evaluation.detection import STATS
from vx_detectron.evaluation.evaluator import LOWER_IS_BETTER, METRICS
from vx_detectron.housekeeping import Housekeeping
from vx_detectron.image_io.names import printable

Results = Mapping[str, Any]

_CURVE = ("max_f", "mean_f", "max_e", "mean_e", "max_f_of_mean_pr")
MASK_FIGURES = (*(name for name in METRICS if name not in LOWER_IS_BETTER), *_CURVE)
DETECTION_FIGURES = tuple(f"{kind}.{stat}" for kind in ("bbox", "segm") for stat in STATS)
_WAYS = {"given": "true things given", "end_to_end": "end to end"}
_ABSTENTION = ("precision", "recall", "auc")
CHOICE_FIGURES = tuple(
    f"{way}.{figure}" for way in _WAYS for figure in ("exact", "member", *_ABSTENTION)
)

_TOLD = 20  # so many problems get a line each


class Progress(tqdm):  # type: ignore[misc]
    """A bar on stderr, where that is a terminal; called once a photo."""

    def __init__(self, total: int | None = None) -> None:
        super().__init__(total=total, unit="photo", disable=None)
        self._tidy = Housekeeping()

    def __call__(self) -> None:
        """One photo is done."""
        self.update()
        self._tidy()


def slug(variant: str) -> str:
    """A folder's name for a variant: ``+ sharp edge`` becomes ``plus-sharp-edge``."""
    return re.sub(r"[^a-z0-9]+", "-", variant.lower().replace("+", "plus")).strip("-")


def mask_figures(results: Results) -> dict[str, float | None]:
    """The figures of ``MASK_FIGURES`` by name."""
    summary = results["summary"]
    means = {name: one["value"] for name, one in summary["mean"].items()}
    return {**means, **summary["curve"]}


def detection_figures(results: Results) -> dict[str, float | None]:
    """The figures of ``DETECTION_FIGURES`` by name."""
    return {
        f"{kind}.{stat}": value
        for kind, stats in results["summary"].items()
        for stat, value in stats.items()
    }


def choice_figures(results: Results) -> dict[str, float | None]:
    """The figures of ``CHOICE_FIGURES`` by name."""
    figures: dict[str, float | None] = {}
    for way in _WAYS:
        summary = results[way]["summary"]
        figures |= {f"{way}.{name}": summary["clear"].get(name) for name in ("exact", "member")}
        figures |= {f"{way}.{name}": summary["abstention"][name] for name in _ABSTENTION}
    return figures


def print_masks(results: Mapping[str, Results]) -> None:
    """All figures of one result; of several a line each."""
    first = next(iter(results.values()))
    if len(results) > 1:
        names = ("iou", "boundary_iou", "mae", "s_measure", "weighted_f", "max_f", "mean_e")
        _line("", names)
        for variant, one in results.items():
            figures = mask_figures(one)
            _line(variant, [figures[name] for name in names])
    else:
        _print_one(first)
    summary = first["summary"]
    sources = ", ".join(f"{name}: {count}" for name, count in summary["mask_sources"].items())
    result(f"{summary['photos']} photos; masks from {sources}")
    for note, count in first["data"]["notes"].items():
        say(f"{count} {note}")


def _print_one(results: Results) -> None:
    summary, total = results["summary"], results["summary"]["total"]
    _line("", ("mean", "from", "to (95 %)", "all pixels"))
    for name, one in summary["mean"].items():
        _line(name, [one["value"], one["low"], one["high"], total.get(name)])
    for name, value in summary["curve"].items():
        _line(name, [value])


def print_choice(results: Results) -> None:
    """Shares of clear photos, and what is said where there is no subject."""
    for way, words in _WAYS.items():
        summary = results[way]["summary"]
        names = list(summary["clear"])
        _line(words, names)
        for kind in ("clear", "unclear", "no subject"):
            _line(f"  {kind}", [summary[kind].get(name) for name in names])
        _line("  saying 'none'", _ABSTENTION)
        _line("", [summary["abstention"][name] for name in _ABSTENTION])


def print_figures(figures: Results) -> None:
    """A line a figure."""
    for name, value in figures.items():
        _line(name, [value])


def print_detection(results: Results) -> None:
    """The twelve figures of COCO, for boxes and masks."""
    _line("", ("boxes", "masks"))
    for stat in STATS:
        _line(stat, [results["summary"][kind][stat] for kind in ("bbox", "segm")])
    result(f"{results['data']['photos']} photos")
    for note, count in results["data"]["notes"].items():
        say(f"{count} {note}")
    unknown = results["data"]["unknown_categories"]
    if unknown:
        say(
            f"{len(unknown)} categories are unknown to the network and left out: "
            f"{', '.join(map(printable, unknown))}"
        )


def warn_unlike(comparison: Results) -> None:
    """Say what makes a comparison doubtful."""
    for key in comparison["unlike"]:
        say(f"Warning: the two results differ in {key}")
    for which in ("first", "second"):
        names = comparison[f"only_{which}"]
        if names:
            say(f"{len(names)} photos are in the {which} only, such as {printable(names[0])}")


def print_comparison(comparison: Results) -> None:
    """A line a metric, then the photos that changed most."""
    columns = ("first", "second", "difference", "low", "high", "p", "better", "worse")
    _line("", ("first", "second", "change", "from", "to (95 %)", "p", "better", "worse"))
    for name, one in comparison["metrics"].items():
        _line(name, [one[column] for column in columns])
    result(f"{comparison['photos']} photos")
    for photo in comparison["changed"]:
        _line(f"  {photo['difference']:+.3f}", [photo["first"], photo["second"], photo["name"]])


def print_problems(problems: Sequence[Mapping[str, str]]) -> None:
    """How many of each kind, and the first of them one by one."""
    for kind, count in Counter(problem["kind"] for problem in problems).items():
        say(f"{kind}: {count}")
    for problem in problems[:_TOLD]:
        name, reason = printable(problem["name"]), printable(problem["reason"])
        say(f"  {name}: {reason.removeprefix(f'{name}: ')}")
    if len(problems) > _TOLD:
        say(f"  and {len(problems) - _TOLD} more; --output writes them all")


def _line(name: str, cells: Sequence[Any]) -> None:
    texts = [
        "-" if cell is None else f"{cell:.4f}" if isinstance(cell, float) else printable(str(cell))
        for cell in cells
    ]
    result((f"{printable(name):18}" + "".join(f" {text:>12}" for text in texts)).rstrip())
