"""Parts of a profile: by label, or by what the frames are called."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from profiler_server.core.patterns import Pattern
from profiler_server.core.profile import BoolArray, Frame, LabelSet, Profile, StackTable
from profiler_server.core.stacks import keep_elements, rows_of, unique_rows


def filter_labels(profile: Profile, wanted: Mapping[str, Collection[str | int]]) -> Profile:
    """Keep the samples whose labels have, for every wanted key, one of the wanted values."""
    good = np.array([_has(labels, wanted) for labels in profile.labels], np.bool_)
    return _keep_samples(profile, good[profile.label_ids])


def label_values(profile: Profile) -> dict[str, list[str | int]]:
    """Return the values of every label key, sorted, numbers before text."""
    found: dict[str, set[str | int]] = {}
    for i in np.unique(profile.label_ids).tolist():
        for key, value in profile.labels[i]:
            found.setdefault(key, set()).add(value)
    return {key: sorted(found[key], key=lambda v: (isinstance(v, str), v)) for key in sorted(found)}


def focus(profile: Profile, pattern: str) -> Profile:
    """Keep the samples that pass through a frame whose function or file matches anywhere."""
    return _keep_samples(profile, _touches(profile.stacks, pattern)[profile.stack_ids])


def ignore(profile: Profile, pattern: str) -> Profile:
    """Drop the samples that pass through a frame whose function or file matches anywhere."""
    return _keep_samples(profile, ~_touches(profile.stacks, pattern)[profile.stack_ids])


def hide(profile: Profile, pattern: str) -> Profile:
    """Take the matching frames out of every stack; a sample left without a frame is dropped, as in pprof."""
    table = profile.stacks
    shown = ~_matching(table.frames, pattern)[table.frame_ids]
    unique, moved = unique_rows(keep_elements(rows_of(table), shown))
    stacks = StackTable(table.frames, unique.offsets, unique.flat.astype(np.int32))
    emptied = (unique.lengths()[moved] == 0) & (table.depths() > 0)
    kept = ~emptied[profile.stack_ids]
    return replace(
        profile,
        stacks=stacks,
        stack_ids=moved[profile.stack_ids][kept],
        values=profile.values[kept],
        label_ids=profile.label_ids[kept],
    )


def _has(labels: LabelSet, wanted: Mapping[str, Collection[str | int]]) -> bool:
    return all(
        any(key == name and value in allowed for name, value in labels) for key, allowed in wanted.items()
    )


def _keep_samples(profile: Profile, kept: BoolArray) -> Profile:
    return replace(
        profile,
        stack_ids=profile.stack_ids[kept],
        values=profile.values[kept],
        label_ids=profile.label_ids[kept],
    )


def _matching(frames: tuple[Frame, ...], pattern: str) -> BoolArray:
    """Return bool[n_frames]: the function or the file contains a match."""
    compiled = Pattern.compile(pattern)
    functions = compiled.search(frame.function for frame in frames)
    files = compiled.search(frame.file for frame in frames)
    return np.array(functions, np.bool_) | np.array(files, np.bool_)


def _touches(table: StackTable, pattern: str) -> BoolArray:
    """Return bool[n_stacks]: the stack has a matching frame."""
    hits = np.zeros(len(table.frame_ids) + 1, np.int64)
    np.cumsum(_matching(table.frames, pattern)[table.frame_ids], out=hits[1:])
    return hits[table.offsets[1:]] > hits[table.offsets[:-1]]
