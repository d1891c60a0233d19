"""The algebra of profiles: merge, scale, diff, and the values of one sample type per stack."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from profiler_server.core.errors import IncompatibleProfiles
from profiler_server.core.profile import (
    Int32Array,
    Int64Array,
    LabelSet,
    Profile,
    SampleType,
)
from profiler_server.core.stacks import sum_by, unite


def merge(profiles: Sequence[Profile]) -> Profile:
    """Add profiles: values of equal stacks and label sets add up, samples without a value vanish.

    Associative and commutative. The time is the earliest that is set, the duration the sum, the period the
    largest. Columns are in the order of the first profile. Raises `IncompatibleProfiles` when the sample types or
    period types differ, or when there is nothing to merge.
    """
    if not profiles:
        raise IncompatibleProfiles("There is no profile to merge.")
    types = profiles[0].sample_types
    columns = [_columns_in_order(profile, types) for profile in profiles]
    stacks, stack_maps = unite([profile.stacks for profile in profiles])
    labels, label_maps = _unite_labels(profiles)
    stack_ids = np.concatenate([m[p.stack_ids] for m, p in zip(stack_maps, profiles, strict=True)])
    label_ids = np.concatenate([m[p.label_ids] for m, p in zip(label_maps, profiles, strict=True)])
    keys = stack_ids.astype(np.int64) * max(len(labels), 1) + label_ids
    distinct, inverse = np.unique(keys, return_inverse=True)
    values = sum_by(inverse, np.concatenate(columns), len(distinct))
    kept = values.any(axis=1)
    distinct, values = distinct[kept], values[kept]
    return Profile(
        sample_types=types,
        stacks=stacks,
        stack_ids=(distinct // max(len(labels), 1)).astype(np.int32),
        values=values,
        labels=labels,
        label_ids=(distinct % max(len(labels), 1)).astype(np.int32),
        time_ns=min((p.time_ns for p in profiles if p.time_ns), default=0),
        duration_ns=sum(p.duration_ns for p in profiles),
        period_type=_common_period_type(profiles),
        period=max(p.period for p in profiles),
        default_sample_type=min(
            (p.default_sample_type for p in profiles if p.default_sample_type), default=""
        ),
    )


def scale(profile: Profile, factor: float) -> Profile:
    """Multiply every value; an integer factor is exact, another rounds half away from zero."""
    if isinstance(factor, int):
        return replace(profile, values=profile.values * np.int64(factor))
    scaled = profile.values * float(factor)
    rounded = np.trunc(scaled + np.copysign(0.5, scaled))
    return replace(profile, values=rounded.astype(np.int64))


def diff(current: Profile, baseline: Profile) -> Profile:
    """Return current − baseline by stack and label set; ``diff(p, p)`` has no samples."""
    return merge([current, scale(baseline, -1)])


def column_of(profile: Profile, sample_type: str = "") -> int:
    """Return the column of a sample type by name; "" means the default, which is the last if none is named.

    Raises `IncompatibleProfiles`, naming the types that there are.
    """
    names = [kind.name for kind in profile.sample_types]
    wanted = sample_type or profile.default_sample_type
    if wanted in names:
        return names.index(wanted)
    if sample_type or not names:
        raise IncompatibleProfiles(
            f"This profile has no {sample_type or 'sample'} type; it has {', '.join(names)}."
        )
    return len(names) - 1


def stack_values(profile: Profile, sample_type: str = "") -> Int64Array:
    """Return int64[n_stacks], the values of one sample type summed over samples and labels."""
    column = profile.values[:, column_of(profile, sample_type)]
    return sum_by(profile.stack_ids, column, len(profile.stacks))


def _columns_in_order(profile: Profile, types: tuple[SampleType, ...]) -> Int64Array:
    if profile.sample_types == types:
        return profile.values
    if sorted(map(repr, profile.sample_types)) != sorted(map(repr, types)):
        have, want = (", ".join(t.name for t in kinds) for kinds in (profile.sample_types, types))
        raise IncompatibleProfiles(f"Profiles of [{have}] and of [{want}] cannot be combined.")
    return profile.values[:, [profile.sample_types.index(kind) for kind in types]]


def _unite_labels(profiles: Sequence[Profile]) -> tuple[tuple[LabelSet, ...], list[Int32Array]]:
    known: dict[LabelSet, int] = {}
    maps = []
    for profile in profiles:
        ids = (known.setdefault(labels, len(known)) for labels in profile.labels)
        maps.append(np.fromiter(ids, np.int32, len(profile.labels)))
    return tuple(known), maps


def _common_period_type(profiles: Sequence[Profile]) -> SampleType | None:
    found = {p.period_type for p in profiles if p.period_type is not None}
    if len(found) > 1:
        names = " and ".join(sorted(f"{t.name}/{t.unit}" for t in found))
        raise IncompatibleProfiles(f"Profiles sampled by {names} cannot be combined.")
    return found.pop() if found else None
