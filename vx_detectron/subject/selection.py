"""The step itself: which instances are the photo's main subject, and why."""

from __future__ import annotations

from vx_detectron.records import ByteArray, Instances, Subject
from vx_detectron.subject.features import measure
from vx_detectron.subject.grouping import group
from vx_detectron.subject.manual import Choice, pick
from vx_detectron.subject.options import SubjectOptions
from vx_detectron.subject.ranking import rank
from vx_detectron.subject.reasons import chosen_reason, manual_reason, no_subject_reason
from vx_detectron.subject.saliency import check_rgb, saliency_of


def select(
    image: ByteArray,
    instances: Instances,
    options: SubjectOptions | None = None,
    choice: Choice | None = None,
) -> Subject:
    """Choose the main subject, automatically or as a person asks for.

    Args:
        image: uint8 (H, W, 3), RGB, the photo the instances were found in.
        instances: what was found in it, with salient regions if they are to take part.
        options: weights and thresholds.
        choice: a manual choice; None or an empty one lets the ranking decide.

    Returns:
        The subject. It is empty, with the reason, when no instance deserves it; a manual choice
        never is.

    Raises:
        SubjectError: the photo holds nothing of the kind that was asked for.
        ValueError: the image is not uint8 RGB of the size the instances name.
    """
    options = options or SubjectOptions()
    check_rgb(image)
    if image.shape[:2] != tuple(instances.image_size):
        raise ValueError(
            f"image must be the photo the instances were found in, of height and width "
            f"{instances.image_size}, got {image.shape[:2]}"
        )
    saliency, _ = saliency_of(image, instances)
    features = measure(instances, saliency)
    ranking = rank(features, options)
    if choice:
        picked = pick(choice, instances, features, ranking, options)
        reason = manual_reason(choice.method, picked, ranking)
        return Subject(tuple(one.index for one in picked), ranking, reason, choice.method)
    if not ranking or ranking[0].score < options.min_score:
        reason = no_subject_reason(ranking, features, options.min_score)
        return Subject((), ranking, reason, "ranking")
    members = group(ranking, features, options)
    return Subject(tuple(members), ranking, chosen_reason(members, ranking, features), "ranking")
