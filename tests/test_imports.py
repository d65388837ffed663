"""The shape of the house: imports point one way, and asking for help loads no network."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "vx_detectron"

# Bottom up. A unit is a module or folder right below the package. It imports only from lower
# rows; within its own row nothing, except in the first.
LAYERS = (
    {"errors", "extras", "files", "housekeeping", "ir_file", "rle", "structures"},
    {"image_io"},
    {"metrics", "refine", "subject"},
    {"interactive"},
    {"config"},  # its VX node has the options of the refinement and the choice, field by field
    {"weights"},
    {"modeling"},
    {"deliver", "engines"},
    {"pipeline"},
    {"video"},
    {"data"},
    {"evaluation", "export"},
    {"training"},
    {"batch"},
    {"cli"},
    {"__main__"},
)
LEVEL = {unit: level for level, units in enumerate(LAYERS) for unit in units}

# These work on arrays alone: no network, no configuration.
PURE = LAYERS[0] | {"deliver", "image_io", "interactive", "metrics", "refine", "subject"}
FORBIDDEN_TO_PURE = {
    "config", "detectron2", "engines", "fvcore", "modeling", "torch", "torchvision", "weights",
    "yacs",
}  # fmt: skip

# Where the real Detectron2 may be named: an engine, a trainer and the catalogue of data sets, each
# in a file of its own.
DETECTRON2_UNITS = {"data", "engines", "training"}

# Slow to load, so only when they are used.
HEAVY = (
    "detectron2", "matplotlib", "numba", "onnx", "onnxruntime", "pyarrow", "pydensecrf",
    "pymatting", "ray", "scipy", "skimage", "torch",
)  # fmt: skip

# The command that starts the server, and nothing else of the package, may load `web`.
STARTS_WEB = Path("cli") / "web.py"

TOOLS = sorted(path.name for path in (ROOT / "tools").glob("*.py"))


def arrows(file: Path, package_root: Path) -> Iterator[str]:
    """The dotted names that one file imports, anywhere in it, also within functions."""
    here = (package_root.name, *file.relative_to(package_root).with_suffix("").parts)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*here[: -node.level]] if node.level else []
            base += node.module.split(".") if node.module else []
            yield from (".".join([*base, alias.name]) for alias in node.names)


def violations(package_root: Path) -> list[str]:
    """One line for every import in the package that the house does not allow."""
    found = []
    for file in sorted(package_root.rglob("*.py")):
        inner = file.relative_to(package_root)
        unit = inner.parts[0].removesuffix(".py")
        if unit == "__init__":
            continue  # the package's own front door stands above all of them
        if unit not in LEVEL:
            found.append(f"{inner}: {unit} has no place in LAYERS")
            continue
        for name in arrows(file, package_root):
            problem = _problem(unit, name, package_root.name)
            if problem:
                found.append(f"{inner}: imports {name}: {problem}")
    return found


def _problem(unit: str, name: str, package: str) -> str | None:
    """What is wrong with that unit importing that name, if anything."""
    top, *rest = name.split(".")
    if top != package:
        if unit in PURE and top in FORBIDDEN_TO_PURE:
            return f"{unit} works on arrays alone"
        if top == "detectron2" and unit not in DETECTRON2_UNITS:
            return f"{unit} is on this side of the seam"
        return None
    target = rest[0] if rest else ""
    if target == unit or target == "__version__":
        return None
    if target not in LEVEL:
        return "name the module it comes from, not the package"
    if unit in PURE and target in FORBIDDEN_TO_PURE:
        return f"{unit} works on arrays alone"
    if LEVEL[target] < LEVEL[unit] or LEVEL[target] == LEVEL[unit] == 0:
        return None
    return "the arrow points up" if LEVEL[target] > LEVEL[unit] else "the arrow points sideways"


def test_the_package_has_no_forbidden_imports() -> None:
    assert violations(ROOT / PACKAGE) == []


def test_web_stands_beside_the_command_line() -> None:
    """It uses what is below ``cli``; of the package only the command that starts it knows it."""
    assert web_violations(ROOT) == []


def web_violations(root: Path) -> list[str]:
    """One line for every import of ``cli`` in ``web``, or of ``web`` in the package."""
    found = []
    for file in sorted((root / "web").rglob("*.py")):
        for name in arrows(file, root / "web"):
            if name == f"{PACKAGE}.cli" or name.startswith(f"{PACKAGE}.cli."):
                found.append(f"web/{file.relative_to(root / 'web')}: imports {name}")
    for file in sorted((root / PACKAGE).rglob("*.py")):
        inner = file.relative_to(root / PACKAGE)
        for name in arrows(file, root / PACKAGE):
            if name.split(".")[0] == "web" and inner != STARTS_WEB:
                found.append(f"{inner}: imports {name}")
    return found


@pytest.mark.parametrize(
    ("file", "line", "count"),
    [
        ("web/orders.py", "from vx_detectron.cli.isolate import main", 1),
        ("web/orders.py", "from vx_detectron import cli", 1),
        ("web/orders.py", "from vx_detectron.deliver import compose", 0),
        ("vx_detectron/pipeline.py", "def f():\n    from web import create_app", 1),
        ("vx_detectron/cli/isolate.py", "import web.serving", 1),
        ("vx_detectron/cli/web.py", "from web.serving import main", 0),
    ],
)
def test_a_wrong_neighbour_of_web_is_found(
    tmp_path: Path, file: str, line: str, count: int
) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(line + "\n", encoding="utf-8")
    assert len(web_violations(tmp_path)) == count


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("structures.py", "from vx_detectron.pipeline import isolate"),
        ("structures.py", "import vx_detectron.config"),
        ("config.py", "def f():\n    from vx_detectron.engines import build_detector"),
        ("image_io/reading.py", "from vx_detectron import config"),
        ("image_io/reading.py", "from ..config import get_cfg"),
        ("subject/ranking.py", "from vx_detectron import refine"),
        ("subject/ranking.py", "def f():\n    import torch"),
        ("refine/matting.py", "if TYPE_CHECKING:\n    from torch import Tensor"),
        ("refine/matting.py", "from vx_detectron.config import get_cfg"),
        ("refine/__init__.py", "from ..deliver import paint"),
        ("metrics.py", "from fvcore.common.config import CfgNode"),
        ("pipeline.py", "from vx_detectron.training import train"),
        ("pipeline.py", "import detectron2.config"),
        ("pipeline.py", "from vx_detectron import isolate"),
        ("data/coco.py", "from ..evaluation.report import write"),
        ("training/loop.py", "from vx_detectron.cli import main"),
        ("elsewhere.py", "import json"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, file: str, line: str) -> None:
    fake = write_package(tmp_path, file, line)
    assert len(violations(fake)) == 1


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("__init__.py", "def f():\n    from vx_detectron.pipeline import isolate"),
        ("structures.py", "from vx_detectron.structures import paste_mask"),
        ("subject/ranking.py", "from vx_detectron.structures import Instances"),
        ("subject/ranking.py", "from vx_detectron.subject.features import size"),
        ("subject/ranking.py", "from .features import size"),
        ("refine/matting.py", "def f():\n    import pymatting"),
        ("engines/detectron2/engine.py", "import detectron2.config"),
        ("modeling/fpn.py", "from ..weights import catalog"),
        ("pipeline.py", "from vx_detectron import __version__, deliver, refine"),
        ("cli/isolate.py", "from ..pipeline import isolate"),
    ],
)
def test_an_allowed_import_is_let_through(tmp_path: Path, file: str, line: str) -> None:
    assert violations(write_package(tmp_path, file, line)) == []


def write_package(folder: Path, file: str, source: str) -> Path:
    """A package of one file."""
    fake = folder / PACKAGE
    (fake / file).parent.mkdir(parents=True)
    (fake / file).write_text(source + "\n", encoding="utf-8")
    return fake


def test_every_file_says_what_it_is_for() -> None:
    files = [*(ROOT / PACKAGE).rglob("*.py"), *(ROOT / "web").rglob("*.py")]
    files += (ROOT / "tools").glob("*.py")
    without = [
        str(file.relative_to(ROOT))
        for file in files
        if not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert without == []


def test_every_folder_of_code_is_a_package() -> None:
    """Packaging leaves a folder without ``__init__.py`` out, and says nothing."""
    folders = {file.parent for top in (PACKAGE, "web") for file in (ROOT / top).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def loaded_by(code: str) -> set[str]:
    """The heavy modules that a fresh interpreter has loaded after that code."""
    ask = f"import json, sys; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    answer = subprocess.run(
        [sys.executable, "-c", f"{code}\n{ask}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return set(json.loads(answer.stdout.splitlines()[-1]))


def test_loaded_by_sees_what_is_loaded() -> None:
    assert loaded_by("import skimage") == {"skimage"}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by(f"import {PACKAGE}") == set()


def test_there_are_tools_to_look_at() -> None:
    assert "isolate.py" in TOOLS


@pytest.mark.parametrize("tool", TOOLS)
def test_help_loads_nothing_heavy(tool: str) -> None:
    run = f"""
import runpy, sys
sys.argv = ["tools/{tool}", "--help"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
else:
    raise AssertionError("--help did not end the program")
"""
    assert loaded_by(run) == set()
