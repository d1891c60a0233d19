"""Reads of profiles: every question about stored profiles is one of these functions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime

import numpy as np

from profiler_server.catalog.models import Instance
from profiler_server.core.errors import LimitExceeded, NotFound
from profiler_server.core.grouping import Granularity
from profiler_server.core.growth import steepest
from profiler_server.core.profile import Int64Array, Profile, SampleType
from profiler_server.core.prune import prune
from profiler_server.core.stacks import sum_by
from profiler_server.core.top import CallersCallees, TopRow, callers_callees, top_table
from profiler_server.core.tree import FlameTree, diff_tree
from profiler_server.profiles.aggregation import Aggregation
from profiler_server.profiles.answers import ANSWERS, Key, answer_key
from profiler_server.profiles.dictionary import Dictionary, dictionary_of
from profiler_server.profiles.keys import ServiceKey, SnapshotId
from profiler_server.profiles.listing import list_pinned, list_snapshots
from profiler_server.profiles.model import ProfileSelection, SiteGrowth, SnapshotInfo
from profiler_server.profiles.narrowing import narrow, sites_with
from profiler_server.profiles.planning import HOUR_SECONDS, planned_parts, profile_parts
from profiler_server.profiles.question import Question, resolve
from profiler_server.profiles.reading import Span, micros
from profiler_server.profiles.shapes import shapes_of
from profiler_server.profiles.snapshots import compact_stacks, load_snapshot, profile_of_snapshot
from profiler_server.profiles.summing import SiteSums, mask_sites, site_sums
from profiler_server.profiles.sums import SECOND_US, Grid, Part, seconds_of, total_of, united
from profiler_server.storage.consistent import DEFAULT_TIMEOUT_SECONDS, consistent_reads
from profiler_server.storage.times import WINDOW_SECONDS

__all__ = [
    "ProfileSelection", "SiteGrowth", "SnapshotInfo", "callers", "diff", "flame", "label_values", "merged",
    "pinned_snapshots", "sample_types", "site_growth", "snapshots", "top",
]  # fmt: skip

DEFAULT_MAX_NODES = 2_000
MOST_NODES = 250_000
MAX_SNAPSHOTS = 10_000
MAX_BUCKETS = 2_000
MAX_TOP_ROWS = 5_000
DEFAULT_GROWTH_SITES = 200


def merged(selection: ProfileSelection, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> Profile:
    """Return the selection as one profile.

    A snapshot comes whole, with all its sample types. A range of time has the one sample type selected: what is in
    use averaged over time and summed over instances, what was allocated as the sum of increases; it has no samples
    when nothing matches. Raises `NotFound` for an unknown snapshot or sample type.
    """
    with consistent_reads(timeout_seconds):
        if selection.snapshot_id is not None:
            return profile_of_snapshot(
                *load_snapshot(selection.service, SnapshotId.parse(selection.snapshot_id))
            )
        return _profile_of(selection, site_sums(resolve(selection)))


def flame(
    selection: ProfileSelection,
    *,
    max_nodes: int = DEFAULT_MAX_NODES,
    min_share: float = 0.0,
    granularity: Granularity = Granularity.FUNCTION,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> FlameTree:
    """Return the selection's flame graph, cut to `max_nodes` with an explicit "other"."""
    _check_nodes(max_nodes)
    with consistent_reads(timeout_seconds):
        question = _question(selection)
        key = _key("flame", (question,), max_nodes, min_share, granularity)
        known = ANSWERS.find(key, FlameTree)
        if known is not None:
            return known
        sums = _sums(selection, question)
    tree = sums.dictionary.tree(granularity).flame(_by_stack(sums), sample_type=sums.sample_type)
    return _kept_tree(key, prune(tree, max_nodes, min_share=min_share))


def diff(
    current: ProfileSelection,
    baseline: ProfileSelection,
    *,
    max_nodes: int = DEFAULT_MAX_NODES,
    min_share: float = 0.0,
    granularity: Granularity = Granularity.FUNCTION,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> FlameTree:
    """Return one tree of both selections: values of `current`, deltas against `baseline`."""
    _check_nodes(max_nodes)
    with consistent_reads(timeout_seconds):
        asked = (_question(current), _question(baseline))
        key = _key("diff", asked, max_nodes, min_share, granularity)
        known = ANSWERS.find(key, FlameTree)
        if known is not None:
            return known
        before, after = _sums(baseline, asked[1]), _sums(current, asked[0])
    if current.service == baseline.service and before.sample_type == after.sample_type:
        dictionary = (
            after.dictionary if len(after.dictionary) >= len(before.dictionary) else before.dictionary
        )
        values = [_padded(_by_stack(sums), len(dictionary.stacks)) for sums in (after, before)]
        tree = dictionary.tree(granularity).flame(*values, sample_type=after.sample_type)
    else:
        newer, older = _profile_of(current, after), _profile_of(baseline, before)
        tree = diff_tree(newer, older, after.sample_type.name, granularity)
    return _kept_tree(key, prune(tree, max_nodes, min_share=min_share))


def top(
    selection: ProfileSelection, *, limit: int = 200, granularity: Granularity = Granularity.FUNCTION
) -> list[TopRow]:
    """Return the functions (or lines, files, packages) by what they hold, at most `limit`."""
    with consistent_reads():
        question = _question(selection)
        key = _key("top", (question,), limit, granularity)
        known = ANSWERS.find(key, tuple)
        if known is not None:
            return list(known)
        profile = _profile_of(selection, _sums(selection, question))
    rows = top_table(profile, selection.sample_type, granularity, limit=min(limit, MAX_TOP_ROWS))
    ANSWERS.keep(key, tuple(rows), len(rows))
    return rows


def callers(
    selection: ProfileSelection, function: str, *, granularity: Granularity = Granularity.FUNCTION
) -> list[CallersCallees]:
    """Return who calls `function` and whom it calls, with the values that pass. Raises `NotFound`."""
    with consistent_reads():
        question = _question(selection)
        key = _key("callers", (question,), function, granularity)
        known = ANSWERS.find(key, tuple)
        if known is not None:
            return list(known)
        profile = _profile_of(selection, _sums(selection, question))
    found = callers_callees(profile, function, selection.sample_type, granularity)
    if not found:
        raise NotFound(f"No stack of this selection passes through {function[:200]!r}.")
    ANSWERS.keep(key, tuple(found), sum(1 + len(one.callers) + len(one.callees) for one in found))
    return found


def site_growth(
    selection: ProfileSelection,
    *,
    buckets: int,
    limit: int = DEFAULT_GROWTH_SITES,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> SiteGrowth:
    """Return how call sites' values go over `buckets` equal parts of the time, the `limit` steepest first.

    A site here is a stack; its label sets are added up. Buckets shorter than a second become seconds.
    """
    if not 1 <= buckets <= MAX_BUCKETS:
        raise LimitExceeded(f"buckets must lie between 1 and {MAX_BUCKETS}.")
    with consistent_reads(timeout_seconds):
        question = resolve(selection)
        key = _key("growth", (question,), buckets, limit)
        known = ANSWERS.find(key, SiteGrowth)
        if known is not None:
            return known
        dictionary, found, grid = _growth_parts(question, buckets)
    growth = _growth(question, dictionary, found, grid, limit)
    ANSWERS.keep(key, growth, growth.values.size)
    return growth


def snapshots(selection: ProfileSelection, *, limit: int = 1_000) -> list[SnapshotInfo]:
    """Return the selection's snapshots, newest first, those with the sample type only; at most `limit`."""
    with consistent_reads():
        narrowed = narrow(selection)
        shapes = {
            shape_id: stored
            for shape_id, stored in shapes_of(selection.service).items()
            if any(kind.name == selection.sample_type for kind in stored.shape.sample_types)
        }
        span = Span(selection.service, selection.start, selection.end, shapes, narrowed.instance_ids)
        return list_snapshots(span, min(limit, MAX_SNAPSHOTS))


def pinned_snapshots(project_id: int, service_id: int, start: datetime, end: datetime) -> list[SnapshotInfo]:
    """Return what people pinned of [start, end), newest first; what is kept for other reasons is not among it."""
    service = ServiceKey(project_id, service_id)
    return list_pinned(Span(service, start, end, shapes_of(service), None), MAX_SNAPSHOTS)


def sample_types(project_id: int, service_id: int) -> list[SampleType]:
    """Return the sample types that the service has sent, in the order of first appearance."""
    service = ServiceKey(project_id, service_id)
    return list(dict.fromkeys(k for stored in shapes_of(service).values() for k in stored.shape.sample_types))


def label_values(project_id: int, service_id: int) -> dict[str, list[str]]:
    """Return every label key of the service's instances and samples with its values, sorted."""
    found: dict[str, set[str]] = {}
    for labels in Instance.objects.filter(project_id=project_id, service_id=service_id).values_list(
        "labels", flat=True
    ):
        for key, value in labels.items():
            found.setdefault(key, set()).add(str(value))
    for label_set in dictionary_of(ServiceKey(project_id, service_id)).labels:
        for key, value in label_set:
            found.setdefault(key, set()).add(str(value))
    return {key: sorted(found[key]) for key in sorted(found)}


def _check_nodes(max_nodes: int) -> None:
    if max_nodes > MOST_NODES:
        raise LimitExceeded(f"A flame graph has at most {MOST_NODES:,} nodes; lower max_nodes.")


def _question(selection: ProfileSelection) -> Question | None:
    """Return what is asked of a range of time; None for a snapshot."""
    return resolve(selection) if selection.snapshot_id is None else None


def _key(verb: str, questions: Sequence[Question | None], *options: Hashable) -> Key | None:
    """Return what an answer about ranges of time is remembered under; a snapshot's is quick to make again."""
    of_ranges = tuple(one for one in questions if one is not None)
    return answer_key(verb, of_ranges, *options) if len(of_ranges) == len(questions) else None


def _kept_tree(key: Key | None, tree: FlameTree) -> FlameTree:
    ANSWERS.keep(key, tree, len(tree.value))
    return tree


def _sums(selection: ProfileSelection, question: Question | None) -> SiteSums:
    """Return the values per site of a range of time or of a snapshot."""
    if question is not None or selection.snapshot_id is None:
        return site_sums(question or resolve(selection))
    dictionary, snapshot = load_snapshot(selection.service, SnapshotId.parse(selection.snapshot_id))
    kinds = snapshot.stored.shape.sample_types
    column = next((i for i, kind in enumerate(kinds) if kind.name == selection.sample_type), None)
    if column is None:
        raise NotFound(
            f"This snapshot has no {selection.sample_type}; it has {', '.join(k.name for k in kinds)}."
        )
    values = np.zeros(len(dictionary), np.int64)
    values[snapshot.sites.site_ids] = snapshot.sites.values[:, column]
    sums = SiteSums(dictionary, kinds[column], values, 1)
    return mask_sites(resolve(selection), sums) if selection.labels else sums


def _by_stack(sums: SiteSums) -> Int64Array:
    return sum_by(sums.dictionary.stack_of_site[: len(sums.values)], sums.values, len(sums.dictionary.stacks))


def _padded(values: Int64Array, length: int) -> Int64Array:
    return np.concatenate([values, np.zeros(length - len(values), np.int64)])


def _profile_of(selection: ProfileSelection, sums: SiteSums) -> Profile:
    site_ids = np.flatnonzero(sums.values)
    stacks, stack_ids = compact_stacks(sums.dictionary, site_ids)
    start, end = (micros(selection.start), micros(selection.end)) if selection.snapshot_id is None else (0, 0)
    return Profile(
        sample_types=(sums.sample_type,),
        stacks=stacks,
        stack_ids=stack_ids,
        values=sums.values[site_ids, None],
        labels=sums.dictionary.labels,
        label_ids=sums.dictionary.label_of_site[site_ids],
        time_ns=start * 1000,
        duration_ns=(end - start) * 1000,
    )


def _growth_parts(question: Question, buckets: int) -> tuple[Dictionary, list[Part], tuple[int, int]]:
    """Return the parts, each in one bucket, and the buckets' origin and step in seconds.

    Buckets of ten minutes or more are made of whole windows, so that sums can serve them.
    """
    start = micros(question.selection.start) // SECOND_US
    end = -(-micros(question.selection.end) // SECOND_US)
    step = max(1, -(-(end - start) // buckets))
    if step < WINDOW_SECONDS:
        grid = Grid(start, step, micros(question.selection.start), micros(question.selection.end))
        return *profile_parts(question, grid), (start, step)
    start = start // WINDOW_SECONDS * WINDOW_SECONDS
    step = -(-step // WINDOW_SECONDS) * WINDOW_SECONDS
    if -(-(end - start) // step) > buckets:
        step += WINDOW_SECONDS
    whole_hours = step % HOUR_SECONDS == 0 and start % HOUR_SECONDS == 0
    dictionary, found = planned_parts(question, use_hours=whole_hours)
    return dictionary, found, (start, step)


def _growth(
    question: Question, dictionary: Dictionary, found: Sequence[Part], grid: tuple[int, int], limit: int
) -> SiteGrowth:
    start, step = grid
    by_bucket: dict[int, list[Part]] = {}
    for part in found:
        by_bucket.setdefault((part.seen[0][1] - start) // step, []).append(part)
    buckets = sorted(by_bucket)
    values = np.zeros((len(buckets), len(dictionary.stacks)))
    mask = sites_with(dictionary, question.narrowed.site_labels)
    for row, bucket in enumerate(buckets):
        total = total_of(by_bucket[bucket], len(dictionary)).astype(np.float64)
        if question.aggregation is Aggregation.MEAN:
            total /= max(1, seconds_of(united(by_bucket[bucket])))
        if mask is not None:
            total[~mask] = 0
        values[row] = np.bincount(dictionary.stack_of_site, total, len(dictionary.stacks))
    ts = np.array([start + (bucket + 0.5) * step for bucket in buckets])
    present = np.flatnonzero(values.any(axis=0)) if buckets else np.zeros(0, np.int64)
    of_sites = np.ascontiguousarray(values[:, present].T)
    chosen = steepest(ts, of_sites, limit)[0] if len(present) else present
    sites = tuple(dictionary.stacks.stack(i) for i in present[chosen].tolist())
    return SiteGrowth(sites, ts, of_sites[chosen])
