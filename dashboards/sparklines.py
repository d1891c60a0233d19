"""Sparklines of memory over load, as SVG paths: small enough for a fleet of a thousand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dashboards.service_series import ServiceSeries, read_service_series
from profiler_server.catalog.models import Service
from profiler_server.core import units
from profiler_server.core.profile import FloatArray

WIDTH, HEIGHT, DASH = 200.0, 36.0, 4.0
BINS = 100
SECONDS = 86400.0
MAX_SERVICES = 60
NAMES = ("rss_bytes", "heap_live_bytes", "requests", "cgroup_limit_bytes")


def sparklines(project_id: int, service_ids: Sequence[int], now: float) -> dict[str, dict[str, str]]:
    """Return path data by service id (as text): area, memory, load, limit, and the same in `words`."""
    found = Service.objects.filter(project_id=project_id, pk__in=list(service_ids)[:MAX_SERVICES])
    lines: dict[str, dict[str, str]] = {}
    for service in found:
        series = read_service_series(service, now - SECONDS, now, names=NAMES, bins=BINS)
        line = sparkline(series, service.name)
        if line is not None:
            lines[str(service.pk)] = line
    return lines


def sparkline(series: ServiceSeries, name: str) -> dict[str, str] | None:
    """Return one service's paths, or None when it has no memory measured in the range."""
    memory = series.over_instances("rss_bytes")
    if memory is None:
        memory = series.over_instances("heap_live_bytes")
    if memory is None or np.isnan(memory.high).all():
        return None
    known = np.flatnonzero(np.isfinite(memory.high))
    first, last = int(known[0]), int(known[-1])
    top = float(np.nanmax(memory.high)) * 1.1 or 1.0
    limit = series.limit_bytes
    if limit and limit < top * 3:
        top = max(top, limit * 1.05)
    span = slice(first, last + 1)
    line = path_of(memory.high[span] / top)
    shapes = {"memory": line, "area": _area_of(line)}
    load = series.load()
    if load is not None and np.nanmax(load, initial=0.0) > 0:
        shapes["load"] = path_of(load[span] / (float(np.nanmax(load)) * 1.1))
    if limit and limit <= top:
        y = _y(limit / top)
        shapes["limit"] = f"M0 {y}H{WIDTH:g}"
    low, high = float(memory.high[first]), float(memory.high[last])
    shown = units.format_duration((last - first + 1) * series.bin_seconds)
    words = (
        f"{name}: memory from {units.format_bytes(low)} to {units.format_bytes(high)} over the {shown} shown"
    )
    return shapes | {"words": words}


def path_of(shares: FloatArray) -> str:
    """Return the path of a line of heights 0–1, f64[n]; NaN breaks it, a moment on its own is a dash."""
    parts: list[str] = []
    pen = False
    step = WIDTH / max(len(shares) - 1, 1)
    for index, share in enumerate(shares):
        if not np.isfinite(share):
            pen = False
            continue
        parts.append(f"{'L' if pen else 'M'}{index * step:.1f} {_y(float(share))}")
        if not pen and (index + 1 == len(shares) or not np.isfinite(shares[index + 1])):
            parts.append(f"h{-DASH if index * step > WIDTH / 2 else DASH:g}")
        pen = True
    return "".join(parts)


def _area_of(line: str) -> str:
    """Return the area under the first unbroken part of a line's path."""
    areas = []
    for part in line.split("M")[1:]:
        points = part.split("L")
        if len(points) > 1:
            left, right = points[0].split(" ")[0], points[-1].split(" ")[0]
            areas.append(f"M{left} {HEIGHT:g}L{part}L{right} {HEIGHT:g}Z")
    return "".join(areas)


def _y(share: float) -> str:
    return f"{HEIGHT - 1 - share * (HEIGHT - 2):.1f}"
