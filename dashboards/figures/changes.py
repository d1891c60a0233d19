"""Finds the moments at which the level of a series changes, so that a picture can mark them."""

from __future__ import annotations

import numpy as np

from profiler_server.core.profile import FloatArray

MAX_CHANGES = 6
SHORTEST_SEGMENT = 5
PENALTY = 6.0
LEAST_SHIFT = 2.5
LINE_ADVANTAGE = 0.8


def change_points(values: FloatArray) -> list[int]:
    """Return the indices at which the level of `values` (f64[n], NaN = gap) changes, rising; at most `MAX_CHANGES`.

    Binary segmentation by least squares (Scott and Knott 1974): a cut must lower the squared error by more than
    `PENALTY` σ² log n and shift the level by `LEAST_SHIFT` σ, where σ comes from the differences of neighbours
    (so that a level change does not widen it). A trend is not a change: where one line fits as well as two levels,
    there is no cut.
    """
    known = np.flatnonzero(np.isfinite(values))
    clean = values[known]
    if len(clean) < 2 * SHORTEST_SEGMENT:
        return []
    sigma = _noise(clean)
    cuts: list[int] = []
    parts = [(0, len(clean))]
    while parts and len(cuts) < MAX_CHANGES:
        best = max(((*_best_cut(clean[low:high]), low, high) for low, high in parts), key=lambda cut: cut[0])
        gain, at, low, high = best
        parts.remove((low, high))
        if gain <= PENALTY * sigma**2 * np.log(len(clean)):
            break
        if _is_step(clean[low:high], at, sigma):
            cuts.append(low + at)
        parts += [(low, low + at), (low + at, high)]
        parts = [part for part in parts if part[1] - part[0] >= 2 * SHORTEST_SEGMENT]
    return sorted(int(known[cut]) for cut in cuts)


def _noise(values: FloatArray) -> float:
    """Return the standard deviation of the noise, robustly from second neighbours' differences."""
    spread = float(np.median(np.abs(np.diff(values)))) / 0.954
    return max(spread, 1e-3 * float(np.ptp(values)), 1e-12)


def _best_cut(values: FloatArray) -> tuple[float, int]:
    """Return the largest drop of the squared error by one cut, and where it is."""
    n = len(values)
    if n < 2 * SHORTEST_SEGMENT:
        return 0.0, 0
    sums = np.cumsum(values)[:-1]
    left = np.arange(1, n, dtype=np.float64)
    right = n - left
    gains = (sums * n / left - sums[-1] - values[-1]) ** 2 * left / (n * right)
    gains[: SHORTEST_SEGMENT - 1] = 0.0
    gains[n - SHORTEST_SEGMENT :] = 0.0
    at = int(np.argmax(gains))
    return float(gains[at]), at + 1


def _is_step(values: FloatArray, at: int, sigma: float) -> bool:
    """Whether the level shifts at the cut by more than the noise, and two levels fit clearly better than one line."""
    before, after = values[max(0, at - SHORTEST_SEGMENT) : at], values[at : at + SHORTEST_SEGMENT]
    shift = abs(float(np.median(after)) - float(np.median(before)))
    two_levels = float(np.var(values[:at]) * at + np.var(values[at:]) * (len(values) - at))
    x = np.arange(len(values), dtype=np.float64)
    line = float(np.sum((values - np.polyval(np.polyfit(x, values, 1), x)) ** 2))
    return shift > LEAST_SHIFT * sigma and two_levels < LINE_ADVANTAGE * line
