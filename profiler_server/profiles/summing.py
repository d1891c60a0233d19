"""The sums that answer a selection: one number per site."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from profiler_server.core.profile import Int64Array, SampleType
from profiler_server.profiles.aggregation import Aggregation
from profiler_server.profiles.dictionary import Dictionary
from profiler_server.profiles.narrowing import sites_with
from profiler_server.profiles.planning import planned_parts
from profiler_server.profiles.question import Question
from profiler_server.profiles.sums import Part, rounded_mean, seconds_of, total_of, united


@dataclass(frozen=True, eq=False)
class SiteSums:
    """The answer: `values` int64[n_sites] of the dictionary's sites, of one sample type."""

    dictionary: Dictionary
    sample_type: SampleType
    values: Int64Array
    profiles: int


def site_sums(question: Question) -> SiteSums:
    """Return the selection's values per site: mean over time and sum over instances, or sum of increases."""
    dictionary, found = planned_parts(question)
    return fold(question, dictionary, found)


def fold(question: Question, dictionary: Dictionary, found: list[Part]) -> SiteSums:
    """Add parts up."""
    total = total_of(found, len(dictionary))
    if question.aggregation is Aggregation.MEAN:
        total = rounded_mean(total, seconds_of(united(found)))
    profiles = sum(part.profiles for part in found)
    return mask_sites(question, SiteSums(dictionary, question.sample_type, total, profiles))


def mask_sites(question: Question, sums: SiteSums) -> SiteSums:
    """Leave only the sites whose labels are wanted."""
    mask = sites_with(sums.dictionary, question.narrowed.site_labels)
    return sums if mask is None else replace(sums, values=np.where(mask, sums.values, 0))
