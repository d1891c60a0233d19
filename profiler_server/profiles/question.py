"""A selection resolved against what the service has sent: what the reading code asks for."""

from __future__ import annotations

from dataclasses import dataclass

from profiler_server.core.errors import NotFound
from profiler_server.core.profile import SampleType
from profiler_server.profiles.aggregation import Aggregation, aggregation_of
from profiler_server.profiles.keys import ServiceKey
from profiler_server.profiles.model import ProfileSelection
from profiler_server.profiles.narrowing import Narrowed, narrow
from profiler_server.profiles.reading import Span
from profiler_server.profiles.rollups import Scope
from profiler_server.profiles.shapes import StoredShape, shapes_of


@dataclass(frozen=True, slots=True)
class Question:
    """The sample type, the shapes that have it, the instances and site labels left."""

    selection: ProfileSelection
    sample_type: SampleType
    type_id: int
    shapes: dict[int, StoredShape]
    narrowed: Narrowed

    @property
    def service(self) -> ServiceKey:
        """Return the service's key."""
        return self.selection.service

    @property
    def aggregation(self) -> Aggregation:
        """Return how the sample type adds up."""
        return aggregation_of(self.sample_type.name)

    @property
    def scope(self) -> Scope:
        """Return the widest sums that answer it."""
        if self.narrowed.release_id is not None:
            return Scope.RELEASE
        return Scope.SERVICE if self.narrowed.instance_ids is None else Scope.INSTANCE

    @property
    def scope_ids(self) -> list[int]:
        """Return which sums of the scope."""
        if self.narrowed.release_id is not None:
            return [self.narrowed.release_id]
        return [0] if self.narrowed.instance_ids is None else self.narrowed.instance_ids

    def span(self) -> Span:
        """Return what to read."""
        selection = self.selection
        return Span(self.service, selection.start, selection.end, self.shapes, self.narrowed.instance_ids)


def resolve(selection: ProfileSelection) -> Question:
    """Return the resolved selection. Raises `NotFound` when the service never sent the sample type."""
    shapes = shapes_of(selection.service)
    having = {
        shape_id: stored
        for shape_id, stored in shapes.items()
        if any(kind.name == selection.sample_type for kind in stored.shape.sample_types)
    }
    types = {
        type_id: kind
        for stored in having.values()
        for type_id, kind in zip(stored.type_ids, stored.shape.sample_types, strict=True)
        if kind.name == selection.sample_type
    }
    if not types:
        known = sorted({kind.name for stored in shapes.values() for kind in stored.shape.sample_types})
        have = f"it has {', '.join(known)}" if known else "it has sent no profile yet"
        raise NotFound(f"This service has no profiles of {selection.sample_type}; {have}.")
    type_id = min(types)
    of_type = {shape_id: stored for shape_id, stored in having.items() if type_id in stored.type_ids}
    return Question(selection, types[type_id], type_id, of_type, narrow(selection))
