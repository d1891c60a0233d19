"""A recording replayed as it would have happened: step by step, each evaluation sees what had arrived by then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from profiler_server.core.leak.config import DEFAULT_CONFIG, DetectorConfig
from profiler_server.core.leak.evaluate import evaluate
from profiler_server.core.leak.model import Evaluation, LeakState
from profiler_server.core.leak.window import FloatArray, InstanceSeries, Marker, ServiceWindow, SiteTable
from profiler_server.core.profile import Frame

MAX_SUSPECTS = 10
Stack = tuple[Frame, ...]


@dataclass(frozen=True)
class Snapshot:
    """In-use bytes by stack (leaf first) of one heap profile."""

    instance: str
    ts: float
    inuse_bytes: Mapping[Stack, float]
    sampling_interval_bytes: float


@dataclass(frozen=True)
class Recording:
    """A recorded service: what the database would hold after the last moment."""

    name: str
    language: str
    interval_seconds: float
    memory_limit_bytes: float | None
    markers: tuple[Marker, ...]
    lives: tuple[InstanceSeries, ...]
    snapshots: tuple[Snapshot, ...] = ()


@dataclass(frozen=True)
class Replayed:
    """What came of a replay. `first` is the evaluation that raised the first finding, `last_leak` the latest while one
    was open, `end` the last of all; `alerts` are the times at which findings were raised, `cured_by` the releases that
    ended them.
    """

    name: str
    first: Evaluation | None
    last_leak: Evaluation | None
    end: Evaluation | None
    alerts: tuple[float, ...]
    cured_by: tuple[str | None, ...]
    evaluations: int

    def line(self) -> dict[str, Any]:
        """Return the verdict as one line of a backtest."""
        shown = self.last_leak or self.end
        if shown is None:
            return {"trace": self.name, "verdict": "insufficient_data", "diagnosis": "none", "detected_at": None,
                    "growth_bytes_per_hour": None, "eta_ts": None, "version": None, "suspects": []}  # fmt: skip
        forecast = self.first.forecast if self.first else None
        return {
            "trace": self.name,
            "verdict": "leak" if self.first else shown.verdict,
            "diagnosis": shown.diagnosis,
            "detected_at": self.alerts[0] if self.alerts else None,
            "alerts": list(self.alerts),
            "growth_bytes_per_hour": shown.growth_bytes_per_hour,
            "eta_ts": list(forecast) if forecast else None,
            "eta_at": self.first.forecast_at if self.first else None,
            "version": shown.version,
            "cured_by_version": next((v for v in self.cured_by if v), None),
            "suspects": [
                {"function": s.function, "file": s.file, "line": s.line}
                for s in shown.suspects[:MAX_SUSPECTS]
            ],
            "sentence": shown.sentence,
        }


def replay(recording: Recording, config: DetectorConfig = DEFAULT_CONFIG) -> Replayed:
    """Evaluate a recording every interval, carrying the state as production does, and return what came of it."""
    state, alerts, cured = LeakState(), [], []
    first = last_leak = end = None
    count = 0
    sites = _Sites(recording)
    for window in _windows(recording):
        if state.wants_sites and (state.detected_at is None or sites.unused(window.now)):
            window = sites.added_to(window)  # noqa: PLW2901
        before, at = state.detected_at, state.evaluated_at
        end = evaluate(window, state, config)
        raised = end.state.detected_at is not None and before is None
        if recording.snapshots and raised and not end.suspects:
            end = evaluate(sites.added_to(window), end.state, config)
        state = end.state
        if state.evaluated_at != at:
            count += 1
            sites.use(window)
        if raised:
            alerts.append(window.now)
            first = first or end
        if end.verdict == "leak":
            named = last_leak.suspects if last_leak is not None and not raised else ()
            last_leak = end if end.suspects else replace(end, suspects=named)
        if end.resolved_at == window.now:
            cured.append(end.cured_by_version)
    if last_leak is not None and recording.snapshots and state.detected_at is not None:
        last_leak = _final(recording, state, config)
    return Replayed(recording.name, first, last_leak, end, tuple(alerts), tuple(cured), count)


def _final(recording: Recording, state: LeakState, config: DetectorConfig) -> Evaluation:
    """Evaluate once more at the end with every call site, as the finding's page would show it."""
    *_, window = _windows(recording)
    return evaluate(_Sites(recording).added_to(window), _forced(state), config)


def _forced(state: LeakState) -> LeakState:
    fresh = LeakState(**vars(state))
    fresh.last = None
    return fresh


def _windows(recording: Recording) -> Iterator[ServiceWindow]:
    """Yield one window per interval; series are cut at `now` by position, not copied."""
    step = recording.interval_seconds
    lives = [life for life in recording.lives if len(life.ts)]
    if not lives:
        return
    now = min(float(life.ts[0]) for life in lives)
    end = max(float(life.ts[-1]) for life in lives) + 2 * step
    while now < end:
        now += step
        seen = tuple(_until(life, now) for life in lives if life.ts[0] <= now)
        yield ServiceWindow(
            now=now,
            interval_seconds=step,
            memory_limit_bytes=recording.memory_limit_bytes,
            language=recording.language,
            markers=tuple(m for m in recording.markers if m.ts <= now),
            instances=seen,
        )


def _until(life: InstanceSeries, now: float) -> InstanceSeries:
    n = int(np.searchsorted(life.ts, now, side="right"))
    if n == len(life.ts):
        return life
    columns = {name: values[:n] for name, values in life.columns.items()}
    return InstanceSeries(life.instance, life.started_at, life.version, life.ts[:n], columns)


class _Sites:
    """The site tables that were there at a moment; made anew only when a snapshot has come."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._seen, self._used = -1, 0
        self._tables: tuple[SiteTable, ...] = ()

    def unused(self, now: float) -> bool:
        """Whether a snapshot has come since call sites were last looked at."""
        return sum(s.ts <= now for s in self._recording.snapshots) != self._used

    def use(self, window: ServiceWindow) -> None:
        """Take note of an evaluation that saw the window, and its call sites if it had any."""
        if window.sites:
            self._used = self._seen

    def added_to(self, window: ServiceWindow) -> ServiceWindow:
        """Return the window with a table per process life, from the snapshots taken by its `now`."""
        taken = [s for s in self._recording.snapshots if s.ts <= window.now]
        if len(taken) != self._seen:
            self._seen = len(taken)
            groups: dict[tuple[str, float], list[Snapshot]] = {}
            for snapshot in taken:
                starts = [life.started_at for life in window.instances if life.instance == snapshot.instance]
                begun = [start for start in starts if start <= snapshot.ts]
                if begun:
                    groups.setdefault((snapshot.instance, max(begun)), []).append(snapshot)
            self._tables = tuple(site_table(key[0], key[1], found) for key, found in groups.items())
        return replace(window, sites=self._tables)


def site_table(instance: str, started_at: float, snapshots: Sequence[Snapshot]) -> SiteTable:
    """Return the stacks of some snapshots of one process life as one table."""
    stacks: dict[Stack, int] = {}
    for snapshot in snapshots:
        for stack in snapshot.inuse_bytes:
            stacks.setdefault(stack, len(stacks))
    values: FloatArray = np.zeros((len(stacks), len(snapshots)))
    for column, snapshot in enumerate(snapshots):
        for stack, held in snapshot.inuse_bytes.items():
            values[stacks[stack], column] = held
    ts = np.array([snapshot.ts for snapshot in snapshots])
    grain = snapshots[0].sampling_interval_bytes
    return SiteTable(instance, started_at, ts, tuple(stacks), values, grain)
