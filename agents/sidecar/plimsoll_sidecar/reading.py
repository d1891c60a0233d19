"""Reads one target once: runtime counters, load, and what they say about its process."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Optional

from plimsoll_sidecar import prometheus
from plimsoll_sidecar.fetch import NoPage, fetch
from plimsoll_sidecar.memstats import MemStats, from_expvar, from_footer
from plimsoll_sidecar.prometheus import Sample, Selector
from plimsoll_sidecar.targets import Target

MAX_HEAD_BYTES = 8 << 20
_GOROUTINES = re.compile(rb"goroutine profile: total (\d+)")
_BUILD_LABELS = ("version", "revision")
_UNKNOWN_VERSIONS = frozenset({"", "unknown", "(devel)"})


@dataclass(frozen=True)
class Reading:
    """What the target's pages said at one moment; each part may be missing."""

    memstats: Optional[MemStats] = None
    samples: list[Sample] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    goroutines: Optional[float] = None

    @property
    def started_at(self) -> Optional[float]:
        """Unix time of the process's start, where its metrics tell it."""
        return prometheus.total(self.samples, Selector("process_start_time_seconds"))

    def release(self, target: Target) -> Optional[str]:
        """The release: as configured, from an expvar variable, or from a ``*_build_info`` metric."""
        if target.release:
            return target.release
        named = self.variables.get(target.release_var) if target.release_var else None
        if isinstance(named, str) and named:
            return named
        infos = [sample for sample in self.samples if sample.name.endswith("build_info")]
        own_first = sorted(infos, key=lambda sample: sample.name.startswith("go_"))
        for sample in own_first:
            for label in _BUILD_LABELS:
                if sample.labels.get(label, "") not in _UNKNOWN_VERSIONS:
                    return sample.labels[label]
        return None

    def columns(self, before: Optional[MemStats]) -> dict[str, float]:
        """Runtime columns of the moment, and of the interval since ``before``."""
        found: dict[str, float] = {}
        if self.memstats is not None:
            found.update(self.memstats.columns())
            found.update(self.memstats.since(before))
        if self.goroutines is not None:
            found["goroutines"] = self.goroutines
        resident = prometheus.total(self.samples, Selector("process_resident_memory_bytes"))
        if resident is not None:
            found["rss_bytes"] = resident
        fds = prometheus.total(self.samples, Selector("process_open_fds"))
        if fds is not None:
            found["fds"] = fds
        threads = prometheus.total(self.samples, Selector("go_threads"))
        if threads is not None:
            found["threads"] = threads
        return found


class Reader:
    """Fetches a target's pages; a page that was not there is asked for again only now and then."""

    ASK_AGAIN_AFTER = 30

    def __init__(self, target: Target) -> None:
        self._target = target
        self._absent: dict[str, int] = {}

    def read(self) -> Reading:
        """One reading; raise Unreachable if the target is down."""
        samples = self._metrics()
        memstats, variables = self._variables()
        if memstats is None:
            memstats = self._footer()
        goroutines = prometheus.total(samples, Selector("go_goroutines"))
        if goroutines is None:
            goroutines = self._count_goroutines()
        return Reading(memstats, samples, variables, goroutines)

    def profile(self) -> bytes:
        """The heap profile as the target sends it; raise Unreachable or NoPage."""
        return fetch(f"{self._target.url.rstrip('/')}/{self._target.profile_path}")

    def _metrics(self) -> list[Sample]:
        body = self._page(self._target.metrics_url or f"{self._target.base}/metrics")
        return [] if body is None else prometheus.parse(body.decode("utf-8", "replace"))

    def _variables(self) -> tuple[Optional[MemStats], dict[str, Any]]:
        body = self._page(self._target.vars_url or f"{self._target.base}/debug/vars")
        return (None, {}) if body is None else from_expvar(body)

    def _footer(self) -> Optional[MemStats]:
        body = self._page(f"{self._target.url.rstrip('/')}/heap?debug=1")
        return None if body is None else from_footer(body.decode("utf-8", "replace"))

    def _count_goroutines(self) -> Optional[float]:
        body = self._page(f"{self._target.url.rstrip('/')}/goroutine?debug=1")
        found = None if body is None else _GOROUTINES.match(body)
        return float(found[1]) if found else None

    def _page(self, url: str) -> Optional[bytes]:
        rest = self._absent.get(url, 0)
        if rest > 0:
            self._absent[url] = rest - 1
            return None
        try:
            return fetch(url)
        except NoPage:
            self._absent[url] = self.ASK_AGAIN_AFTER
            return None
