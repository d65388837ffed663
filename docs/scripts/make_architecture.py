"""Draw the parts of the project and who imports whom, from the imports in the code.

    python docs/scripts/make_architecture.py      # writes docs/pictures/architecture.svg

A part is a module or folder right below ``vx_detectron``, or ``web``. It stands one row above the
highest part that it imports. An arrow is left out where a longer way says the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "pictures" / "architecture.svg"
PACKAGE = "vx_detectron"
OUTSIDE = ("web",)  # the part beside the package

WIDTH, ROW, BOX_HEIGHT, GAP, BORDER = 1120, 104, 46, 14, 20
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1c2733; text-anchor: middle }
  .note { font-size: 9.5px; fill: #55636f }
  rect { fill: #eef3f8; stroke: #7d93a8; rx: 7px }
  .first { fill: #fdeecb; stroke: #c79a2d }
  path { fill: none; stroke: #8a9aab; stroke-width: 1.1 }
"""

FIRST = ' class="first"'

Graph = dict[str, set[str]]


def parts() -> dict[str, Path]:
    """Name to file or folder of every part."""
    found = {
        path.stem: path
        for path in sorted((ROOT / PACKAGE).iterdir())
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()
    }
    return found | {name: ROOT / name for name in OUTSIDE}


def files_of(part: Path) -> list[Path]:
    """The Python files of a part."""
    return sorted(part.rglob("*.py")) if part.is_dir() else [part]


def imported(file: Path) -> Iterator[str]:
    """The dotted names that a file imports, anywhere in it."""
    here = file.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*here[: -node.level]] if node.level else []
            base += node.module.split(".") if node.module else []
            yield from (".".join([*base, alias.name]) for alias in node.names)


def read_graph() -> Graph:
    """Part to the parts that it imports."""
    names = parts()
    graph: Graph = {name: set() for name in names}
    for name, path in names.items():
        for target in (word.split(".") for file in files_of(path) for word in imported(file)):
            part = target[1] if target[0] == PACKAGE and len(target) > 1 else target[0]
            if part in names and part != name and (target[0] == PACKAGE or part in OUTSIDE):
                graph[name].add(part)
    return graph


def rows_of(graph: Graph) -> list[list[str]]:
    """The parts in rows, bottom up. RuntimeError where they import each other in a circle."""
    level: dict[str, int] = {}
    while len(level) < len(graph):
        ready = {n for n, below in graph.items() if n not in level and below <= level.keys()}
        if not ready:
            raise RuntimeError(f"a circle of imports: {sorted(graph.keys() - level.keys())}")
        level |= {n: max((level[b] + 1 for b in graph[n]), default=0) for n in ready}
    rows: list[list[str]] = [[] for _ in range(max(level.values()) + 1)]
    for name in sorted(graph):
        rows[level[name]].append(name)
    return rows


def without_shortcuts(graph: Graph) -> Graph:
    """Only the arrows that no longer way replaces."""

    def reached(name: str) -> set[str]:
        return graph[name].union(*(reached(below) for below in graph[name]))

    return {
        name: below - set().union(*(reached(other) for other in below))
        for name, below in graph.items()
    }


def ordered(rows: list[list[str]], arrows: Graph) -> list[list[str]]:
    """Each row sorted by where the parts below it stand, so that fewer arrows cross."""
    place: dict[str, float] = {}

    def middle(name: str) -> float:
        below = [place[other] for other in arrows[name] if other in place]
        return sum(below) / len(below) if below else 0.5

    result = []
    for names in rows:
        row = sorted(names, key=lambda name: (middle(name), name))
        place |= {name: (number + 0.5) / len(row) for number, name in enumerate(row)}
        result.append(row)
    return result


def draw(graph: Graph) -> str:
    """The picture, as SVG."""
    arrows = without_shortcuts(graph)
    rows = ordered(rows_of(graph), arrows)
    height = ROW * len(rows) - (ROW - BOX_HEIGHT) + 2 * BORDER
    box = min(150.0, (WIDTH - 2 * BORDER) / max(map(len, rows)) - GAP)
    at: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        for column, name in enumerate(row):
            x = WIDTH * (column + 0.5) / len(row)
            at[name] = (x, height - BORDER - BOX_HEIGHT - ROW * number)
    lines = [_arrow(at[n], at[below]) for n in sorted(graph) for below in sorted(arrows[n])]
    lines += [_box(name, at[name], box) for name in sorted(graph)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="The parts of VX Detectron; arrows point to what a part imports">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" style="fill:#8a9aab;stroke:none"/>'
        "</marker></defs>",
        f'<rect width="{WIDTH}" height="{height}" style="fill:#fff;stroke:none"/>',
        *lines,
        "</svg>",
        "",
    ])  # fmt: skip


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x0, y0, x1, y1 = start[0], start[1] + BOX_HEIGHT, end[0], end[1]
    bend = (y1 - y0) / 2
    return (
        f'<path marker-end="url(#tip)" d="M{x0:.0f} {y0:.0f}C{x0:.0f} {y0 + bend:.0f} '
        f'{x1:.0f} {y1 - bend:.0f} {x1:.0f} {y1:.0f}"/>'
    )


def _box(name: str, at: tuple[float, float], width: float) -> str:
    x, y = at
    first = name == "pipeline"
    text = f'<text x="{x:.0f}" y="{y + (20 if first else 28):.0f}">{escape(name)}</text>'
    if first:
        text += f'<text class="note" x="{x:.0f}" y="{y + 36:.0f}">read this first</text>'
    return (
        f'<rect{FIRST if first else ""} x="{x - width / 2:.0f}" y="{y:.0f}" '
        f'width="{width:.0f}" height="{BOX_HEIGHT}"/>{text}'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(read_graph()), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))
