"""Build the packages, install the wheel in an empty environment and do the main job from there.

    python .ci/check_wheel.py      # needs the extra `package`

It runs outside the checkout, so that nothing works only because the sources lie beside it. The
wheel and the source archive stay in ``dist``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"


def run(*command: str | Path, folder: Path = ROOT) -> None:
    """Show a command and run it; the first that fails ends everything."""
    print("+", *command, flush=True)
    subprocess.run([str(word) for word in command], cwd=folder, check=True)


def build() -> Path:
    """The wheel, freshly built through the source archive, both checked as PyPI would."""
    for old in (DIST, ROOT / "build" / "lib"):  # a stale build/lib would end up in the wheel
        shutil.rmtree(old, ignore_errors=True)
    run(sys.executable, "-m", "build", "--quiet", "--outdir", DIST)
    run(sys.executable, "-m", "twine", "check", "--strict", *sorted(DIST.iterdir()))
    (wheel,) = DIST.glob("*.whl")
    return wheel


def check_readme(wheel: Path) -> None:
    """PyPI shows no picture and follows no link that is relative to the repository."""
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
    relative = re.findall(r"]\((?!https?://|#|mailto:)[^)]*\)", text)
    relative += re.findall(r'(?:src|href)="(?!https?://|#|mailto:)[^"]*"', text)
    if relative:
        sys.exit(f"README.md has links that do not work on PyPI: {relative}")


def install(wheel: Path, folder: Path) -> Path:
    """An environment with nothing but the wheel; the path of its Python."""
    run(sys.executable, "-m", "venv", folder / "env")
    python = folder / "env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    if sys.version_info >= (3, 13):  # as in the Makefile
        run(*pip, "cython", "wheel", "setuptools<81", folder=folder)
        run(*pip, "--no-build-isolation", "pydensecrf2", folder=folder)
    run(*pip, f"{wheel}[web]", folder=folder)
    run(python, "-m", "pip", "check", folder=folder)
    return python


def main() -> None:
    """Build, install, and cut out a photo in every way a user would."""
    wheel = build()
    check_readme(wheel)
    with tempfile.TemporaryDirectory(prefix="vx-wheel-") as name:
        folder = Path(name)
        python = install(wheel, folder)
        shutil.copy(ROOT / ".ci" / "main_job.py", folder)
        # The photo travels inside scikit-image, of which nothing else is needed.
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--no-deps", "--target", folder / "samples", "scikit-image", folder=folder)
        photo = folder / "samples" / "skimage" / "data" / "astronaut.png"
        run(python, "main_job.py", photo, folder=folder)


if __name__ == "__main__":
    main()
