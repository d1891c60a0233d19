"""Asking the detector, in the order in which the data came: late data are judged as they would have been live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from profiler_server.analysis.window import Sight
from profiler_server.core.leak import Evaluation, InstanceSeries, LeakState, ServiceWindow, SiteTable
from profiler_server.core.leak.evaluate import evaluate

MAX_LOOKS = 150


@dataclass(frozen=True)
class Look:
    """What the detector said at one moment of the data.

    `tells` whether it is to be written down: something began or ended, or nothing newer follows. `is_fresh` is False
    when the last verdict was only repeated. `sites` are the call sites, where they were read.
    """

    at: datetime
    said: Evaluation
    sites: Sequence[SiteTable]
    tells: bool
    is_fresh: bool


def looks(sight: Sight, state: LeakState, *, step_seconds: float) -> Iterator[Look]:
    """Yield the looks at the data of `sight` that `state` has not taken in, `step_seconds` apart, oldest first.

    Usually that is one. After an outage, or when a recording is pushed at once, there are up to `MAX_LOOKS`, and each
    sees only what had been measured by then. Call sites are read when a leak is first seen, and at the last look.
    """
    for now in _moments(sight.window, state, step_seconds):
        window = _until(sight.window, now)
        is_last = now >= sight.window.now
        said = evaluate(window, state)
        began = said.state.detected_at is not None and state.detected_at is None
        is_fresh = said.state.evaluated_at == now
        sites: Sequence[SiteTable] = ()
        if began or (is_last and said.verdict == "leak" and (is_fresh or _is_unnamed(said))):
            sites = sight.sites_until(now)
            said = evaluate(replace(window, sites=tuple(sites)), state)
        is_fresh = said.state.evaluated_at == now
        ended = is_fresh and said.resolved_at is not None and state.detected_at is not None
        tells = began or ended or is_last
        yield Look(datetime.fromtimestamp(now, UTC), said, sites, tells, is_fresh)
        state = said.state


def _is_unnamed(said: Evaluation) -> bool:
    """Return whether call sites have not been looked at yet."""
    return not said.suspects and (said.evidence is None or said.evidence.sites is None)


def _moments(window: ServiceWindow, state: LeakState, step_seconds: float) -> list[float]:
    """Return the times of the looks, the last of them `window.now`."""
    oldest = min((float(one.ts[0]) for one in window.instances if len(one.ts)), default=window.now)
    begin = oldest if state.evaluated_at is None else max(oldest, state.evaluated_at)
    span = max(0.0, window.now - begin)
    count = int(np.clip(span // max(step_seconds, window.interval_seconds), 1, MAX_LOOKS))
    return [begin + span * (i + 1) / count for i in range(count - 1)] + [window.now]


def _until(window: ServiceWindow, now: float) -> ServiceWindow:
    if now >= window.now:
        return window
    cut = (_cut(series, now) for series in window.instances)
    return replace(
        window,
        now=now,
        instances=tuple(series for series in cut if len(series.ts)),
        markers=tuple(marker for marker in window.markers if marker.ts <= now),
    )


def _cut(series: InstanceSeries, now: float) -> InstanceSeries:
    n = int(np.searchsorted(series.ts, now, side="right"))
    columns = {name: values[:n] for name, values in series.columns.items()}
    return replace(series, ts=series.ts[:n], columns=columns)
