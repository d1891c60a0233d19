"""Gathers the columns of one point, each group of counters within its budget of time."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Callable, Optional

from plimsoll_agent.allocators import BLOCKS_COLUMN, Allocators, LiveEstimate
from plimsoll_agent.cgroup import Cgroup, find_cgroup
from plimsoll_agent.collector import CollectorWatch
from plimsoll_agent.proc import ProcessFiles, count_fds, smaps_rollup

COST_SHARE = 0.0005
MAX_PAUSE_SECONDS = 0.05
ROLLUP_REST_SECONDS = 60.0
_CHEAP, _BUDGETED = 0.0, COST_SHARE


class Budget:
    """Lets a counter run only so often that its cost stays under a share of the wall clock."""

    __slots__ = ("_allowed_at", "_share")

    def __init__(self, share: float) -> None:
        self._share = share
        self._allowed_at = 0.0

    def run(self, now: float, read: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Run ``read`` if it may at ``now`` (seconds, monotonic); its cost decides when it may again.

        A reading that took longer than MAX_PAUSE_SECONDS is a hazard to the host and rests ten times
        as long.
        """
        if now < self._allowed_at:
            return {}
        began = perf_counter()
        columns = read()
        if self._share > 0.0:
            cost = perf_counter() - began
            rest = cost / self._share
            self._allowed_at = now + (rest * 10.0 if cost > MAX_PAUSE_SECONDS else rest)
        return columns


class Waterfall:
    """All counters of this process; ``read`` gives the columns of one point."""

    def __init__(self) -> None:
        self.files = ProcessFiles()
        self.cgroup: Optional[Cgroup] = find_cgroup()
        self.collector = CollectorWatch()
        self.allocators = Allocators()
        self._live = LiveEstimate()
        self._rollup_allowed_at = 0.0
        self._groups: list[tuple[Budget, Callable[[], dict[str, float]]]] = [
            (Budget(_CHEAP), self.files.memory),
            (Budget(_CHEAP), self.collector.take),
            (Budget(_BUDGETED), self._read_cgroup),
            (Budget(_BUDGETED), self._read_fds),
            (Budget(_BUDGETED), self._read_allocators),
            (Budget(_BUDGETED), _read_blocks),
        ]

    def start(self) -> None:
        """Begin to watch what must be watched continuously."""
        self.collector.start()

    def stop(self) -> None:
        """Leave the process as it was found."""
        self.collector.stop()
        self.files.close()

    def read(self, now: float) -> dict[str, float]:
        """Columns of one point; ``now`` is monotonic seconds."""
        columns: dict[str, float] = {}
        for budget, group in self._groups:
            columns.update(budget.run(now, group))
        live = self._live.of(columns)
        if live is not None:
            columns["heap_live_bytes"] = live
        return columns

    def read_rollup(self, now: float) -> dict[str, float]:
        """smaps_rollup's columns, on demand and at most once a minute."""
        if now < self._rollup_allowed_at:
            return {}
        self._rollup_allowed_at = now + ROLLUP_REST_SECONDS
        return smaps_rollup()

    def _read_cgroup(self) -> dict[str, float]:
        return self.cgroup.read() if self.cgroup is not None else {}

    def _read_fds(self) -> dict[str, float]:
        count = count_fds()
        return {} if count is None else {"fds": float(count)}

    def _read_allocators(self) -> dict[str, float]:
        columns = self.allocators.pymalloc()
        columns.update(self.allocators.malloc())
        return columns


def _read_blocks() -> dict[str, float]:
    if not hasattr(sys, "getallocatedblocks"):
        return {}
    return {BLOCKS_COLUMN: float(sys.getallocatedblocks())}
