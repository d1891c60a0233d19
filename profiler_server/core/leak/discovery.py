"""How much evidence a finding needs among all the services that were looked at: e-BH over their e-values.

A service's e-value is a Bayes factor of "leak" against its innocent accounts: under those its mean is at most one,
whenever one looks (a stopped test martingale). Among K services e-BH (Wang & Ramdas 2022) makes discoveries of the k
with the greatest e-values where the least of them is K / (k · rate) or more; the share of false ones among all
discoveries is then at most `rate` on average, however the services hang together. Evidence that was stopped when a
finding was made goes on counting while it is open (stopped e-BH; Wang, Dandapanthula & Ramdas 2025).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from profiler_server.core.leak.channels import RESOURCE_CHANNELS
from profiler_server.core.leak.config import DetectorConfig
from profiler_server.core.leak.growth import LEAK_PRIOR
from profiler_server.core.leak.verdicts import ChannelVerdict

PRIMARY_SHARE, MEMORY_SHARE, RESOURCE_SHARE = 0.5, 0.08, 0.06
"""Shares of a service's evidence: the part of memory that is judged first, four lesser parts, three resources."""
PRIOR_LOG_ODDS = math.log(LEAK_PRIOR / (1.0 - LEAK_PRIOR))


def log_e_value(claims: Iterable[ChannelVerdict], primary: str, config: DetectorConfig) -> float | None:
    """Return the log e-value of a service from the channels that claim a leak, None where none does.

    `primary` is the channel that is judged first. The shares of groups of processes and of channels sum to one at most,
    so that the best of all e-values so weighted is an e-value. Call sites that confirm are one of all or nothing: were
    none to grow, Benjamini-Hochberg would accuse any with a probability of its rate at most.
    """
    found = [
        v.log_odds
        - PRIOR_LOG_ODDS
        + math.log(_share(v.channel, primary))
        - (math.log(config.site_false_discovery_rate) if v.confirmed else 0.0)
        for v in claims
    ]
    return max(found, default=None)


def _share(channel: str, primary: str) -> float:
    if channel == primary:
        return PRIMARY_SHARE
    return RESOURCE_SHARE if channel in RESOURCE_CHANNELS else MEMORY_SHARE


def wanted_log_e(others: Iterable[float], tested: int, rate: float) -> float:
    """Return what the log e-value of one more service must be to be a discovery among `tested` services of one run.

    `others` are the log e-values of the other services that claim a leak or have an open finding. By e-BH it is the
    least log(K / (k · rate)) that at least k − 1 of the others reach as well.
    """
    ordered = sorted(others, reverse=True)
    wanted = math.log(max(tested, 1) / rate)
    for k, other in enumerate(ordered, start=2):
        level = math.log(max(tested, k) / (k * rate))
        if other >= level:
            wanted = level
    return wanted
