"""Closed-form matting: how much of each pixel along the edge is hair, fur or other fine detail.

Levin, Lischinski and Weiss, "A closed-form solution to natural image matting", PAMI 2008. In each
3 x 3 window alpha is taken for a linear function of colour, which makes alpha the solution of a
sparse linear system. The previous alpha pulls softly at each unknown: without that, alpha strays
wherever colours say nothing. pymatting solves the same system without that pull, but numba
compiles it for half a minute and more at the first import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.refine.conjugate_gradients import Stencil, solve
from vx_detectron.refine.distance import signed_distance
from vx_detectron.structures import BoolArray, ByteArray, DoubleArray, FloatArray, IntArray

STEP = "closed-form matting"

_MOST_UNKNOWNS = 50_000  # pixels of the band; they bound time and memory
_EPS = 1e-5  # variance of colour (0..1) in a window below which alpha is constant in it
_PRIOR = 1.0  # pull of the previous alpha; chosen on composites of hair and fur with known alpha
_TOLERANCE = 1e-4  # of the solver, relative
_ITERATIONS = 500  # of the solver, at most
_WINDOW = 9  # pixels
# From a pixel to all that some window holds together with it: rows down and columns right.
_STEPS = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]


def matte(
    image: ByteArray,
    alpha: FloatArray,
    width: float,
    check: Callable[[], None] = lambda: None,
) -> tuple[FloatArray, str]:
    """Solve for alpha in a band around the edge, so that it follows hair and fur.

    Args:
        image: uint8 (H, W, 3), RGB.
        alpha: float32 (H, W), 0..1, of the same size; beyond the band it is right.
        width: half width of the band around the edge at 0.5, in pixels.
        check: called now and then; whatever it raises ends the work.

    Returns:
        float32 (H, W), 0..1, and what was done, for the provenance: a band of more than 50,000
        pixels is solved at a smaller size, and the solver stops after 500 steps; both are named.
    """
    unknown = np.abs(signed_distance(alpha)) <= width
    check()
    scale = min(1.0, float(np.sqrt(_MOST_UNKNOWNS / max(int(unknown.sum()), 1))))
    small_image, small_alpha = _shrink(image, scale), _shrink(alpha, scale)
    small_unknown = np.abs(signed_distance(small_alpha)) <= width * scale
    if min(small_alpha.shape) < 3 or not small_unknown.any():
        return alpha.copy(), STEP
    solved, converged = _solve(small_image, small_alpha, small_unknown, check)
    step = STEP if scale == 1.0 else f"{STEP} at {scale:.0%} of the size"
    step += "" if converged else ", stopped early"
    enlarged = cv2.resize(solved, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(unknown, enlarged, alpha).astype(np.float32), step


def _shrink(array: NDArray[Any], scale: float) -> NDArray[Any]:
    if scale == 1.0:
        return array
    small = cv2.resize(array, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    # OpenCV's area average of ones exceeds one by rounding.
    return np.minimum(small, np.float32(1)) if small.dtype == np.float32 else small


def _solve(
    image: ByteArray, alpha: FloatArray, unknown: BoolArray, check: Callable[[], None]
) -> tuple[FloatArray, bool]:
    """Alpha with the unknown pixels solved for, and whether the solver converged."""
    check()
    matrix, diagonal, right_side = _system(image, alpha, unknown)
    values, converged = solve(
        matrix,
        diagonal,
        right_side,
        alpha[unknown].astype(np.float64),
        tolerance=_TOLERANCE,
        steps=_ITERATIONS,
        check=check,
    )
    solved = alpha.copy()
    solved[unknown] = np.clip(values, 0.0, 1.0)
    return solved, converged


def _system(
    image: ByteArray, alpha: FloatArray, unknown: BoolArray
) -> tuple[Stencil, DoubleArray, DoubleArray]:
    """The Laplacian of the unknowns and the prior, its diagonal, and what pulls at the unknowns."""
    windows = _windows(unknown)
    laplacian = _laplacians(image, windows)
    unknown_flat = unknown.ravel()
    count = int(unknown_flat.sum())
    number = np.where(unknown_flat, np.cumsum(unknown_flat) - 1, count)
    in_window = number[windows]  # `count` where alpha is known
    free = in_window < count
    known_alpha = np.where(free, 0.0, alpha.ravel()[windows])
    pull = -np.einsum("nij,nj->ni", laplacian, known_alpha)
    known_pull = np.bincount(in_window[free], weights=pull[free], minlength=count)
    right_side = known_pull + _PRIOR * alpha[unknown].astype(np.float64)
    neighbours, factors = _neighbours(number, unknown), np.zeros((len(_STEPS), count + 1))
    for one, other in np.ndindex(_WINDOW, _WINDOW):
        step = other // 3 - one // 3, other % 3 - one % 3
        # No pixel has the same place in two windows, so nothing is added twice here; what is added
        # for known pixels ends in the last column and is dropped.
        factors[_STEPS.index(step), in_window[:, one]] += laplacian[:, one, other]
    factors[_STEPS.index((0, 0))] += _PRIOR
    factors = factors[:, :count]
    diagonal = factors[_STEPS.index((0, 0))]
    return Stencil(neighbours, factors), diagonal, np.asarray(right_side)


def _neighbours(number: IntArray, unknown: BoolArray) -> IntArray:
    """The number of the unknown at each of the steps from each unknown, int64 (25, N).

    Where none is there, N. Beyond the border some other number may stand: no window reaches there,
    so it counts for nothing.
    """
    places = np.flatnonzero(unknown)
    width, last = unknown.shape[1], unknown.size - 1
    there = [np.clip(places + down * width + right, 0, last) for down, right in _STEPS]
    return np.asarray(number[np.stack(there)], dtype=np.int64)


def _windows(unknown: BoolArray) -> IntArray:
    """Flat positions (n, 9) of all 3 x 3 windows within the picture that hold an unknown."""
    near = cv2.dilate(unknown.astype(np.uint8), np.ones((3, 3), dtype=np.uint8))
    rows, columns = np.nonzero(near[1:-1, 1:-1])
    corner = rows * unknown.shape[1] + columns
    offsets = [down * unknown.shape[1] + right for down in range(3) for right in range(3)]
    return np.asarray(corner[:, None] + np.array(offsets), dtype=np.int64)


def _laplacians(image: ByteArray, windows: IntArray) -> DoubleArray:
    """Each window's share of the matting Laplacian, (n, 9, 9): the paper's equation 12."""
    colours = image.reshape(-1, 3)[windows] / 255.0
    offset = colours - colours.mean(axis=1, keepdims=True)
    covariance = np.einsum("nki,nkj->nij", offset, offset) / _WINDOW
    inverse = np.linalg.inv(covariance + _EPS / _WINDOW * np.eye(3))
    likeness = np.einsum("nkj,nlj->nkl", offset @ inverse, offset)
    return np.asarray(np.eye(_WINDOW) - (1 + likeness) / _WINDOW, dtype=np.float64)
