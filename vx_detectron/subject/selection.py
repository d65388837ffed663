"""The selection itself: which instances are the photo's main subject, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vx_detectron.structures import ByteArray, Candidate, FloatArray, Instances, Subject
from vx_detectron.subject.choice import Choice
from vx_detectron.subject.chooser import load_chooser
from vx_detectron.subject.features import measure
from vx_detectron.subject.manual import adjust, pick
from vx_detectron.subject.options import SubjectOptions
from vx_detectron.subject.proposals import Group, propose
from vx_detectron.subject.ranking import rank
from vx_detectron.subject.reasons import chosen_reason, manual_reason, no_subject_reason
from vx_detectron.subject.saliency import check_rgb
from vx_detectron.subject.scene import Scene, clearly_seen, look


@dataclass(frozen=True, eq=False)
class Judgement:
    """What every choice in a photo starts from; it does not depend on the choice.

    Attributes:
        scene: the photo seen small.
        ranking: all candidates, best first.
        found: the automatic choice, best first; empty where nothing deserves to be the subject.
        score: 0..1, how probably there is a subject at all.
    """

    scene: Scene
    ranking: tuple[Candidate, ...]
    found: tuple[Candidate, ...]
    score: float

    @property
    def nbytes(self) -> int:
        """What it takes in memory, nearly."""
        scene = self.scene
        return scene.masks.nbytes + scene.saliency.nbytes + scene.sharpness.nbytes


def select(
    image: ByteArray,
    instances: Instances,
    options: SubjectOptions | None = None,
    choice: Choice | None = None,
) -> Subject:
    """Choose the main subject, automatically or as requested.

    Args:
        image: uint8 (H, W, 3), RGB, the photo the instances were found in.
        instances: what was found in it, with salient regions if they may be chosen.
        options: thresholds.
        choice: a person's choice; None or an empty one lets the ranking decide.

    Returns:
        The subject. It is empty, with the reason, when no instance qualifies; a manual choice
        never is.

    Raises:
        SubjectError: the photo has nothing of the requested kind.
        ValueError: the image is not uint8 RGB of the size the instances name.
    """
    options = options or SubjectOptions()
    return decide(judge(image, instances, options), instances, options, choice)


def judge(image: ByteArray, instances: Instances, options: SubjectOptions) -> Judgement:
    """Rank what was found in a photo; the part of ``select`` that serves all choices in it.

    Raises:
        ValueError: the image is not uint8 RGB of the size the instances name.
    """
    check_rgb(image)
    if image.shape[:2] != tuple(instances.image_size):
        raise ValueError(
            f"image must be the photo the instances were found in, of height and width "
            f"{instances.image_size}, got {image.shape[:2]}"
        )
    scene = look(image, instances)
    groups = propose(scene, groups=options.groups, most=options.max_candidates)
    values = measure(scene, groups)
    chooser = load_chooser(scene.learned)
    probabilities = chooser.probabilities(values)
    score = min(1.0, float(probabilities.sum()))
    ranking = rank(scene, groups, values, chooser.evidence(values), probabilities)
    clear = options.trust_eye and bool(ranking) and clearly_seen(scene, ranking[0].index)
    sure = score >= options.min_score or clear
    found = _best(groups, probabilities, ranking) if sure else ()
    return Judgement(scene, ranking, found, score)


def decide(
    judged: Judgement, instances: Instances, options: SubjectOptions, choice: Choice | None = None
) -> Subject:
    """The subject of a choice; the arguments are those of ``judge``.

    Raises:
        SubjectError: the photo holds nothing of the kind that was asked for.
    """
    scene, ranking, found, score = judged.scene, judged.ranking, judged.found, judged.score
    method = "ranking"
    if choice:
        base = pick(choice, instances, scene, ranking, options) if choice.given else found
        found = adjust(choice, base, instances, scene, ranking)
        method = choice.method
        reason = manual_reason(method, found, ranking)
    elif found:
        reason = chosen_reason(found, ranking, scene)
    else:
        reason = no_subject_reason(ranking, score, options.min_score)
    return Subject(tuple(one.index for one in found), ranking, reason, method, score)


def _best(
    groups: tuple[Group, ...], probabilities: FloatArray, ranking: tuple[Candidate, ...]
) -> tuple[Candidate, ...]:
    """The most probable set that the best candidate is in, best first; empty where nothing is."""
    if not ranking:
        return ()
    with_best = [ranking[0].index in group for group in groups]
    group = groups[int(np.argmax(np.where(with_best, probabilities, -1)))]
    return tuple(one for one in ranking if one.index in group)
