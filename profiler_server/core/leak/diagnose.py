"""Putting a name to what is seen: which part of the memory grows, and what else would look like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler_server.core.leak.attribute import Attribution
from profiler_server.core.leak.channels import CHANNELS, RESOURCE_CHANNELS
from profiler_server.core.leak.history import LOW, MID, LifeHistory
from profiler_server.core.leak.model import Diagnosis
from profiler_server.core.leak.verdicts import ChannelVerdict
from profiler_server.core.leak.window import ServiceWindow

NATIVE_LANGUAGES = frozenset({"c", "cpp", "c++", "rust", "native", "zig"})


def diagnose_leak(
    chosen: ChannelVerdict, verdicts: Sequence[ChannelVerdict], window: ServiceWindow, found: Attribution
) -> Diagnosis:
    """Return the kind of leak of the channel that a finding rests on."""
    if chosen.channel in RESOURCE_CHANNELS:
        return "resource_leak"
    if chosen.channel == "heap":
        return "heap_leak"
    if chosen.channel in ("native", "outside", "unmapped"):
        return "native_leak"
    return "native_leak" if window.language.lower() in NATIVE_LANGUAGES else "heap_leak"


def _span(lives: Sequence[LifeHistory], channel: str) -> FloatArrayPair:
    at = MID + CHANNELS.index(channel)
    values = np.concatenate([life.blocks[:, at] for life in lives])
    return values, np.concatenate([life.blocks[:, LOW + CHANNELS.index(channel)] for life in lives])


FloatArrayPair = tuple[np.ndarray, np.ndarray]  # type: ignore[type-arg]


def diagnose_healthy(verdicts: Sequence[ChannelVerdict], lives: Sequence[LifeHistory]) -> Diagnosis:
    """Return what the movement of a healthy service's memory is, "none" if it hardly moves."""
    main = verdicts[0]
    values, _ = _span(lives, main.channel)
    values = values[~np.isnan(values)]
    swing = float(np.subtract(*np.percentile(values, [97, 3]))) / main.data.base
    if main.data.steps_up and swing > 0.1:
        return "step"
    if main.test.log_warm - main.test.log_none > 6 and main.test.warm_share > 0.05:
        return "warm_up"
    if swing > 0.12 and main.design.n_load:
        return "load_following"
    return "none"
