"""From measured results to the text of ``docs/results.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vx_detectron.evaluation.predictors import NO_SUBJECT, REFINEMENTS, SALIENCY_ALONE
from vx_detectron.evaluation.report.figures import ablation, in_order
from vx_detectron.evaluation.results import Results

WHOLE = list(REFINEMENTS)[-1]
_MISSED = 0.5  # IoU below which the subject is missed
BUNDLED = "**bundled model**"

# Maximum F, mean absolute error and S-measure on all 1,000 photos of ECSSD.
PUBLISHED = {
    "U²-Net (Qin et al., Pattern Recognition 2020)": (0.951, 0.033, 0.928),
    "BASNet (Qin et al., CVPR 2019)": (0.938, 0.037, 0.916),
}

SEGMENTERS = {"grabcut": "OpenCV's GrabCut", "network": "**network**"}

# Clicks to an IoU of 0.85 and 0.90 on the validation photos of each set, from the authors' own
# pages: github.com/SamsungLabs/ritm_interactive_segmentation, github.com/alibaba/ClickSEG.
PUBLISHED_CLICKS = {
    ("RITM, HRNet-18 (Sofiiuk et al., 2021)", "GrabCut"): ("1.42", "1.54"),
    ("RITM, HRNet-18 (Sofiiuk et al., 2021)", "SBD"): ("3.80", "6.06"),
    ("RITM, HRNet-18 (Sofiiuk et al., 2021)", "COCO, a sample of its things"): ("-", "2.98"),
    ("FocalClick, SegFormer-B0-S2 (Chen et al., CVPR 2022)", "GrabCut"): ("1.40", "1.66"),
    ("FocalClick, SegFormer-B0-S2 (Chen et al., CVPR 2022)", "SBD"): ("4.56", "6.86"),
    (
        "FocalClick, SegFormer-B0-S2 (Chen et al., CVPR 2022)",
        "COCO, a sample of its things",
    ): ("2.65", "3.59"),
}

# Ways of slicing that the page shows, and what it calls them.
SLICES = {"size": "size of the subject", "kind": "kind of subject", "border": "border contact"}

HEAD = """# Results

Written by `benchmarks/results.py`; do not edit. Every row was **measured** with the command below,
on the photos that the fingerprints identify, unless it is marked *published*. Intervals are
95 % bootstrap confidence intervals over photos. IoU and Boundary IoU threshold the mask at 0.5; the
F-measure uses beta² = 0.3. A photo in which no subject is found counts as an empty mask.
"""


def stretched(title: str) -> str:
    """What the variant with stretched masks is called."""
    return f"{title}, stretched"


def page(
    sets: Mapping[str, Mapping[str, Results]],
    choice: Results | None,
    nones: Mapping[str, Mapping[str, Any]],
    clicks: Mapping[str, Sequence[Results]],
) -> str:
    """The whole page, in Markdown.

    Args:
        sets: for each set of photos the results of all variants, see ``SideBySide``.
        choice: results of ``evaluate_choice``.
        nones: for each set of photos without a subject the number of ``photos``, the number of
            those reported to have ``none``, and their ``fingerprint``.
        clicks: for each set of masks the results of ``evaluate_clicks``, one of each segmenter.
    """
    first = next(iter(next(iter(sets.values())).values()))
    parts = [HEAD, _command(sets, first, choice, nones, clicks), _network(first)]
    for name, runs in sets.items():
        parts += [f"## {name}\n", _photos(runs[WHOLE]), _methods(runs)]
        if "ECSSD" in name:
            parts += ["### Beside published figures\n", _published(runs)]
        parts += ["### Step by step\n", _steps(runs), "### By kind of photo\n", _slices(runs)]
    parts += ["## “No subject”\n", _abstention(sets, choice, nones)]
    if choice is not None:
        parts += ["## Choice of the subject\n", _choice(choice)]
    if clicks:
        parts += ["## Clicks\n", _clicks(clicks)]
    return "\n".join(parts)


def _command(
    sets: Iterable[str],
    first: Results,
    choice: Results | None,
    nones: Iterable[str],
    clicks: Mapping[str, Sequence[Results]],
) -> str:
    lines = ["```sh", "python benchmarks/results.py \\"]
    lines += [f"    --set {name!r} IMAGES MASKS \\" for name in sets]
    if choice is not None:
        lines.append("    --choice LABELS ANNOTATIONS PHOTOS \\")
    lines += [f"    --none {name!r} IMAGES \\" for name in nones]
    lines += [f"    --guest {one['name']}=FILE \\" for one in first["prediction"]["guests"]]
    lines += [f"    --clicks {name!r} FOLDER \\" for name, all_ in clicks.items() for _ in all_]
    if first["data"]["every"] > 1:
        lines.append(f"    --every {first['data']['every']} \\")
    return "\n".join([*lines[:-1], lines[-1].removesuffix(" \\"), "```", ""])


def _network(results: Results) -> str:
    ran = results["prediction"]
    guests = "".join(f"Guest `{one['name']}`: sha256 `{one['sha256']}`.\n" for one in ran["guests"])
    return (
        f"Version {results['version']}, engine {ran['engine']} on {ran['device']}, weights "
        f"`{ran['weights']}` (sha256 `{ran['weights_sha256']}`), eye `{ran['eye_weights']}` "
        f"(sha256 `{ran['eye_sha256']}`).\n{guests}"
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
    guests = _guests(runs)
    shown = {WHOLE: WHOLE, SALIENCY_ALONE: SALIENCY_ALONE}
    # The tools that people run guests with stretch their maps.
    for one in guests:
        shown |= {one["alone"]: stretched(one["alone"]), one["within"]: one["within"]}
    shown |= {name: name for name in _baselines(runs)}
    columns = ("iou", "boundary_iou", "mae", "s_measure", "weighted_f")
    rows = []
    for name, variant in shown.items():
        summary = runs[variant]["summary"]
        means = [_mean(summary["mean"][column]) for column in columns]
        title = {WHOLE: BUNDLED, SALIENCY_ALONE: "its eye's map alone"}.get(name, name)
        missed = _share([row["iou"] < _MISSED for row in runs[variant]["photos"]])
        rows.append([title, *means, _figure(summary["curve"]["max_f"]), missed])
    head = ("", "IoU", "Boundary IoU", "MAE", "S-measure", "weighted F", "max F", "IoU < 0.5")
    return _table(head, rows)


def _published(runs: Mapping[str, Results]) -> str:
    rows = []
    for name in (WHOLE, *(one["alone"] for one in _guests(runs)), *_baselines(runs)):
        summary = runs[stretched(name)]["summary"]
        mean = summary["mean"]
        figures = summary["curve"]["max_f"], mean["mae"]["value"], mean["s_measure"]["value"]
        title = BUNDLED if name == WHOLE else name
        rows.append([title, f"{summary['photos']}, measured", *map(_figure, figures)])
    rows += [[name, "1000, *published*", *map(_figure, three)] for name, three in PUBLISHED.items()]
    words = (
        "Here every mask is first stretched to 0..1, as in the published evaluations. The\n"
        "published figures are the authors' own, over all 1,000 photos; they were **not measured\n"
        "here**, so compare with care.\n\n"
    )
    return words + _table(("", "photos", "max F", "MAE", "S-measure"), rows)


def _steps(runs: Mapping[str, Results]) -> str:
    rows = []
    for name, one in ablation({name: runs[name] for name in REFINEMENTS}).items():
        change = _mean(one["change"], "difference", "+") if one["change"] else ""
        figures = [_mean(one[column]) for column in ("iou", "boundary_iou", "mae")]
        rows.append([name, *figures, change])
    return _table(("", "IoU", "Boundary IoU", "MAE", "change of IoU"), rows)


def _slices(runs: Mapping[str, Results]) -> str:
    """IoU of ours, of its eye's map and of the guests' maps in each kind of photo."""
    shown = {WHOLE: BUNDLED, SALIENCY_ALONE: "its eye's map alone"}
    shown |= {stretched(one["alone"]): one["alone"] for one in _guests(runs)}
    rows = []
    ordered = in_order(runs[WHOLE]["slices"])
    for way, words in SLICES.items():
        for kind, ours in ordered.get(way, {}).items():
            others = [runs[name]["slices"][way][kind] for name in shown]
            figures = [_figure(one["iou"]["value"]) for one in others]
            edges = _figure(ours["boundary_iou"]["value"])
            rows.append([words, kind, str(ours["photos"]), *figures, edges])
    words = (
        "Where the ground truth names no class, the kind of subject is that of the thing that the\n"
        "bundled model chose, the same for all columns: *other* is something without a class,\n"
        "*none* a photo in which it found no subject. Mean IoU; for the bundled model also the\n"
        "Boundary IoU.\n\n"
    )
    return words + _table(("", "", "photos", *shown.values(), "Boundary IoU"), rows)


def _abstention(
    sets: Mapping[str, Mapping[str, Results]],
    choice: Results | None,
    nones: Mapping[str, Mapping[str, Any]],
) -> str:
    """How often “no subject” is reported: wrongly if there is one, rightly if there is none."""
    rows = []
    for name, runs in sets.items():
        summary = runs[WHOLE]["summary"]
        said = summary["mask_sources"].get(NO_SUBJECT, 0)
        rows.append([f"{name}: a subject in all of them", str(summary["photos"]), str(said)])
    if choice is not None:
        for kind in ("clear", "no subject"):
            some = choice["end_to_end"]["summary"][kind]
            said = round(some.get("abstained", 0) * some["photos"])
            rows.append([f"choice of the subject: {kind}", str(some["photos"]), str(said)])
    for name, one in nones.items():
        words = f"{name}: no subject; fingerprint `{one['fingerprint']}`"
        rows.append([words, str(one["photos"]), str(one["none"])])
    return _table(("", "photos", "“none” reported"), rows)


def _choice(choice: Results) -> str:
    rows = []
    for way, words in (("given", "true things given"), ("end_to_end", "end to end")):
        summary = choice[way]["summary"]
        for kind in ("clear", "unclear", "no subject"):
            some = summary[kind]
            shares = [_figure(some.get(name)) for name in ("exact", "member", "abstained")]
            rows.append([words, kind, str(some["photos"]), *shares])
    head = ("", "people call it", "photos", "right", "one member right", "“none” reported")
    data = choice["data"]
    return f"""\
{data["photos"]} labelled photos; fingerprint `{data["fingerprint"]}`.
With the true things given, only the choice can be wrong. End to end, an answer is right if its
mask has an IoU of at least 0.5 with an accepted one. The bundled chooser was fitted on labels of
this kind: for photos that it has seen, trust the cross-validated figures that
`tools/fit_chooser.py` prints.

{_table(head, rows)}"""


def _clicks(clicks: Mapping[str, Sequence[Results]]) -> str:
    """How many clicks each segmenter needs, and what its clicks reach."""
    parts = [
        "A simulated user clicks in the middle of the largest error; a mask that never reaches\n"
        "the IoU counts 20 clicks. A click does harm if it costs more than 0.01 IoU.\n"
    ]
    head = ("", "NoC@85", "NoC@90", "IoU after 1, 3, 5 clicks", "never 0.85, 0.90", "harmful")
    for name, runs in clicks.items():
        rows = []
        for results in runs:
            one = results["summary"]
            segmenter = results["prediction"]["segmenter"]
            title = SEGMENTERS.get(segmenter, segmenter)
            begins = ", from the automatic cut" if results["settings"]["from"] == "cut" else ""
            rows.append(
                [
                    f"{title}{begins}",
                    *(f"{one[key]:.2f}" for key in ("noc_85", "noc_90")),
                    ", ".join(_figure(one[f"iou_{count}"]) for count in (1, 3, 5)),
                    f"{one['failures_85']}, {one['failures_90']}",
                    f"{one['harmful_clicks']:.1%}" if "harmful_clicks" in one else "-",
                ]
            )
        data, masks = runs[0]["data"], runs[0]["summary"]["masks"]
        every = f", every {data['every']}th taken" if data["every"] > 1 else ""
        parts.append(f"### {name}\n")
        words = f"{masks} masks of {data['masks']}{every}; fingerprint `{data['fingerprint']}`.\n"
        parts += [words, _table(head, rows)]
    rows = [[*key, *figures] for key, figures in PUBLISHED_CLICKS.items()]
    parts += [
        "### Beside published figures of other sets\n",
        "These are the authors' own, *published* figures, for networks trained on COCO and LVIS.\n"
        "The photos are others than above, and nothing of this was **measured** here.\n",
        _table(("", "set", "NoC@85", "NoC@90"), rows),
    ]
    return "\n".join(parts)


def _baselines(runs: Mapping[str, Results]) -> list[str]:
    """The variants that are not of the pipeline."""
    return list(next(iter(runs.values()))["prediction"]["baselines"])


def _guests(runs: Mapping[str, Results]) -> list[dict[str, Any]]:
    """What the results say about each guest; see ``GuestRows.facts``."""
    return list(next(iter(runs.values()))["prediction"]["guests"])


def _share(these: Sequence[bool]) -> str:
    return f"{sum(these) / len(these):.1%}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _mean(one: Mapping[str, Any], key: str = "value", sign: str = "") -> str:
    value, low, high = (f"{one[name]:{sign}.3f}" for name in (key, "low", "high"))
    return f"{value} ({low} to {high})"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
