"""What rows belong to, and what of it is due: the same in every room that stores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """The service that rows and dense ids belong to, with its project, which leads every key."""

    project_id: int
    service_id: int

    @property
    def parameters(self) -> dict[str, object]:
        """Return the parameters that every statement takes."""
        return {"project_id": self.project_id, "service_id": self.service_id}


@dataclass(frozen=True, slots=True)
class Due:
    """A span of a service (a window, an hour), by its start, that has to be compacted."""

    service: ServiceKey
    at: datetime


def dues(rows: Iterable[tuple[Any, ...]]) -> list[Due]:
    """Return rows of project, service and start as what is due."""
    return [Due(ServiceKey(project_id, service_id), at) for project_id, service_id, at in rows]
