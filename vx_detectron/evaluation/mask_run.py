"""One evaluation of masks from end to end, photo by photo; failures are reported and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from time import perf_counter

import numpy as np

from vx_detectron import __version__
from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.subjects import subject_mask
from vx_detectron.errors import DataError, ImageError
from vx_detectron.evaluation.evaluator import THRESHOLD, MaskEvaluator
from vx_detectron.evaluation.predictors import Prediction, Predictor
from vx_detectron.evaluation.results import Results, problem
from vx_detectron.evaluation.statistics import CONFIDENCE, RESAMPLES, SEED
from vx_detectron.evaluation.truths import Truths

SCHEMA = "vx-evaluation-masks/1"


def evaluate_masks(
    truths: Truths,
    predictor: Predictor,
    *,
    rescale: bool = False,
    every: int = 1,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, Results]:
    """Measure a predictor on photos whose subject is known.

    A photo without a usable prediction is a problem: it is named, and is in no mean. One that is
    said to have no subject counts as an empty mask.

    Args:
        truths: the photos.
        predictor: of their masks.
        rescale: see ``MaskEvaluator``.
        every: use only every Nth photo.
        progress: called after each photo.

    Returns:
        The results of each of the predictor's variants, ready to be written.

    Raises:
        DataError: not one photo could be measured.
    """
    started = perf_counter()
    evaluators = {name: MaskEvaluator(rescale) for name in predictor.names}
    problems = [problem("unusable data", *one) for one in truths.problems]
    problems += [
        problem("mask without photo", name, "no photo has its name") for name in predictor.extra
    ]
    for record in truths.records[::every]:
        try:
            _process(evaluators, record, truths, predictor)
        except (DataError, ImageError) as error:
            problems.append(problem("not measured", truths.name(record), str(error)))
        progress()
    if not all(evaluator.rows for evaluator in evaluators.values()):
        raise DataError(
            f"not one of the {len(truths.records[::every])} photos could be measured; the last "
            f"problem: {problems[-1]['name']}: {problems[-1]['reason']}"
        )
    head = {
        **_head(truths, predictor, rescale, every),
        "problem_counts": dict(Counter(one["kind"] for one in problems)),
        "problems": problems,
        "seconds": perf_counter() - started,
    }
    return {
        name: {**head, "variant": name, **evaluator.evaluate()}
        for name, evaluator in evaluators.items()
    }


def _process(
    evaluators: dict[str, MaskEvaluator], record: DatasetDict, truths: Truths, predictor: Predictor
) -> None:
    """Measure one photo in all variants, or in none."""
    name, truth = truths.name(record), subject_mask(record).astype(np.bool_)
    predictions = predictor.predict(record, name)
    for prediction in predictions.values():
        _expect_size(prediction, truth.shape)
    # One for all variants, so that their kinds hold the same photos.
    seen = next((one.label for one in predictions.values() if one.label), "")
    for variant, prediction in predictions.items():
        evaluators[variant].process(
            name,
            prediction,
            truth,
            photo=record["file_name"],
            category=truths.category(record),
            seen=seen,
        )


def _expect_size(prediction: Prediction, size: tuple[int, ...]) -> None:
    found = prediction.alpha.shape
    if found != size:
        raise DataError(
            f"sizes differ: the true mask is {size[1]} x {size[0]} pixels, the predicted one "
            f"{found[1]} x {found[0]}"
        )


def _head(truths: Truths, predictor: Predictor, rescale: bool, every: int) -> Results:
    """What the figures were made of, and how."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "data": {
            "fingerprint": truths.fingerprint,
            "photos": len(truths.records),
            "every": every,
            "notes": truths.notes,
        },
        "prediction": predictor.provenance,
        "settings": {
            "threshold": THRESHOLD,
            "rescale": rescale,
            "resamples": RESAMPLES,
            "confidence": CONFIDENCE,
            "seed": SEED,
        },
    }
