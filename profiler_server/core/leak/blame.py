"""Which release brought the growth: the first that grows after one that surely did not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler_server.core.leak.cohort import release_order
from profiler_server.core.leak.config import DEFAULT_CONFIG, DetectorConfig
from profiler_server.core.leak.history import LifeHistory
from profiler_server.core.leak.recovery import SURE, slope_of
from profiler_server.core.leak.verdicts import ChannelVerdict

MIN_BLOCKS = 8


def guilty_release(
    chosen: ChannelVerdict, lives: Sequence[LifeHistory], config: DetectorConfig = DEFAULT_CONFIG
) -> str | None:
    """Return the first release that grows, None where no release without growth was seen before it.

    Where the growth was found since a release, that one is guilty. Otherwise the processes of every release are
    compared by their own slopes: guilty is the first that surely grows, if all before it surely grew by less than
    `config.calm_share` of what it does.
    """
    releases = [name for name, _ in release_order(lives)]
    if len(releases) < 2:
        return None
    if chosen.group.kind == "release":
        return chosen.group.name
    slopes = {name: _slope_of_release(name, chosen, lives) for name in releases}
    for at, name in enumerate(releases):
        slope, error = slopes[name]
        if slope - SURE * error <= 0 or slope < config.calm_share * chosen.rate:
            continue
        elders = [slopes[earlier] for earlier in releases[:at]]
        calm = all(s + SURE * e < config.calm_share * slope for s, e in elders)
        return name if elders and calm else None
    return None


def _slope_of_release(
    version: str, chosen: ChannelVerdict, lives: Sequence[LifeHistory]
) -> tuple[float, float]:
    """Return growth per hour of a release's processes, load taken out, with its error (infinite: not seen enough)."""
    weight = total = 0.0
    for i, segment in enumerate(chosen.data.segments):
        if lives[segment.life].version != version or len(chosen.hours[i]) < MIN_BLOCKS:
            continue
        slope, error = slope_of(chosen.hours[i], chosen.fit.steady[i] * chosen.data.base)
        precision = 1.0 / max(error, 1e-9 * chosen.data.base) ** 2
        weight, total = weight + precision, total + precision * slope
    return (total / weight, float(np.sqrt(1.0 / weight))) if weight else (0.0, float("inf"))
