"""Who sends: the identity that an agent states with every request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class InstanceIdentity:
    """One process life as its agent names it; `labels` are sorted pairs so that equal identities are equal."""

    service: str
    key: str
    started_at: datetime
    release: str = ""
    language: str = ""
    labels: tuple[tuple[str, str], ...] = field(default=())
    memory_limit_bytes: int | None = None
    agent: str = ""


@dataclass(frozen=True, slots=True)
class ReportedMarker:
    """An event that an agent or a person reports; `kind` is one of `MarkerKind`."""

    at: datetime
    kind: str
    version: str = ""
    text: str = ""
