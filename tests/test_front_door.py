"""``from vx_detectron import ...``: every name is there, nothing loads early, examples run."""

from __future__ import annotations

import doctest
import importlib
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vx_detectron
from vx_detectron.structures import ByteArray

ROOT = Path(__file__).resolve().parents[1]


def test_every_name_of_the_front_door_is_there() -> None:
    assert {"Isolator", "Choice", "Cutout", "load_cfg", "read_photo"} <= set(vx_detectron.__all__)
    for name in vx_detectron.__all__:
        assert getattr(vx_detectron, name).__doc__
    with pytest.raises(AttributeError):
        vx_detectron.isolate_everything  # noqa: B018


def test_names_load_no_network_and_the_package_nothing() -> None:
    code = """
import json, sys
import vx_detectron
first = sorted({"cv2", "numpy", "PIL", "fvcore", "torch"} & set(sys.modules))
from vx_detectron import Choice, Cutout, Isolator, load_cfg, read_photo
print(json.dumps([first, sorted({"detectron2", "skimage", "torch"} & set(sys.modules))]))
"""
    run = [sys.executable, "-c", code]
    assert json.loads(subprocess.check_output(run, cwd=ROOT, timeout=120)) == [[], []]


def test_three_lines_save_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: ByteArray
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(astronaut).save("photo.jpg", quality=95)
    from vx_detectron import Isolator

    isolator = Isolator()
    isolator.isolate("photo.jpg").save("cut.png")
    with Image.open("cut.png") as image:
        picture = np.asarray(image)
    assert picture.shape == astronaut.shape
    assert (picture[:60, :60] == 0).all()  # the flag behind her
    with Image.open("photo.jpg") as image:
        photo = np.asarray(image)
    face = slice(90, 140), slice(200, 250)
    np.testing.assert_array_equal(picture[face], photo[face])
    data = Path("photo.jpg").read_bytes()
    alpha = isolator.isolate(Path("photo.jpg")).alpha
    for form in (data, io.BytesIO(data), photo, Image.open(io.BytesIO(data))):
        np.testing.assert_array_equal(isolator.isolate(form).alpha, alpha)


EXAMPLES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in sorted((ROOT / "vx_detectron").rglob("*.py"))
    if ">>> " in file.read_text(encoding="utf-8")
]


def test_what_is_public_has_an_example() -> None:
    public = [getattr(vx_detectron, name) for name in vx_detectron.__all__]
    bare = {
        one.__name__
        for one in public
        if not any(test.examples for test in doctest.DocTestFinder().find(one, globs={}))
    }
    assert bare <= {"Photo", "VxError", "NoSubjectError"}  # what others return or raise


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_in_docstrings_run(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(importlib.import_module(module), optionflags=options)
    assert result.attempted and not result.failed
