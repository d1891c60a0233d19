"""The sums that answer a selection: one number per site, from the fewest blocks that give it exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from profiler_server.core.errors import NotFound
from profiler_server.core.profile import Int64Array, SampleType
from profiler_server.profiles.aggregation import Aggregation, aggregation_of
from profiler_server.profiles.dictionary import Dictionary, dictionary_of
from profiler_server.profiles.model import ProfileSelection
from profiler_server.profiles.narrowing import Narrowed, narrow, sites_with
from profiler_server.profiles.reading import Span, micros, read_rows, readings
from profiler_server.profiles.shapes import StoredShape, shapes_of
from profiler_server.profiles.sums import (
    MAX_BASE_GAP_US,
    Counting,
    Grid,
    Part,
    covered_seconds,
    parts,
    rounded_mean,
)
from profiler_server.storage.times import MICROSECOND, WINDOW_SECONDS


@dataclass(frozen=True, eq=False)
class SiteSums:
    """The answer: `values` int64[n_sites] of the dictionary's sites, of one sample type."""

    dictionary: Dictionary
    sample_type: SampleType
    values: Int64Array
    profiles: int


@dataclass(frozen=True, slots=True)
class Question:
    """A selection resolved: its sample type, the shapes that have it, the instances and site labels left."""

    selection: ProfileSelection
    sample_type: SampleType
    shapes: dict[int, StoredShape]
    narrowed: Narrowed

    @property
    def aggregation(self) -> Aggregation:
        """Return how the sample type adds up."""
        return aggregation_of(self.sample_type.name)

    def span(self) -> Span:
        """Return what to read, beginning early enough to know what increases are counted from."""
        start = self.selection.start
        if self.aggregation is Aggregation.INCREASE:
            start -= MAX_BASE_GAP_US * MICROSECOND
        selection = self.selection
        return Span(selection.service, start, selection.end, self.shapes, self.narrowed.instance_ids)


def resolve(selection: ProfileSelection) -> Question:
    """Return the resolved selection. Raises `NotFound` when the service never sent the sample type."""
    shapes = shapes_of(selection.service)
    having = {
        shape_id: stored
        for shape_id, stored in shapes.items()
        if any(kind.name == selection.sample_type for kind in stored.shape.sample_types)
    }
    kinds = [
        k for stored in having.values() for k in stored.shape.sample_types if k.name == selection.sample_type
    ]
    if not kinds:
        known = sorted({kind.name for stored in shapes.values() for kind in stored.shape.sample_types})
        have = f"it has {', '.join(known)}" if known else "it has sent no profile yet"
        raise NotFound(f"This service has no profiles of {selection.sample_type}; {have}.")
    return Question(selection, kinds[0], having, narrow(selection))


def site_sums(question: Question) -> SiteSums:
    """Return the selection's values per site: mean over time and sum over instances, or sum of increases."""
    dictionary, found = raw_parts(question, WINDOW_SECONDS)
    return fold(question, dictionary, found)


def raw_parts(question: Question, step: int, origin: int = 0) -> tuple[Dictionary, list[Part]]:
    """Return the parts of all profiles of the selection on a grid of `step` seconds."""
    selection, span = question.selection, question.span()
    rows = read_rows(span)
    dictionary = dictionary_of(selection.service)
    grid = Grid(origin, step, micros(selection.start), micros(selection.end))
    deltas = frozenset(i for i, stored in question.shapes.items() if stored.shape.is_delta)
    counting = Counting(question.aggregation, len(dictionary), deltas)
    return dictionary, list(
        parts(readings(span, rows, dictionary, question.sample_type.name), grid, counting)
    )


def fold(question: Question, dictionary: Dictionary, found: list[Part]) -> SiteSums:
    """Add parts up."""
    total = np.zeros(len(dictionary), np.int64)
    for part in found:
        total += part.sums
    if question.aggregation is Aggregation.MEAN:
        total = rounded_mean(total, covered_seconds((part.window, part.low, part.high) for part in found))
    masked = mask_sites(question, SiteSums(dictionary, question.sample_type, total, 0))
    return replace(masked, profiles=sum(part.profiles for part in found))


def mask_sites(question: Question, sums: SiteSums) -> SiteSums:
    """Leave only the sites whose labels are wanted."""
    mask = sites_with(sums.dictionary, question.narrowed.site_labels)
    return sums if mask is None else replace(sums, values=np.where(mask, sums.values, 0))
