"""Which memory a limit is about: a control group's own limit counts the group's usage, any other the process's RSS."""

from __future__ import annotations

import numpy as np

from profiler_server.core.leak import InstanceSeries
from profiler_server.core.profile import FloatArray

SAME_LIMIT = 0.01
"""Two limits that differ by less than this share are one."""


def limited_memory(series: InstanceSeries, limit_bytes: float) -> FloatArray:
    """Return the measured values (f64[n], bytes, without gaps) of the memory that `limit_bytes` bounds."""
    limits = _known(series, "cgroup_limit_bytes")
    is_the_groups = len(limits) > 0 and abs(float(limits[-1]) - limit_bytes) <= SAME_LIMIT * limit_bytes
    usage = _known(series, "cgroup_current_bytes") if is_the_groups else np.empty(0)
    return usage if len(usage) else _known(series, "rss_bytes")


def _known(series: InstanceSeries, name: str) -> FloatArray:
    values = series.columns.get(name)
    return np.empty(0) if values is None else values[np.isfinite(values)]
