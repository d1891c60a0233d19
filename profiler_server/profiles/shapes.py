"""Shapes: what profiles of one origin have in common, so that a stored profile repeats none of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from profiler_server.core.errors import LimitExceeded
from profiler_server.core.profile import SampleType
from profiler_server.profiles.go_counts import HEAP_TYPES
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.statements import SQL
from profiler_server.storage.consistent import may_remember
from profiler_server.storage.sql import Row

MAX_SHAPES_PER_SERVICE = 1_000
MAX_TYPES_PER_SERVICE = 1_000
NO_PERIOD = SampleType("", "")


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a profile and how it was sampled.

    `is_delta`: its counted types (allocations) are increases over the profile's duration, not running totals.
    """

    sample_types: tuple[SampleType, ...]
    period_type: SampleType = NO_PERIOD
    period: int = 0
    default_type: str = ""
    is_delta: bool = False

    @property
    def go_rate(self) -> int:
        """Return the mean bytes between samples when these are Go's heap values, else 0."""
        is_go = tuple((kind.name, kind.unit) for kind in self.sample_types) == HEAP_TYPES
        return self.period if is_go and self.period_type.unit == "bytes" and self.period > 1 else 0


@dataclass(frozen=True, slots=True)
class StoredShape:
    """A shape under its id, with the ids of its sample types."""

    shape_id: int
    shape: Shape
    type_ids: tuple[int, ...]


_known: dict[ServiceKey, dict[int, StoredShape]] = {}


def shapes_of(service: ServiceKey) -> dict[int, StoredShape]:
    """Return the service's shapes by id; those remembered when there are no more than that."""
    known = _known.get(service, {})
    if known and may_remember():
        counted = SQL.fetch("count_shapes", service.parameters)
        if counted == [(len(known),)]:
            return dict(known)
    return _read(service)


def shape_of(service: ServiceKey, shape_id: int) -> StoredShape:
    """Return one shape that a stored row names; shapes never change, so they are remembered."""
    found = _known.get(service, {}).get(shape_id)
    return found if found is not None else _read(service)[shape_id]


def intern_shape(service: ServiceKey, shape: Shape) -> StoredShape:
    """Return the shape's stored form, made in a transaction of its own when it is new."""
    found = _find(_known.get(service, {}), shape) or _find(_read(service), shape)
    return found if found is not None else _make(service, shape)


def _find(known: dict[int, StoredShape], shape: Shape) -> StoredShape | None:
    return next((stored for stored in known.values() if stored.shape == shape), None)


def _read(service: ServiceKey) -> dict[int, StoredShape]:
    found = {row[0]: _stored(row) for row in SQL.fetch("shapes", service.parameters)}
    transaction.on_commit(lambda: _known.__setitem__(service, found))
    return found


def _stored(row: Row) -> StoredShape:
    shape_id, period_name, period_unit, period, default_type, is_delta, type_ids, names, units = row
    shape = Shape(
        sample_types=tuple(SampleType(name, unit) for name, unit in zip(names, units, strict=True)),
        period_type=SampleType(period_name, period_unit),
        period=period,
        default_type=default_type,
        is_delta=is_delta,
    )
    return StoredShape(shape_id, shape, tuple(type_ids))


def _make(service: ServiceKey, shape: Shape) -> StoredShape:
    with transaction.atomic():
        SQL.run("make_dictionary", service.parameters)
        *_, next_type, next_shape = SQL.fetch("lock_dictionary", service.parameters)[0]
        found = _find(_read(service), shape)
        if found is not None:
            return found
        if (
            next_shape >= MAX_SHAPES_PER_SERVICE
            or next_type + len(shape.sample_types) > MAX_TYPES_PER_SERVICE
        ):
            raise LimitExceeded(
                f"This service has sent more than {MAX_SHAPES_PER_SERVICE} kinds of profiles."
            )
        type_ids, types_made = _type_ids(service, shape, next_type)
        SQL.run("insert_shape", service.parameters | {
            "shape_id": next_shape,
            "type_ids": type_ids,
            "period_name": shape.period_type.name,
            "period_unit": shape.period_type.unit,
            "period": shape.period,
            "default_type": shape.default_type,
            "is_delta": shape.is_delta,
        })  # fmt: skip
        made = {"sites": 0, "frames": 0, "label_sets": 0, "types": types_made, "shapes": 1}
        SQL.run("advance_dictionary", service.parameters | made)
    return StoredShape(next_shape, shape, tuple(type_ids))


def _type_ids(service: ServiceKey, shape: Shape, next_type: int) -> tuple[list[int], int]:
    known = {
        SampleType(name, unit): type_id for name, unit, type_id in SQL.fetch("types", service.parameters)
    }
    new = [kind for kind in dict.fromkeys(shape.sample_types) if kind not in known]
    known |= {kind: next_type + i for i, kind in enumerate(new)}
    if new:
        SQL.run("insert_types", service.parameters | {
            "type_ids": [known[kind] for kind in new],
            "names": [kind.name for kind in new],
            "units": [kind.unit for kind in new],
        })  # fmt: skip
    return [known[kind] for kind in shape.sample_types], len(new)


def forget_shapes() -> None:
    """Forget what this process remembers; it is read again."""
    _known.clear()
