"""What the documents point to is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"]\(([^)\s]+)\)")
# A path from the root of the repository, in backticks or in a command.
FOLDERS = r"(?:benchmarks|configs|docs|tests|tools|vx_detectron|web)"
MENTIONED = re.compile(rf"(?<![\w./-]){FOLDERS}(?:/[\w.-]+)+")


def documents() -> list[Path]:
    """Every page of text in the repository that people may read."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("needs a git checkout")
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


def heading_ids(page: Path) -> set[str]:
    """The names by which GitHub links to the headings of a page."""
    words = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", word.lower()).replace(" ", "-") for word in words}


def test_links_lead_somewhere() -> None:
    broken = []
    for page in documents():
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            if re.match(r"https?:|mailto:", link):
                continue
            name, _, heading = link.partition("#")
            target = page.parent / name if name else page
            if not target.exists() or (heading and heading not in heading_ids(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_files_that_are_named_exist() -> None:
    broken = []
    for page in documents():
        if page.name in ("CHANGELOG.md", "diary.md"):
            continue  # they tell of the past
        for name in MENTIONED.findall(page.read_text(encoding="utf-8")):
            if not (ROOT / name.rstrip(".")).exists():
                broken.append(f"{page.relative_to(ROOT)}: {name}")
    assert broken == []
