"""Write the sums of windows and hours anew from the chunks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from profiler_server.profiles.actions.compact_window import Outcome, compact_hour, compact_window
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.statements import SQL
from profiler_server.storage.times import hour_of


def rebuild_rollups(
    service: ServiceKey,
    start: datetime,
    end: datetime,
    *,
    on_busy: Callable[[datetime], None] = lambda _: None,
) -> int:
    """Rebuild the sums of the service's windows in [start, end) that have chunks; return how many windows.

    `on_busy` hears of windows that another worker was at; those are up to date by its work or stay due.
    """
    windows = [at for (at,) in SQL.fetch("fsck_chunk_windows", service.parameters) if start <= at < end]
    done = 0
    for window_at in windows:
        outcome = compact_window(service, window_at, rebuild=True)
        done += outcome is Outcome.DONE
        if outcome is Outcome.BUSY:
            on_busy(window_at)
    for hour_at in sorted({hour_of(window_at) for window_at in windows}):
        compact_hour(service, hour_at)
    return done
