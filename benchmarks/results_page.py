"""From measured results to the text of ``docs/results.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vx_detectron.evaluation.predictors import REFINEMENTS, SALIENCY_ALONE
from vx_detectron.evaluation.report.figures import ablation
from vx_detectron.evaluation.results import Results

WHOLE = list(REFINEMENTS)[-1]
BUNDLED = "**bundled model**"

# Maximum F, mean absolute error and S-measure on all 1,000 photos of ECSSD.
PUBLISHED = {
    "U²-Net (Qin et al., Pattern Recognition 2020)": (0.951, 0.033, 0.928),
    "BASNet (Qin et al., CVPR 2019)": (0.938, 0.037, 0.916),
}

HEAD = """# Results

Written by `benchmarks/results.py`; do not edit. Every row is **measured** by the command below with
the photos named by their fingerprints, unless it says *published*. Intervals are
95 % bootstrap intervals over photos; IoU and Boundary IoU cut the mask at 0.5; F has beta² 0.3. A
photo in which no subject is found counts as an empty mask.
"""


def page(sets: Mapping[str, Mapping[str, Results]], choice: Results | None) -> str:
    """The whole page, in Markdown.

    Args:
        sets: for each set of photos the results of all variants, see ``SideBySide``.
        choice: results of ``evaluate_choice``.
    """
    first = next(iter(next(iter(sets.values())).values()))
    parts = [HEAD, _command(sets, first, choice), _network(first)]
    for name, runs in sets.items():
        parts += [f"## {name}\n", _photos(runs[WHOLE]), _methods(runs)]
        if "ECSSD" in name:
            parts += ["### Beside published figures\n", _published(runs)]
        parts += ["### Step by step\n", _steps(runs)]
    if choice is not None:
        parts += ["## Choice of the subject\n", _choice(choice)]
    return "\n".join(parts)


def _command(sets: Iterable[str], first: Results, choice: Results | None) -> str:
    lines = ["```sh", "python benchmarks/results.py \\"]
    lines += [f"    --set {name!r} IMAGES MASKS \\" for name in sets]
    if choice is not None:
        lines.append("    --choice LABELS ANNOTATIONS PHOTOS \\")
    if first["data"]["every"] > 1:
        lines.append(f"    --every {first['data']['every']} \\")
    return "\n".join([*lines[:-1], lines[-1].removesuffix(" \\"), "```", ""])


def _network(results: Results) -> str:
    ran = results["prediction"]
    return (
        f"Version {results['version']}, engine {ran['engine']} on {ran['device']}, weights "
        f"`{ran['weights']}` (sha256 `{ran['weights_sha256']}`), eye `{ran['eye_weights']}` "
        f"(sha256 `{ran['eye_sha256']}`).\n"
    )


def _photos(results: Results) -> str:
    data, problems = results["data"], len(results["problems"])
    left_out = f"; {problems} problems" if problems else ""
    every = f", every {data['every']}th taken" if data["every"] > 1 else ""
    return (
        f"{results['summary']['photos']} photos of {data['photos']}{every}{left_out}; "
        f"fingerprint `{data['fingerprint']}`.\n"
    )


def _methods(runs: Mapping[str, Results]) -> str:
    names = [WHOLE, SALIENCY_ALONE, *_baselines(runs)]
    columns = ("iou", "boundary_iou", "mae", "s_measure", "weighted_f")
    rows = []
    for name in names:
        summary = runs[name]["summary"]
        means = [_mean(summary["mean"][column]) for column in columns]
        title = {WHOLE: BUNDLED, SALIENCY_ALONE: "its eye's map alone"}.get(name, name)
        rows.append([title, *means, _figure(summary["curve"]["max_f"])])
    head = ("", "IoU", "Boundary IoU", "MAE", "S-measure", "weighted F", "max F")
    return _table(head, rows)


def _published(runs: Mapping[str, Results]) -> str:
    rows = []
    for name in (WHOLE, *_baselines(runs)):
        summary = runs[f"{name}, stretched"]["summary"]
        mean = summary["mean"]
        figures = summary["curve"]["max_f"], mean["mae"]["value"], mean["s_measure"]["value"]
        title = BUNDLED if name == WHOLE else name
        rows.append([title, f"{summary['photos']}, measured", *map(_figure, figures)])
    rows += [[name, "1000, *published*", *map(_figure, three)] for name, three in PUBLISHED.items()]
    words = (
        "Here every mask is stretched to 0..1 first, as the published figures have it. These are\n"
        "their authors', over all 1,000 photos; they were **not measured here**, so compare with\n"
        "care.\n\n"
    )
    return words + _table(("", "photos", "max F", "MAE", "S-measure"), rows)


def _steps(runs: Mapping[str, Results]) -> str:
    rows = []
    for name, one in ablation({name: runs[name] for name in REFINEMENTS}).items():
        change = _mean(one["change"], "difference", "+") if one["change"] else ""
        figures = [_mean(one[column]) for column in ("iou", "boundary_iou", "mae")]
        rows.append([name, *figures, change])
    return _table(("", "IoU", "Boundary IoU", "MAE", "change of IoU by the step"), rows)


def _choice(choice: Results) -> str:
    rows = []
    for way, words in (("given", "true things given"), ("end_to_end", "end to end")):
        summary = choice[way]["summary"]
        for kind in ("clear", "unclear", "no subject"):
            some = summary[kind]
            shares = [_figure(some.get(name)) for name in ("exact", "member", "abstained")]
            rows.append([words, kind, str(some["photos"]), *shares])
    head = ("", "people call it", "photos", "right", "one member right", "“none” said")
    data = choice["data"]
    return f"""\
{data["photos"]} labelled photos; fingerprint `{data["fingerprint"]}`.
With the true things given only the choice can be wrong; end to end an answer is right when its
mask has an IoU of at least 0.5 with an accepted one. The bundled chooser was fitted on labels of
this kind: for photos that it has seen, the figures to trust are the cross-validated ones that
`tools/fit_chooser.py` prints.

{_table(head, rows)}"""


def _baselines(runs: Mapping[str, Results]) -> list[str]:
    """The variants that are not of the pipeline."""
    ours = {*REFINEMENTS, SALIENCY_ALONE}
    return [name for name in runs if name not in ours and f"{name}, stretched" in runs]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _mean(one: Mapping[str, Any], key: str = "value", sign: str = "") -> str:
    value, low, high = (f"{one[name]:{sign}.3f}" for name in (key, "low", "high"))
    return f"{value} ({low} to {high})"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
