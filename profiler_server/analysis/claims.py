"""Which services of a project claim a leak, so that false findings among all that were looked at stay few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from profiler_server.analysis.models import ServiceWatch
from profiler_server.core.leak.config import DEFAULT_CONFIG
from profiler_server.core.leak.discovery import wanted_log_e


@dataclass(frozen=True)
class RunClaims:
    """The log e-values of the services that claim a leak or have one, by service, and how many were judged at all."""

    log_e: Mapping[int, float]
    judged: int

    def wanted_by(self, service_id: int) -> float:
        """Return what the log e-value of a service must be to be a finding among them."""
        others = [value for pk, value in self.log_e.items() if pk != service_id]
        judged = max(self.judged, len(others) + 1)
        return wanted_log_e(others, judged, DEFAULT_CONFIG.service_false_discovery_rate)


def claims_of_run(project_id: int) -> RunClaims:
    """Return the claims that stand, each as of its service's last evaluation.

    Batches run side by side, so a run has no single moment; e-values need none: each is one whenever it is stopped.
    What is read here was committed with its evaluation or not at all: a crashed or doubled batch changes nothing.
    """
    watches = ServiceWatch.objects.filter(project_id=project_id)
    rows = watches.exclude(log_e=None).values_list("service_id", "log_e")
    claims = {pk: log_e for pk, log_e in rows if log_e is not None}
    return RunClaims(claims, watches.filter(verdict__in=("leak", "healthy")).count())
