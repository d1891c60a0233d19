"""Column sets: which columns a row has, named once per service instead of in every row."""

from __future__ import annotations

from django.db import transaction

from profiler_server.core.errors import LimitExceeded
from profiler_server.series.statements import SQL
from profiler_server.storage.consistent import may_remember
from profiler_server.storage.locks import lock
from profiler_server.storage.services import ServiceKey

MAX_SETS_PER_SERVICE = 10_000


_known: dict[ServiceKey, dict[int, tuple[str, ...]]] = {}


def column_sets(service: ServiceKey) -> dict[int, tuple[str, ...]]:
    """Return the service's column sets by id, read afresh."""
    found = {set_id: tuple(names) for set_id, names in SQL.fetch("find_column_sets", service.parameters)}
    if may_remember():
        _known[service] = found
    return found


def intern_column_set(service: ServiceKey, names: tuple[str, ...]) -> int:
    """Return the id of a set of columns, made in a transaction of its own when it is new."""
    found = _find(_known.get(service, {}), names)
    if found is None:
        found = _find(column_sets(service), names)
    if found is not None:
        return found
    with transaction.atomic():
        lock("series.column_sets", service.project_id, service.service_id)
        known = column_sets(service)
        found = _find(known, names)
        if found is not None:
            return found
        if len(known) >= MAX_SETS_PER_SERVICE:
            raise LimitExceeded(
                f"This service has sent more than {MAX_SETS_PER_SERVICE:,} combinations of columns."
            )
        SQL.run("insert_column_set", service.parameters | {"set_id": len(known), "names": list(names)})
    return len(known)


def _find(known: dict[int, tuple[str, ...]], names: tuple[str, ...]) -> int | None:
    return next((set_id for set_id, columns in known.items() if columns == names), None)
