"""Kills for lack of memory: counted by the kernel, or told by how a process ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from profiler_server.analysis.limited_memory import limited_memory
from profiler_server.analysis.window import Sight
from profiler_server.catalog.models import Instance
from profiler_server.core.leak import InstanceSeries, ServiceWindow
from profiler_server.core.units import format_share

KILLED_SHARE = 0.9
LAST_POINTS = 3
SILENT_INTERVALS = 3.0
RESTARTED_WITHIN_SECONDS = 600.0


@dataclass(frozen=True)
class Kill:
    """One kill: of which process life, when, and how it is known."""

    instance: Instance
    at: datetime
    text: str


def kills_of(sight: Sight) -> list[Kill]:
    """Return the kills among the points of a sight; seeing the same points again gives the same kills."""
    rows = {(life.key, life.started_at.timestamp()): life for life in sight.lives}
    found: list[Kill] = []
    for series in sight.window.instances:
        life = rows.get((series.instance, series.started_at))
        if life is not None and len(series.ts):
            found += _counted(life, series)
            found += _ended_at_limit(life, series, sight.window, sight.lives)
    return found


def _counted(life: Instance, series: InstanceSeries) -> list[Kill]:
    """Return a kill for each point at which the control group's counter rose."""
    counter = series.columns.get("cgroup_oom_kills")
    if counter is None:
        return []
    seen = np.flatnonzero(np.isfinite(counter))
    risen = seen[1:][np.diff(counter[seen]) > 0]
    return [
        Kill(life, _moment(series.ts[i]), "the kernel killed a process of the control group") for i in risen
    ]


def _ended_at_limit(
    life: Instance, series: InstanceSeries, window: ServiceWindow, lives: Sequence[Instance]
) -> list[Kill]:
    """Return the end of a life that fell silent near its limit and was followed by another of its release at once.

    One that another release follows has been replaced by a deploy.
    """
    limit, last = window.memory_limit_bytes, float(series.ts[-1])
    if not limit or window.now - last < SILENT_INTERVALS * window.interval_seconds:
        return []
    again = (other for other in lives if other.pk != life.pk and other.release == life.release)
    starts = (other.started_at.timestamp() for other in again)
    if not any(
        last - window.interval_seconds <= start <= last + RESTARTED_WITHIN_SECONDS for start in starts
    ):
        return []
    last_values = limited_memory(series, limit)[-LAST_POINTS:]
    share = float(last_values.max()) / limit if len(last_values) else 0.0
    if not share >= KILLED_SHARE:
        return []
    return [Kill(life, _moment(last), f"ended at {format_share(share)} of its limit and was started again")]


def _moment(ts: float) -> datetime:
    return datetime.fromtimestamp(float(ts), UTC)
