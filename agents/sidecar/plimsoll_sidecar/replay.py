"""Pushes a recorded trace through the HTTP door as if it were live, with a clock of its own."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Iterator, Optional, Sequence

from plimsoll_agent.door import Answer, Door, DoorShut, Request, json_request
from plimsoll_agent.identity import Identity
from plimsoll_agent.messenger import profile_path
from plimsoll_agent.points import MAX_ROWS, POINTS_PATH, columnar

from plimsoll_sidecar.progress import Progress
from plimsoll_sidecar.trace import Row, Trace
from plimsoll_sidecar.version import AGENT_NAME

MAX_ATTEMPTS = 8
FIRST_REST_SECONDS = 0.5
MAX_REST_SECONDS = 30.0
LIVE_BATCH_SECONDS = 1.0
DEADLINE_SECONDS = 60.0
_BUSY = frozenset({408, 429, 500, 502, 503, 504})


class ReplayFailed(RuntimeError):
    """The server refused a part of the trace, or stayed away."""


@dataclass(frozen=True)
class Plan:
    """How the recorded clock becomes the server's: ``shift`` is added; ``speed`` 0 means at once."""

    shift: float
    speed: float
    service: str


@dataclass(frozen=True)
class Event:
    """Something of the trace that is due at ``ts`` (recorded clock)."""

    ts: float
    row: Optional[Row] = None
    marker: Optional[dict[str, Any]] = None
    profile: Optional[tuple[str, bytes]] = None


def plan(trace: Trace, now: float, *, speed: float, clock: str, service: str) -> Plan:
    """Choose the shift for ``clock``.

    ``ends-now``: the last row falls on the moment at which the replay ends, so that no time stamp is ahead of
    the server's clock (for a speed of 1 or more); ``starts-now``: the first row falls on ``now``;
    ``recorded``: no shift.
    """
    span = trace.last_ts - trace.first_ts
    shifts = {
        "ends-now": now + (span / speed if speed else 0.0) - trace.last_ts,
        "starts-now": now - trace.first_ts,
        "recorded": 0.0,
    }
    return Plan(shift=round(shifts[clock]), speed=speed, service=service or trace.service)


class Replay:
    """One run through a trace."""

    def __init__(self, trace: Trace, chosen: Plan, door: Door, progress: Progress) -> None:
        self._trace = trace
        self._plan = chosen
        self._door = door
        self._progress = progress
        self._identities: dict[str, Identity] = {}
        self._done = 0
        self.sent_points = 0
        self.sent_profiles = 0

    def run(self) -> None:
        """Send everything, oldest first; raise ReplayFailed."""
        began = time.monotonic()
        for batch in self._batches():
            if self._plan.speed:
                due = began + (batch[-1].ts - self._trace.first_ts) / self._plan.speed
                time.sleep(max(0.0, due - time.monotonic()))
            self._send_points(batch)
            for event in batch:
                if event.profile is not None:
                    self._send_profile(event)
            self._done += len(batch)
            self._progress.show(self._done, f"{self.sent_points:,} points, {self.sent_profiles:,} profiles")
        self._progress.end()

    def _events(self) -> list[Event]:
        events = [Event(row.ts, row=row) for row in self._trace.rows]
        events += [Event(marker["ts"], marker=marker) for marker in self._trace.markers]
        events += [Event(ts, profile=(name, path.read_bytes())) for ts, name, path in self._trace.profiles]
        return sorted(events, key=lambda event: event.ts)

    def _batches(self) -> Iterator[list[Event]]:
        """Events in order, in pieces that one request per instance can hold, or that are due together."""
        span = LIVE_BATCH_SECONDS * self._plan.speed if self._plan.speed else float("inf")
        batch: list[Event] = []
        for event in self._events():
            if batch and (len(batch) >= MAX_ROWS or event.ts - batch[0].ts > span):
                yield batch
                batch = []
            batch.append(event)
        if batch:
            yield batch

    def _send_points(self, batch: Sequence[Event]) -> None:
        """One message for each stretch of an instance under one release, and its markers with it."""
        rows: dict[tuple[str, Optional[str]], list[Row]] = {}
        for event in batch:
            if event.row is not None:
                rows.setdefault((event.row.instance, event.row.release), []).append(event.row)
        marks: dict[str, list[dict[str, Any]]] = {}
        for event in batch:
            if event.marker is not None:
                shifted = {**event.marker, "ts": event.ts + self._plan.shift}
                marks.setdefault(self._instance_at(event.ts), []).append(shifted)
        for (name, _), stretch in rows.items():
            self._remember(stretch[-1])
            self._send_instance(name, stretch, marks.pop(name, []))
        for name, alone in marks.items():
            self._send_instance(name, [], alone)

    def _send_instance(self, name: str, rows: Sequence[Row], markers: Sequence[dict[str, Any]]) -> None:
        points = [(row.ts + self._plan.shift, row.columns) for row in rows]
        message = {
            "instance": self._identities[name].as_json(),
            "points": columnar(points),
            "markers": markers,
        }
        self._send(json_request(POINTS_PATH, json.dumps(message, separators=(",", ":"), allow_nan=False)))
        self.sent_points += len(points)

    def _send_profile(self, event: Event) -> None:
        if event.profile is None:
            return
        name, body = event.profile
        if name not in self._identities:
            first = next((row for row in self._trace.rows if row.instance == name), None)
            if first is None:
                return
            self._remember(first)
        path = profile_path(self._identities[name], event.ts + self._plan.shift)
        self._send(Request(path, "application/octet-stream", body))
        self.sent_profiles += 1

    def _remember(self, row: Row) -> None:
        """Remember an instance at its first row; its key holds its shifted start, so that replays do not mix."""
        known = self._identities.get(row.instance)
        if known is not None and known.release == row.release:
            return
        started = row.started_at + self._plan.shift
        self._identities[row.instance] = Identity(
            service=self._plan.service,
            key=f"{row.instance}:{int(started)}",
            started_at=started,
            release=row.release,
            language=self._trace.language,
            labels={"trace": self._trace.name},
            memory_limit_bytes=self._trace.memory_limit_bytes,
            agent=AGENT_NAME,
        )

    def _instance_at(self, ts: float) -> str:
        """The instance that a marker of the service at ``ts`` is sent with: the last one begun by then."""
        begun = [row for row in self._trace.rows if row.started_at <= ts] or list(self._trace.rows[:1])
        chosen = max(begun, key=lambda row: row.started_at)
        if chosen.instance not in self._identities:
            self._remember(chosen)
        return chosen.instance

    def _send(self, request: Request) -> None:
        rest = FIRST_REST_SECONDS
        why = ""
        for _ in range(MAX_ATTEMPTS):
            try:
                answer = self._door.send(request, seconds=DEADLINE_SECONDS)
            except DoorShut as problem:
                why = str(problem)
            else:
                if 200 <= answer.status < 300:
                    return
                why = _why(answer)
                if answer.status not in _BUSY:
                    break
                rest = max(rest, answer.retry_after or 0.0)
            time.sleep(min(rest, MAX_REST_SECONDS))
            rest *= 2.0
        raise ReplayFailed(why)


def _why(answer: Answer) -> str:
    return f"the server answered {answer.status}: {answer.body.decode('utf-8', 'replace')[:400]}"
