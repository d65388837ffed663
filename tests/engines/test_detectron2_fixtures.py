"""The stored answers of Detectron2 are those of the one that is installed."""

from __future__ import annotations

import numpy as np
import pytest
from detectron2_reference import cases, stored
from numpy.typing import NDArray
from small_networks import NETWORKS

pytest.importorskip("detectron2")
pytestmark = [
    pytest.mark.detectron2,
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning"),
]

CASES = ["sizes", "resized", "pasted", "anchors", "deltas", "proposals", "pooled", "detections",
         "names", *(f"network_{name}" for name in NETWORKS)]  # fmt: skip


def test_every_case_is_stored(chelsea: NDArray[np.uint8]) -> None:
    assert list(cases(chelsea)) == CASES


@pytest.mark.parametrize("name", CASES)
def test_detectron2_still_answers_so(chelsea: NDArray[np.uint8], name: str) -> None:
    answer, kept = cases(chelsea)[name](), stored(name)
    assert answer.keys() == kept.keys()
    for key, array in answer.items():
        assert array.shape == kept[key].shape, key
        if array.dtype.kind == "f":
            assert np.allclose(array, kept[key], rtol=1e-3, atol=1e-2), key
        elif key == "masks":
            assert (np.unpackbits(array) != np.unpackbits(kept[key])).mean() < 1e-3
        else:
            assert np.array_equal(array, kept[key]), key
