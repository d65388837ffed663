"""The choice on development photos, given the true instances, against two labellers.

The package's own fit saw these photos, so this only says that fit and package still belong
together; ``tools/fit_chooser.py`` prints the figures on photos that were held out.
"""

import json

import cv2
import numpy as np
import pytest

from vx_detectron.structures import Instances
from vx_detectron.subject import select

mask_tools = pytest.importorskip("pycocotools.mask")


def true_instances(candidates, names, size):
    """Instances whose masks are the annotated ones, brought to a 28 x 28 head."""
    boxes, grids = [], []
    for annotation in candidates:
        mask = mask_tools.decode(annotation["segmentation"])
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        x0, y0, x1, y1 = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        boxes.append((x0, y0, x1, y1))
        crop = mask[y0:y1, x0:x1].astype(np.float32)
        grids.append(cv2.resize(crop, (28, 28), interpolation=cv2.INTER_AREA))
    ids = sorted(names)
    return Instances(
        image_size=size,
        boxes=np.array(boxes, dtype=np.float32),
        scores=np.ones(len(boxes), dtype=np.float32),
        classes=np.array([ids.index(one["category_id"]) for one in candidates], dtype=np.int64),
        mask_grids=np.stack(grids),
        class_names=tuple(names[identity] for identity in ids),
    )


def answers(shared):
    """For each clear photo: the accepted sets, the best-ranked one, and the chosen set."""
    truth = json.loads((shared / "data" / "instances.json").read_text())
    names = {one["id"]: one["name"] for one in truth["categories"]}
    annotations = {one["id"]: one for one in truth["annotations"]}
    for photo in json.loads((shared / "data" / "subject_choice_dev.json").read_text()):
        if not photo["clear"]:
            continue
        path = shared / "data" / "images" / photo["file_name"]
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        candidates = [annotations[identity] for identity in photo["candidates"]]
        subject = select(image, true_instances(candidates, names, image.shape[:2]))
        accepted = [frozenset(one) for one in photo["accepted"]]
        best = photo["candidates"][subject.ranking[0].index]
        yield accepted, best, frozenset(photo["candidates"][k] for k in subject.chosen)


# pycocotools 2 hands NumPy 2 an array-like of the old kind.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_choice_agrees_with_the_labellers(shared):
    results = list(answers(shared))
    assert len(results) == 117
    member = np.mean([best in frozenset().union(*accepted) for accepted, best, _ in results])
    exact = np.mean([chosen in accepted for accepted, _, chosen in results])
    abstained = np.mean([not chosen for _, _, chosen in results])
    assert member >= 0.95
    assert exact >= 0.85  # sqrt(area) x exp(-4 d^2) alone reaches 0.69
    assert abstained <= 0.02
