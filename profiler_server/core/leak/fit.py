"""One model of the floor fitted in full: coefficients, fitted line, innovations, and how late growth compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from profiler_server.core.leak.design import Design, clock_column
from profiler_server.core.leak.medians import median
from profiler_server.core.leak.segments import GAP_BLOCKS
from profiler_server.core.leak.window import FloatArray

OUTLIER_SIGMAS = 4.5
LATE_SHARE = 0.4
RIDGE = 1e-6
LOAD_SCALE = 0.3
ROUGHER = 1.5
"""Load that makes the floor so many times rougher than it was does not explain it."""


@dataclass(frozen=True)
class FloorFit:
    """Coefficients by generalised least squares at one correlation time.

    `load` f64[n_load], `slope` (share of base per span, by the group's clock) with `slope_error`; `fitted[i]` and
    `steady[i]` f64[n_i]: the fitted floor and the observed one with load taken out, as shares of the base;
    `innovations[i]` f64[n_i - 1] standardised; `late_ratio`, `late_error`: slope of the last part over the whole slope;
    `early_ratio`, `early_error` the same of the first part.
    """

    load: FloatArray
    slope: float
    slope_error: float
    fitted: tuple[FloatArray, ...]
    steady: tuple[FloatArray, ...]
    innovations: tuple[FloatArray, ...]
    late_ratio: float
    late_error: float
    early_ratio: float
    early_error: float


def _whiten(matrix: FloatArray, at: FloatArray, weight: FloatArray, correlation_hours: float) -> FloatArray:
    steps = at[1:] - at[:-1]
    usual = median(steps)
    phi = np.where(steps > GAP_BLOCKS * usual, 0.0, np.exp(-usual / correlation_hours))[:, None]
    scale = np.sqrt(weight[1:, None] / (1.0 - phi**2))
    return np.concatenate([matrix[:1], (matrix[1:] - phi * matrix[:-1]) * scale])


@dataclass(frozen=True)
class _Solved:
    """Coefficients f64[n_load + 1 + n_seg] of load, clock and intercepts, and what they leave.

    `plain[i]` f64[n_i, n_load + 2 + n_seg] are a segment's columns and, last, its values.
    """

    beta: FloatArray
    slope_error: float
    residual: FloatArray
    plain: tuple[FloatArray, ...]

    def steady(self, n_load: int) -> tuple[FloatArray, ...]:
        """Return the values of each segment with load taken out."""
        return tuple(p[:, -1] - p[:, :n_load] @ self.beta[:n_load] for p in self.plain)


def _solve(
    design: Design,
    hours: Sequence[FloatArray],
    weights: Sequence[FloatArray],
    *,
    members: Sequence[int],
    clock: str,
    correlation_hours: float,
    is_apart: bool = False,
) -> _Solved:
    n_load, at_clock = design.n_load, clock_column(design, clock)
    group, n_seg = set(members), len(design.matrices)
    rows, plain = [], []
    for i, (matrix, at, weight) in enumerate(zip(design.matrices, hours, weights, strict=True)):
        columns = np.zeros((len(matrix), n_load + 2 + n_seg + is_apart))
        columns[:, :n_load] = matrix[:, 1 : 1 + n_load]
        if i in group or is_apart:
            columns[:, n_load if i in group else -2] = matrix[:, at_clock]
        columns[:, n_load + 1 + i] = 1.0
        columns[:, -1] = matrix[:, -1]
        plain.append(columns)
        rows.append(_whiten(columns, at, weight, correlation_hours))
    stacked = np.concatenate(rows)
    x, y = stacked[:, :-1], stacked[:, -1]
    gram = x.T @ x
    ridge = RIDGE * (np.diag(gram) + 1e-9)
    freedom = max(len(y) - x.shape[1], 3)
    for _ in range(2):
        inverse = np.linalg.inv(gram + np.diag(ridge))
        beta = inverse @ (x.T @ y)
        residual = y - x @ beta
        sigma = float(np.sqrt(residual @ residual / freedom))
        # Lagged loads look alike: without a prior on their size they would draw any trend between them.
        # A floor without any noise must not take the last bit of it away.
        ridge[:n_load] = np.maximum(sigma**2 / LOAD_SCALE**2, ridge[:n_load])
    error = sigma * float(np.sqrt(inverse[n_load, n_load]))
    return _Solved(beta, error, residual, tuple(plain))


def detrend(
    design: Design, hours: Sequence[FloatArray], weights: Sequence[FloatArray], *, correlation_hours: float
) -> list[FloatArray]:
    """Return each segment's values, shares of the base, with load and a common growth in time taken out."""
    whole = range(len(design.matrices))
    solved = _solve(design, hours, weights, members=whole, clock="time", correlation_hours=correlation_hours)
    at_time, slope = clock_column(design, "time"), float(solved.beta[design.n_load])
    steady = solved.steady(design.n_load)
    return [s - m[:, at_time] * slope for s, m in zip(steady, design.matrices, strict=True)]


def without_load(
    design: Design,
    hours: Sequence[FloatArray],
    weights: Sequence[FloatArray],
    *,
    members: Sequence[int],
    clock: str,
    correlation_hours: float,
) -> tuple[FloatArray, ...]:
    """Return each segment's values with load taken out; `members` grow at one rate, all others at another."""
    solved = _solve(
        design,
        hours,
        weights,
        members=members,
        clock=clock,
        correlation_hours=correlation_hours,
        is_apart=True,
    )
    return solved.steady(design.n_load)


def fit_floor(
    design: Design,
    hours: Sequence[FloatArray],
    weights: Sequence[FloatArray],
    *,
    members: Sequence[int],
    clock: str,
    correlation_hours: float,
) -> FloorFit:
    """Fit intercepts, load and the clock of the segments `members`; see `FloorFit`."""
    n_load, at_time = design.n_load, clock_column(design, "time")
    solved = _solve(design, hours, weights, members=members, clock=clock, correlation_hours=correlation_hours)
    plain, residual, steady = solved.plain, solved.residual, solved.steady(n_load)
    robust = 1.4826 * median(np.abs(residual)) + 1e-12
    bounds = np.cumsum([0] + [len(p) for p in plain]).tolist()
    fitted = tuple(p[:, :-1] @ solved.beta for p in plain)
    innovations = tuple(residual[a + 1 : b] / robust for a, b in pairwise(bounds))
    slope = float(solved.beta[n_load])
    # Curved clocks are judged by plain time: what matters is whether it climbs now, and climbed then.
    curved = clock in ("accelerating", "decelerating")
    clocks = [design.matrices[i][:, at_time] if curved else plain[i][:, n_load] for i in members]
    parts = [(ticks, steady[i]) for ticks, i in zip(clocks, members, strict=True)]
    slope_by = _whole_slope(parts) if curved else slope
    seen = [plain[i][:, -1] for i in members]
    if _roughness([steady[i] for i in members]) > ROUGHER * _roughness(seen):
        # What taking out load has drawn into a calm floor is no climb.
        parts = list(zip(clocks, seen, strict=True))
    late, early = _part_slope(parts, late=True), _part_slope(parts, late=False)
    by = 1.0 / slope_by if slope_by > 1e-12 else 0.0
    return FloorFit(
        solved.beta[:n_load], slope, solved.slope_error, fitted, steady, innovations,
        late[0] * by, late[1] * by, early[0] * by, early[1] * by,
    )  # fmt: skip


def _roughness(floors: Sequence[FloatArray]) -> float:
    """Return the median absolute second difference over some floors: noise, blind to level and slope."""
    return median(np.abs(np.concatenate([np.diff(floor, 2) for floor in floors])))


def _whole_slope(parts: Sequence[tuple[FloatArray, FloatArray]]) -> float:
    x = np.concatenate([clock - clock.mean() for clock, _ in parts])
    y = np.concatenate([value - value.mean() for _, value in parts])
    return float(x @ y) / (float(x @ x) + 1e-12)


def _part_slope(parts: Sequence[tuple[FloatArray, FloatArray]], *, late: bool) -> tuple[float, float]:
    """Return the pooled slope over the last LATE_SHARE (or all but that) of each part by its clock, with an error."""
    xs, ys = [], []
    for clock, value in parts:
        cut = clock[-1] - LATE_SHARE * (clock[-1] - clock[0])
        chosen = clock >= cut if late else clock <= cut
        if np.count_nonzero(chosen) < 3:
            continue
        some, held = clock[chosen], value[chosen]
        xs.append(some - some.mean())
        ys.append(held - held.mean())
    if not xs:
        return 0.0, float("inf")
    x, y = np.concatenate(xs), np.concatenate(ys)
    total = float(x @ x) + 1e-12
    slope = float(x @ y) / total
    rest = y - slope * x
    # Neighbouring residuals are alike: count a third of them.
    return slope, float(np.sqrt(rest @ rest / max(len(y) / 3 - 1, 1) / total))


def outlier_weights(fit: FloorFit, weights: Sequence[FloatArray]) -> list[FloatArray] | None:
    """Return smaller row weights where innovations are beyond OUTLIER_SIGMAS, None if there are none."""
    if not any((np.abs(u) > OUTLIER_SIGMAS).any() for u in fit.innovations):
        return None
    fresh = []
    for u, weight in zip(fit.innovations, weights, strict=True):
        shrink = np.minimum(1.0, OUTLIER_SIGMAS / np.maximum(np.abs(u), 1e-9)) ** 2
        fresh.append(np.concatenate([weight[:1], np.ones(len(u)) * shrink]))
    return fresh
