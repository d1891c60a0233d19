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
    sees only what had been measured by then. Call sites are read, once, when there is a suspicion.
    """
    for now in _moments(sight.window, state, step_seconds):
        window = _until(sight.window, now)
        is_last = now >= sight.window.now
        said = evaluate(window, state)
        sites: Sequence[SiteTable] = ()
        if _wants_sites(said, state, now, is_last=is_last):
            sites = tuple(table for one in sight.sites if (table := _site_until(one, now)) is not None)
            said = evaluate(replace(window, sites=tuple(sites)), state)
        if _began(said, state) and not _is_discovery(said, sight):
            among = replace(window, sites=tuple(sites), log_e_wanted=sight.log_e_wanted)
            said = evaluate(among, state)
        began = _began(said, state)
        is_fresh = said.state.evaluated_at == now
        ended = is_fresh and said.resolved_at is not None and state.detected_at is not None
        tells = began or ended or is_last
        yield Look(datetime.fromtimestamp(now, UTC), said, sites, tells, is_fresh)
        state = said.state


def _began(said: Evaluation, before: LeakState) -> bool:
    return said.state.detected_at is not None and before.detected_at is None


def _is_discovery(said: Evaluation, sight: Sight) -> bool:
    """Whether a finding's evidence suffices among all services of the project, not only by itself."""
    return said.state.log_e is not None and said.state.log_e >= sight.log_e_wanted


def _wants_sites(said: Evaluation, before: LeakState, now: float, *, is_last: bool) -> bool:
    """Return whether to ask once more with call sites.

    They help to decide while there is a suspicion, and they name the guilty when a leak is first seen and at the end.
    """
    if (
        said.verdict == "leak"
        and not said.suspects
        and (said.evidence is None or said.evidence.sites is None)
    ):
        return is_last or before.detected_at is None
    if said.state.evaluated_at != now or not said.state.wants_sites:
        return False
    return is_last or before.detected_at is None


def _site_until(table: SiteTable, now: float) -> SiteTable | None:
    """Return the part of a table that had been measured by `now`, None when that is less than two snapshots."""
    if len(table.ts) < 2:
        return None
    half = float(np.median(np.diff(table.ts))) / 2  # a column's time is the middle of what it averages
    n = (
        int(np.searchsorted(table.ts + half, now, side="right"))
        if now < table.ts[-1] + half
        else len(table.ts)
    )
    return replace(table, ts=table.ts[:n], inuse_bytes=table.inuse_bytes[:, :n]) if n >= 2 else None


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
