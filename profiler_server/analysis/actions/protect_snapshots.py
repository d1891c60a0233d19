"""Keep the snapshots that tell a finding's story beyond the ordinary retention."""

from __future__ import annotations

from profiler_server.analysis.models import Finding
from profiler_server.analysis.window import Sight
from profiler_server.catalog.models import Service


def protect_snapshots(service: Service, found: Finding | None, sight: Sight) -> None:
    """Pin what lies around a finding's beginning and detection, and the last ones before a kill or restart."""
