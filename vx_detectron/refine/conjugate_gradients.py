"""A sparse symmetric system over pixels, each bound to its neighbours, solved step by step.

SciPy's solver does the same, but costs 110 MB on disk for this one use.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vx_detectron.structures import DoubleArray, IntArray


class Stencil:
    """A symmetric matrix whose row of a pixel is zero but for the pixels at some fixed steps.

    Args:
        neighbours: int64 (K, N), for each step and each of N pixels the pixel that lies there; N
            where none does.
        factors: float64 (K, N), what that pixel counts for this one.
    """

    def __init__(self, neighbours: IntArray, factors: DoubleArray) -> None:
        self._neighbours, self._factors = neighbours, factors

    def __matmul__(self, values: DoubleArray) -> DoubleArray:
        """The matrix times a vector (N,)."""
        padded = np.append(values, 0.0)
        total = np.zeros_like(values)
        for there, factor in zip(self._neighbours, self._factors, strict=True):
            total += factor * padded.take(there)
        return total


def solve(
    matrix: Stencil,
    diagonal: DoubleArray,
    right_side: DoubleArray,
    start: DoubleArray,
    *,
    tolerance: float,
    steps: int,
    check: Callable[[], None] = lambda: None,
) -> tuple[DoubleArray, bool]:
    """Solve ``matrix @ x = right_side`` by conjugate gradients, preconditioned by the diagonal.

    Hestenes and Stiefel, 1952, as in Barrett et al., "Templates for the solution of linear
    systems", figure 2.5.

    Args:
        matrix: symmetric and positive definite.
        diagonal: float64 (N,), of the matrix.
        right_side: float64 (N,).
        start: float64 (N,), where to begin.
        tolerance: the length of the error that is allowed, as a share of the right side's.
        steps: at most.
        check: called after each step; whatever it raises ends the work.

    Returns:
        float64 (N,), and whether the tolerance was met.
    """
    x = start.copy()
    enough = tolerance * float(np.linalg.norm(right_side))
    residual = right_side - matrix @ x
    scaling = 1 / np.maximum(diagonal, 1e-12)
    direction, before = np.zeros_like(x), 1.0
    for _ in range(steps):
        if np.linalg.norm(residual) <= enough:
            return x, True
        scaled = scaling * residual
        now = float(residual @ scaled)
        direction = scaled + now / before * direction
        image = matrix @ direction
        length = now / float(direction @ image)
        x += length * direction
        residual -= length * image
        before = now
        check()
    return x, bool(np.linalg.norm(residual) <= enough)
