"""Who sends: the identity that an agent states with every request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class InstanceIdentity:
    """One process life as its agent names it."""

    service: str
    key: str
    started_at: datetime
    release: str = ""
    language: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    memory_limit_bytes: int | None = None
    agent: str = ""
