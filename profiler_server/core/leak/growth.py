"""Is it growing, or is there an innocent account? Bayes factors between linear models with correlated noise.

Every model is a Gaussian linear regression of the floor on some columns of the design, with Ornstein-Uhlenbeck noise
(AR(1) between blocks) whose correlation time is averaged over, conjugate priors on the coefficients and the noise
level integrated out (Raftery, Madigan & Hoeting 1997; Zellner 1971). Because noise of any correlation time enters as a
combination of three Gram matrices, all models of a channel cost a handful of small matrix products. The Bayes factor
against the innocent models is a test martingale under them (Shafer et al. 2011), so watching it at every evaluation
does not inflate the error rate: it exceeds K with probability at most 1/K.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from profiler_server.core.leak.cohort import SHOWN_SHARE, Group
from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.design import LEAK_CLOCKS, N_CLOCKS, Design
from profiler_server.core.leak.medians import median
from profiler_server.core.leak.segments import GAP_BLOCKS
from profiler_server.core.leak.window import FloatArray

LOG2 = float(np.log(2.0))
INNOCENT_NONE, INNOCENT_WARM = 0.5, 0.3
LEAK_PRIOR = 0.2
CLOCK_PRIOR = np.array([0.45, 0.32, 0.06, 0.02, 0.15])
STRAIGHT_PRIOR = np.array([0.58, 0.42, 0.0, 0.0, 0.0])
USUAL_WARM_HOURS = 6.0
LEAST_RESIDUAL = 0.02
ALONE_PRIOR = 0.6


@dataclass(frozen=True)
class Grams:
    """Per segment and correlation time: the Gram matrix of [load | warm | clocks | y], intercept eliminated.

    `matrices` f64[n_segments, n_times, p, p]; `log_norm` f64[n_times]; `freedom` is rows less segments.
    """

    matrices: FloatArray
    log_norm: FloatArray
    freedom: float


@dataclass(frozen=True)
class GroupTest:
    """A group of segments tested for a leak of its own.

    `log_leak`, `log_none`, `log_warm` are log evidences with priors; `clock` names the leak clock that explains best;
    `slope` and `slope_error` are growth over `span_hours` as a share of the base, by that clock; `warm_hours` and
    `warm_share` describe the best warm-up (time constant, amplitude); `warm_gain` is by how much warm-ups that are to
    be expected explain more than nothing does (a log Bayes factor).
    """

    name: str
    members: tuple[int, ...]
    log_leak: float
    log_none: float
    log_warm: float
    warm_gain: float
    clock: str
    slope: float
    slope_error: float
    warm_hours: float
    warm_kind: str
    warm_share: float
    correlation_hours: float

    @property
    def log_odds(self) -> float:
        """Return the posterior log odds of a leak against every innocent account together."""
        return self.log_leak - float(np.logaddexp(self.log_none, self.log_warm))


def logsumexp(values: FloatArray, axis: int | tuple[int, ...] | None = None) -> FloatArray:
    """Return log Σ exp along `axis`; minus infinity where there is nothing to add."""
    top = np.max(values, axis=axis, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):  # the logarithm of nothing is minus infinity
        total = np.log(np.exp(values - safe).sum(axis=axis, keepdims=True)) + safe
    return np.asarray(total.reshape(-1)[0] if axis is None else np.squeeze(total, axis=axis))


def build_grams(
    design: Design, hours: Sequence[FloatArray], weights: Sequence[FloatArray], config: DetectorConfig
) -> Grams:
    """Return the Grams of all segments; `hours[i]` f64[n_i] block times, `weights[i]` f64[n_i] row weights."""
    times = np.asarray(config.correlation_hours)
    stacked, norm, freedom = [], np.zeros(len(times)), 0.0
    for matrix, at, weight in zip(design.matrices, hours, weights, strict=True):
        step = median(at[1:] - at[:-1])
        phi = np.exp(-step / times)[:, None, None]
        # After a gap the noise starts anew, at the level that the process has kept.
        near = at[1:] - at[:-1] <= GAP_BLOCKS * step
        later, earlier, w, heads = matrix[1:], matrix[:-1], weight[1:, None], matrix[:1]
        if not near.all():
            heads = np.concatenate([heads, later[~near]])
            later, earlier, w = later[near], earlier[near], w[near]
        a, b, c = later.T @ (w * later), later.T @ (w * earlier), earlier.T @ (w * earlier)
        innovation = 1.0 - phi**2
        gram = a - phi * (b + b.T)
        gram += phi**2 * c
        gram /= innovation
        gram += heads.T @ heads
        pivot = gram[:, :1, :1]
        without = gram[:, 1:, :1] * gram[:, :1, 1:]
        without /= pivot
        stacked.append(np.subtract(gram[:, 1:, 1:], without, out=without))
        rows = float(w.sum())
        norm += -0.5 * rows * np.log(innovation[:, 0, 0]) - 0.5 * np.log(pivot[:, 0, 0])
        freedom += rows + len(heads) - 1
    return Grams(np.stack(stacked), norm, freedom)


def screen_segments(grams: Grams, design: Design) -> FloatArray:
    """Return each segment's own growth in standard errors, f64[n_segments]: the best over correlation times.

    Load is taken out per segment; it is a screen, cheap and generous, that decides which groups are worth a full test.
    """
    n_load, n_warm = design.n_load, design.n_warm
    pick = [*range(n_load), n_load + n_warm, grams.matrices.shape[-1] - 1]
    small = grams.matrices[:, ::2][..., pick, :][..., pick]
    n_seg, n_times = small.shape[:2]
    flat = small.reshape(n_seg * n_times, len(pick), len(pick))
    ridge = 0.05 * flat[:, -1, -1] + 1e-12
    rest, _ = _eliminate(flat, n_load, ridge)
    g, b, y = np.maximum(rest[:, 0, 0], 1e-12), rest[:, 0, 1], rest[:, 1, 1]
    rows = max(grams.freedom / n_seg, 3.0)
    sigma = np.sqrt(np.maximum(y - b**2 / g, 1e-12) / rows)
    return np.asarray((b / np.sqrt(g) / sigma).reshape(n_seg, n_times).max(axis=1))


def _eliminate(gram: FloatArray, k: int, ridge: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Remove the first k columns with ridge f64[T]: (remaining Gram, log determinant term f64[T])."""
    if k == 0:
        return gram, np.zeros(len(gram))
    top = gram[:, :k, :k] + ridge[:, None, None] * np.eye(k)
    rest = gram[:, k:, k:] - gram[:, k:, :k] @ np.linalg.solve(top, gram[:, :k, k:])
    sign_log = np.linalg.slogdet(top)
    return rest, -0.5 * (sign_log[1] - k * np.log(ridge))


@dataclass(frozen=True)
class _Reduced:
    """A group's Gram f64[T, p, p] of [warm of all | warm of the group | clocks | y] with load eliminated.

    `noise` f64[T] is the variance of the innovations under the richest model, `common` f64[T] what all models share of
    the log evidence, `freedom` the number of rows that bear on the noise.
    """

    gram: FloatArray
    noise: FloatArray
    common: FloatArray
    freedom: float
    n_warm: int

    @property
    def floor(self) -> FloatArray:
        """Return the least residual sum of squares that is believed, f64[T]: no model is exact."""
        return np.asarray(1e-12 + LEAST_RESIDUAL * self.noise * self.freedom)

    @property
    def total(self) -> FloatArray:
        """Return the residual sum of squares of load alone, f64[T]."""
        return np.asarray(np.maximum(self.gram[:, -1, -1], self.floor))

    def evidence(self, residual: FloatArray) -> FloatArray:
        """Return the log evidence of models with these residual sums of squares, f64[T, …]."""
        floor = self.floor.reshape((-1,) + (1,) * (residual.ndim - 1))
        return np.asarray(-0.5 * self.freedom * np.log(np.maximum(residual, floor)))


def _reduce(members: Sequence[int], grams: Grams, design: Design, config: DetectorConfig) -> _Reduced:
    whole = grams.matrices.sum(axis=0)
    part = grams.matrices[list(members)].sum(axis=0)
    gram = _joint(whole, part, design.n_load, design.n_warm)
    freedom = max(grams.freedom, 2.0)
    noise = _rich_noise(gram) / freedom
    rest, log_load = _eliminate(gram, design.n_load, noise / config.load_scale**2)
    return _Reduced(rest, noise, grams.log_norm + log_load, freedom, 2 * design.n_warm)


def probe_group(group: Group, grams: Grams, design: Design, config: DetectorConfig) -> GroupTest:
    """Test whether a group's segments grow beyond load and warm-up; all segments bear on load and noise."""
    members = group.members
    reduced = _reduce(members, grams, design, config)
    log_t = -float(np.log(len(config.correlation_hours)))
    none = float(logsumexp(reduced.common + reduced.evidence(reduced.total)))
    warm = _warm_evidence(reduced, design, _own_warm_up(group, design, config), config)
    leak = _leak_evidence(reduced, STRAIGHT_PRIOR if design.straight else CLOCK_PRIOR, config)
    clock, slope, error, time_weight = leak.best()
    return GroupTest(
        name=group.name,
        members=members,
        log_leak=float(logsumexp(leak.log)) + log_t + float(np.log(LEAK_PRIOR)),
        log_none=none + log_t + float(np.log(INNOCENT_NONE)),
        log_warm=warm.log + log_t + float(np.log(INNOCENT_WARM)),
        warm_gain=(warm.known if group.compared else warm.log)
        + float(np.log(INNOCENT_WARM / INNOCENT_NONE))
        - none,
        clock=LEAK_CLOCKS[clock],
        slope=slope,
        slope_error=error,
        warm_hours=warm.hours,
        warm_kind=warm.kind,
        warm_share=warm.share,
        correlation_hours=float(np.exp((time_weight * np.log(config.correlation_hours)).sum())),
    )


@dataclass(frozen=True)
class _Warm:
    """Log evidence of all warm-up models together and of those of all lives alone, and the best one's clock, time
    constant and amplitude.
    """

    log: float
    known: float
    kind: str
    hours: float
    share: float


def _own_warm_up(group: Group, design: Design, config: DetectorConfig) -> FloatArray:
    """Return by how much rarer a warm-up of the group alone is, f64[n_warm] logarithms: others would have shown it."""
    rare = math.log(config.new_warm_up if group.kind == "release" else config.own_warm_up)
    return np.array([rare * min(group.shown(tau) / SHOWN_SHARE, 1.0) for _, tau in design.warm_names])


def _warm_evidence(reduced: _Reduced, design: Design, own: FloatArray, config: DetectorConfig) -> _Warm:
    """Weigh every model of load and one warm-up column: of all lives, or, by `own` less likely, of the group alone."""
    warm = slice(0, reduced.n_warm)
    g = np.maximum(np.einsum("tii->ti", reduced.gram)[:, warm], 0.0)
    b = reduced.gram[:, warm, -1]
    lam = (reduced.noise / config.warm_scale**2)[:, None]
    residual = np.maximum(reduced.total[:, None] - b**2 / (g + lam), reduced.floor[:, None])
    sign = log_ndtr(b / np.sqrt((g + lam) * residual / reduced.freedom + 1e-300)) + LOG2
    log = reduced.common[:, None] + reduced.evidence(residual) - 0.5 * np.log1p(g / lam) + sign
    log = log + _warm_prior(design)
    log[:, design.n_warm :] += own
    best = int(np.argmax(logsumexp(log, axis=0)))
    at = int(np.argmax(log[:, best]))
    kind, tau = design.warm_names[best % design.n_warm]
    share = float(b[at, best] / (g[at, best] + lam[at, 0]))
    known = float(logsumexp(log[:, : design.n_warm]))
    return _Warm(float(logsumexp(log)), known, kind, float(tau), share)


def _warm_prior(design: Design) -> FloatArray:
    """Return log prior of each warm-up column, f64[2 * n_warm]: the longer, the rarer, beyond USUAL_WARM_HOURS."""
    tau = np.array([tau for _, tau in design.warm_names] * 2)
    belief = np.minimum(1.0, (USUAL_WARM_HOURS / tau) ** 2)
    return np.asarray(np.log(belief / belief.sum()))


def _joint(whole: FloatArray, part: FloatArray, n_load: int, n_warm: int) -> FloatArray:
    """Return the Gram of [load, warm of all, warm of the group, clocks of the group, y]."""
    a, o = n_load + n_warm, n_warm + N_CLOCKS
    joint = np.empty((len(whole), a + o + 1, a + o + 1))
    joint[:, :a, :a] = whole[:, :a, :a]
    joint[:, :a, -1], joint[:, -1, :a], joint[:, -1, -1] = (
        whole[:, :a, -1],
        whole[:, -1, :a],
        whole[:, -1, -1],
    )
    own = slice(n_load, n_load + o)
    joint[:, :a, a:-1], joint[:, -1, a:-1] = part[:, :a, own], part[:, -1, own]
    joint[:, a:-1, :a], joint[:, a:-1, -1] = np.swapaxes(part[:, :a, own], 1, 2), part[:, -1, own]
    joint[:, a:-1, a:-1] = part[:, own, own]
    return joint


def _rich_noise(gram: FloatArray) -> FloatArray:
    """Return the residual sum of squares f64[T] of y on all columns (lightly ridged)."""
    p = gram.shape[1] - 1
    scale = np.einsum("tii->ti", gram)[:, :p]
    inner = gram[:, :p, :p] + np.einsum("ti,ij->tij", 1e-6 * scale + 1e-9, np.eye(p))
    b = gram[:, :p, -1:]
    residual = gram[:, -1, -1] - (b * np.linalg.solve(inner, b)).sum(axis=(1, 2))
    return np.asarray(np.maximum(residual, 1e-9 * gram[:, -1, -1] + 1e-12))


def _thin(reduced: _Reduced) -> tuple[FloatArray, int]:
    """Keep every second of the pooled warm-up columns: beside a leak they are only a nuisance. (Gram, columns kept)."""
    kept = reduced.n_warm // 4
    keep = [*list(range(0, reduced.n_warm // 2, 2))[:kept], *range(reduced.n_warm, reduced.gram.shape[1])]
    return reduced.gram[np.ix_(range(len(reduced.gram)), keep, keep)], kept


@dataclass(frozen=True)
class _Leak:
    """Log evidences of leak models f64[T, S, C, 1 + W] (alone, or beside a warm-up), slopes and variances alike."""

    log: FloatArray
    slope: FloatArray
    variance: FloatArray

    def best(self) -> tuple[int, float, float, FloatArray]:
        """Return the best clock, its slope and error averaged over its models, and the weight of each time f64[T]."""
        clock = int(np.argmax(logsumexp(self.log, axis=(0, 1, 3))))
        log, slopes = self.log[:, :, clock, :], self.slope[:, :, clock, :]
        top = float(log.max())
        if not np.isfinite(top):
            # No clock ran at all (one block's worth of time): nothing can be said of a slope.
            times = len(self.log)
            return 0, 0.0, 0.0, np.full(times, 1.0 / times)
        weight = np.exp(log - top)
        weight /= weight.sum()
        slope = float((weight * slopes).sum())
        spread = self.variance[:, :, clock, :] + (slopes - slope) ** 2
        return clock, slope, float(np.sqrt((weight * spread).sum())), weight.sum(axis=(1, 2))


def _leak_evidence(reduced: _Reduced, clocks_prior: FloatArray, config: DetectorConfig) -> _Leak:
    """Weigh every model of load, one leak clock at one prior scale, and at most one warm-up column."""
    rest, n_warm = _thin(reduced)
    clocks = slice(n_warm, n_warm + N_CLOCKS)
    diag = np.maximum(np.einsum("tii->ti", rest), 0.0)
    lam = (reduced.noise[:, None] / np.asarray(config.growth_scales) ** 2)[:, :, None, None]
    warm_lam = (reduced.noise / config.warm_scale**2)[:, None, None, None]
    b, bw = rest[:, None, clocks, -1:], rest[:, None, None, :n_warm, -1]
    gw, gx = diag[:, None, None, :n_warm] + warm_lam, rest[:, None, clocks, :n_warm]
    a = diag[:, None, clocks, None] + lam
    det = np.maximum(a * gw - gx**2, 1e-9 * a * gw)
    slope, amplitude = (gw * b - gx * bw) / det, (a * bw - gx * b) / det
    y = rest[:, -1, -1][:, None, None, None]
    alone = y - b**2 / a
    residual = np.concatenate([alone, y - slope * b - amplitude * bw], axis=3)
    sigma2 = np.maximum(residual, reduced.floor[:, None, None, None]) / reduced.freedom
    slopes = np.concatenate([b / a, slope], axis=3)
    variance = np.concatenate([np.broadcast_to(1 / a, alone.shape), gw / det], axis=3) * sigma2
    log = reduced.common[:, None, None, None] + reduced.evidence(residual)
    log = log + log_ndtr(slopes / np.sqrt(variance)) + LOG2
    log[..., :1] += -0.5 * np.log(a / lam)
    warm_sd = np.sqrt(a / det * sigma2[..., 1:])
    log[..., 1:] += -0.5 * (np.log(det) - np.log(lam * warm_lam)) + log_ndtr(amplitude / warm_sd) + LOG2
    return _Leak(log + _leak_prior(diag[:, clocks], clocks_prior, n_warm, lam.shape[1]), slopes, variance)


def _leak_prior(diag: FloatArray, clocks_prior: FloatArray, n_warm: int, n_scales: int) -> FloatArray:
    """Return the log prior of leak models f64[1, 1, C, 1 + W]; clocks that did not run get none."""
    usable = diag.max(axis=0) > 1e-9
    belief = clocks_prior * usable
    with np.errstate(divide="ignore"):
        clock = np.log(belief / max(float(belief.sum()), 1e-300))
    shape = np.full(1 + n_warm, np.log((1 - ALONE_PRIOR) / max(n_warm, 1)))
    shape[0] = np.log(ALONE_PRIOR)
    return np.asarray(clock[None, None, :, None] + shape - np.log(n_scales))
