"""The head that all pages of a service share: its name, how it is, its pages, and whether it still reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from dashboards.links import service_url
from dashboards.period import SILENT_AFTER_SECONDS, Period
from profiler_server.analysis import queries as analysis
from profiler_server.analysis.models import Finding, ServiceWatch
from profiler_server.catalog import queries as catalog
from profiler_server.catalog.models import Service


@dataclass(frozen=True)
class Silence:
    """A service that has stopped reporting: since when (unix seconds), and whether the page shows any of its data."""

    since: float
    shown: bool
    last_data_url: str


@dataclass(frozen=True)
class ServiceHead:
    """What the head shows; `period_query` is what links to the other pages carry, `compare_query` that to Compare."""

    service: Service
    last_release: str
    findings: Sequence[Finding]
    state: str
    period_query: str
    compare_query: str
    silence: Silence | None

    def leading(
        self, *, instances: Iterable[int] = (), labels: Iterable[tuple[str, str]] = ()
    ) -> ServiceHead:
        """Return a head whose links carry these instances and labels, too; Compare has them on both sides."""
        chosen = [("instance", str(one)) for one in instances]
        chosen += [(f"label.{key}", value) for key, value in labels]
        both = [*chosen, *((f"base_{key}", value) for key, value in chosen)]
        joined = ["&".join(filter(None, (self.period_query, urlencode(part)))) for part in (chosen, both)]
        return replace(self, period_query=joined[0], compare_query=joined[1])


def service_head(
    service: Service, period: Period, *, data: tuple[float, float] | None, now: float, page: str = ""
) -> ServiceHead:
    """Return the head of a service's `page` over a range; `data` is (first, last) unix seconds of its points."""
    releases = catalog.releases(service.pk)
    heard = data is not None and now - data[1] < SILENT_AFTER_SECONDS
    return ServiceHead(
        service=service,
        last_release=releases[-1].version if releases else "",
        findings=analysis.open_findings(service.project_id, service_id=service.pk),
        state=_state(analysis.watch_of(service.project_id, service.pk)) if heard else "silent",
        period_query=period.query(),
        compare_query=period.query(),
        silence=_silence(service, period, data, now=now, page=page),
    )


def _silence(
    service: Service, period: Period, data: tuple[float, float] | None, *, now: float, page: str
) -> Silence | None:
    """Return what to say of a service whose data ended before the present, or before the range; None if it reports."""
    if data is None:
        return None
    shown = period.start < data[1] and period.end > data[0]
    if shown and now - data[1] < SILENT_AFTER_SECONDS:
        return None
    return Silence(data[1], shown, service_url(service.name, page))


def _state(watch: ServiceWatch | None) -> str:
    if watch is None or not watch.verdict or watch.verdict == "insufficient_data":
        return "learning"
    return "suspected" if watch.suspected_at is not None else watch.verdict
