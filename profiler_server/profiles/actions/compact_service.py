"""Compact windows of one service, oldest first, then the hours that they complete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from profiler_server.profiles.actions.compact_window import Outcome, compact_hour, compact_window
from profiler_server.profiles.due import due_hours, stale_windows
from profiler_server.profiles.keys import ServiceKey


def compact_service(service: ServiceKey, windows: Sequence[datetime], *, now: datetime) -> int:
    """Return how many windows and hours were written; stops where another worker has the service.

    Each window is a transaction of its own, so that what is done stays done.
    """
    done = 0
    for window_at in sorted(windows):
        outcome = compact_window(service, window_at)
        if outcome is Outcome.BUSY:
            return done
        done += outcome is Outcome.DONE
    for window_at in stale_windows(service):  # each of them may make the next one stale
        done += compact_window(service, window_at) is Outcome.DONE
    for due in due_hours(now):
        if due.service == service:
            done += compact_hour(service, due.at) is Outcome.DONE
    return done
