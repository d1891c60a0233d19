"""Putting a name to what is seen: which part of the memory grows, and what else would look like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from profiler_server.core.leak.attribute import Attribution
from profiler_server.core.leak.channels import CHANNELS, RESOURCE_CHANNELS
from profiler_server.core.leak.history import LOAD, MID, REQUESTS, LifeHistory
from profiler_server.core.leak.medians import median, quantile
from profiler_server.core.leak.model import Diagnosis
from profiler_server.core.leak.verdicts import ChannelVerdict
from profiler_server.core.leak.window import FloatArray, ServiceWindow

HELD_SHARE = 0.3
"""Threads or goroutines that take this share of memory with them are a heap leak first."""
NATIVE_LANGUAGES = frozenset({"c", "cpp", "c++", "rust", "native", "zig"})
MANAGED_LANGUAGES = frozenset({"go", "java"})
RESIDENT_CLIMB = 0.06
RESIDENT_SWING = 0.15
LOAD_SWING = 0.1
STEP_SHARE = 0.08
WARM_SHARE = 0.06
WARM_LOG_ODDS = 6.0
SPIKE_HEIGHT = 0.2
ELSEWHERE_RATIO = 0.55
STICKS_RATIO = 0.35
SURE_LOAD = 0.9
SPIKE_SHARE = 0.35
LEFT_BY_SWING = 1.5
SEEN_RATIO = 0.75
LAZY_SHARE = 0.4
"""Released pages that are more of the resident memory than this are its story, whatever else moves."""


def diagnose_leak(
    chosen: ChannelVerdict, verdicts: Sequence[ChannelVerdict], window: ServiceWindow, found: Attribution
) -> Diagnosis:
    """Return the kind of leak of the channel that a finding rests on."""
    if chosen.channel in RESOURCE_CHANNELS:
        held = any(
            v.channel in ("heap", "native") and v.growth_share > HELD_SHARE and v.rate > 0 for v in verdicts
        )
        return "heap_leak" if held and found.suspects else "resource_leak"
    if chosen.channel == "heap":
        return "heap_leak"
    if chosen.channel in ("native", "outside", "unmapped"):
        return "native_leak"
    return "native_leak" if window.language.lower() in NATIVE_LANGUAGES else "heap_leak"


def diagnose_healthy(
    verdicts: Sequence[ChannelVerdict], lives: Sequence[LifeHistory], language: str
) -> Diagnosis:
    """Return what the movement of a healthy service's memory is, "none" if it hardly moves."""
    return explain_healthy(verdicts, lives, language)[0]


def explain_healthy(
    verdicts: Sequence[ChannelVerdict], lives: Sequence[LifeHistory], language: str
) -> tuple[Diagnosis, Mapping[str, float]]:
    """Return the diagnosis and the measures it rests on, as shares of the floor.

    The order matters: what the program holds is looked at first; only where that is flat do the allocator, the runtime
    and the kernel come into question.
    """
    main = verdicts[0]
    whole = _pooled(lives, main.channel)
    base = max(main.data.base, 1e-9)
    swing = (quantile(whole, 0.97) - quantile(whole, 0.03)) / base
    measures = {
        "swing": swing,
        "load": _load_correlation(lives, main.channel),
        "step": _step_share(main),
        "warm": main.test.warm_share if main.test.log_warm - main.test.log_none > WARM_LOG_ODDS else 0.0,
        "fill": _fill_after_start(lives, main.channel),
        "spike": _spike_share(_pooled(lives, main.channel)),
        "climb": _resident_climb(lives, main.channel),
        "free": _free_growth(lives),
        "lazy": _lazily_freed(lives) if language.lower() == "go" else 0.0,
        "resident_share": swing * base / max(_level(lives, "rss"), 1.0),
        "follows": _resident_swing(lives) / max(swing * base / max(_level(lives, "rss"), 1.0), 1e-9),
    }
    return _name(measures, language, known=main.channel in ("heap", "native")), measures


def _name(m: Mapping[str, float], language: str, *, known: bool) -> Diagnosis:
    sticks = m["load"] > SURE_LOAD and m["swing"] > LOAD_SWING and m["follows"] < STICKS_RATIO
    elsewhere = known and (m["climb"] > max(RESIDENT_CLIMB, ELSEWHERE_RATIO * m["resident_share"]) or sticks)
    # What resident memory does not see is garbage between two collections.
    bursts = 0.02 < m["spike"] < SPIKE_SHARE and m["follows"] > SEEN_RATIO
    rules: tuple[tuple[bool, Diagnosis], ...] = (
        (m["lazy"] > LAZY_SHARE, "runtime_retention"),
        (elsewhere, _held_elsewhere(m, language)),
        (m["step"] > max(STEP_SHARE, 0.4 * m["swing"]) and m["step"] > m["fill"] - 0.1, "step"),
        (m["swing"] > 2 * LOAD_SWING and m["load"] > SURE_LOAD, "load_following"),
        (m["fill"] > 2 * WARM_SHARE, "warm_up"),
        (bursts and m["load"] < 0.5 * SURE_LOAD + 0.05, "spikes"),
        (m["swing"] > 0.8 * LOAD_SWING and m["load"] > 0.6, "load_following"),
        (m["fill"] > WARM_SHARE, "warm_up"),
    )
    return next((name for true, name in rules if true), "none")


def _held_elsewhere(measures: Mapping[str, float], language: str) -> Diagnosis:
    """Name memory that stays resident although the program holds no more of it."""
    if measures["load"] > SURE_LOAD and measures["swing"] > 2 * LOAD_SWING and measures["free"] < HELD_SHARE:
        return "high_water"
    if language in MANAGED_LANGUAGES:
        return "runtime_retention"
    # Free memory that a swing of what is in use has left is a high-water mark; fragments come without one.
    in_fragments = measures["free"] > max(0.5 * measures["climb"], LEFT_BY_SWING * measures["resident_share"])
    return "fragmentation" if in_fragments else "high_water"


def _pooled(lives: Sequence[LifeHistory], channel: str) -> FloatArray:
    values = np.concatenate([life.blocks[:, MID + CHANNELS.index(channel)] for life in lives])
    return np.asarray(values[~np.isnan(values)])


def _level(lives: Sequence[LifeHistory], channel: str) -> float:
    values = _pooled(lives, channel)
    return median(values) if len(values) else 0.0


def _load_correlation(lives: Sequence[LifeHistory], channel: str) -> float:
    """Return the best correlation of the floor with load or one of its lagged averages, within lives."""
    at = MID + CHANNELS.index(channel)
    rows = []
    for life in lives:
        k = len(life.blocks) // 8
        block = life.blocks[k:, [at, *range(LOAD, REQUESTS)]]
        block = block[~np.isnan(block).any(axis=1)]
        if len(block) > 3:
            rows.append(block - block.mean(axis=0))
    if not rows:
        return 0.0
    stacked = np.concatenate(rows)
    spread = np.sqrt((stacked**2).sum(axis=0))
    if not (spread > 0).all():
        return 0.0
    return float(((stacked[:, :1] * stacked[:, 1:]).sum(axis=0) / (spread[0] * spread[1:])).max())


def _lazily_freed(lives: Sequence[LifeHistory]) -> float:
    """Return the share of resident memory that a Go runtime has released and the kernel still counts (MADV_FREE).

    Such pages are resident beyond all that the runtime has mapped, and idle by the runtime's own account.
    """
    at = [MID + CHANNELS.index(channel) for channel in ("rss", "outside", "free")]
    block = np.concatenate([life.blocks[:, at] for life in lives])
    block = block[~np.isnan(block).any(axis=1)]
    if not len(block):
        return 0.0
    return median(np.minimum(block[:, 1], block[:, 2]) / np.maximum(block[:, 0], 1.0))


def _step_share(main: ChannelVerdict) -> float:
    """Return the largest jump of the load-adjusted floor between neighbouring segments or lives, as a share."""
    order = sorted(range(len(main.hours)), key=lambda i: main.hours[i][0])
    largest = 0.0
    for i, j in pairwise(order):
        a, b = main.fit.steady[i], main.fit.steady[j]
        if main.hours[j][0] < main.hours[i][-1]:
            continue
        before, after = median(a[-len(a) // 2 :]), median(b[len(b) // 3 :])
        largest = max(largest, abs(after - before) / max(abs(before), abs(after), 0.05))
    return largest


def _fill_after_start(lives: Sequence[LifeHistory], channel: str) -> float:
    """Return by how much young lives begin below where they end (median over lives seen from their start)."""
    fills = []
    for life in lives:
        values = life.blocks[:, MID + CHANNELS.index(channel)]
        values = values[~np.isnan(values)]
        early = abs(life.first_ts - life.started_at) < life.block_seconds + 1800
        if early and len(values) >= 12:
            k = len(values) // 4
            settled = median(values[-2 * k :])
            fills.append(1.0 - float(values[1]) / settled if settled > 0 else 0.0)
    return median(np.array(fills)) if fills else 0.0


def _spike_share(values: FloatArray) -> float:
    """Return the share of time spent well above the floor; 0 if nothing stands out."""
    low = quantile(values, 0.25)
    above = values > (1 + SPIKE_HEIGHT) * low
    return float(above.mean()) if low > 0 else 0.0


def _resident_climb(lives: Sequence[LifeHistory], channel: str) -> float:
    """Return how much more resident memory grew within a life than what the program held, as a share of it."""
    rss, at = MID + CHANNELS.index("rss"), MID + CHANNELS.index(channel)
    largest = 0.0
    for life in lives:
        block = life.blocks[:, [rss, at]]
        block = block[~np.isnan(block).any(axis=1)]
        if len(block) < 12:
            continue
        k = len(block) // 6
        outside = block[:, 0] - block[:, 1]
        begin, top = median(outside[1 : 1 + k]), median(outside[-2 * k :])
        largest = max(largest, (top - begin) / max(median(block[:, 0]), 1.0))
    return largest


def _resident_swing(lives: Sequence[LifeHistory]) -> float:
    rss = _pooled(lives, "rss")
    return (quantile(rss, 0.95) - quantile(rss, 0.05)) / max(median(rss), 1.0) if len(rss) else 0.0


def _free_growth(lives: Sequence[LifeHistory]) -> float:
    """Return how much the allocator's or runtime's free memory grew within a life, as a share of resident memory."""
    rss, free = MID + CHANNELS.index("rss"), MID + CHANNELS.index("free")
    largest = 0.0
    for life in lives:
        block = life.blocks[:, [rss, free]]
        block = block[~np.isnan(block).any(axis=1)]
        if len(block) >= 12:
            k = len(block) // 6
            grown = median(block[-k:, 1]) - median(block[1 : 1 + k, 1])
            largest = max(largest, grown / max(median(block[:, 0]), 1.0))
    return largest
