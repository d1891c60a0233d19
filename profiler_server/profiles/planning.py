"""Which stored sums and blocks answer a question exactly, with as few of them as possible.

Whole hours come from hour sums, other whole windows from window sums; what is left - the ragged ends, what is not
sealed yet, and windows that a late profile waits to be merged into - comes from the profiles themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from profiler_server.profiles.aggregation import Aggregation
from profiler_server.profiles.blocks import decode_sums
from profiler_server.profiles.dictionary import Dictionary, dictionary_of
from profiler_server.profiles.question import Question
from profiler_server.profiles.reading import Span, decode_readings, fetch_chunks, fetch_pending, micros
from profiler_server.profiles.rollups import Scope
from profiler_server.profiles.statements import SQL
from profiler_server.profiles.sums import Counting, Grid, Part, parts
from profiler_server.profiles.window_rows import MAX_BASE_GAP, Decoder, Rows, fetch_last_hot
from profiler_server.storage.sql import Row
from profiler_server.storage.times import WINDOW, WINDOW_SECONDS, WINDOWS_PER_HOUR, from_unix

HOUR_SECONDS = WINDOW_SECONDS * WINDOWS_PER_HOUR
SECOND_US = 1_000_000
REACH = 7  # windows after a profile in which increases may be counted from it: `MAX_BASE_GAP` and the rest of its own
Run = tuple[int, int]  # successive windows [first, last) by number since 1970


@dataclass(frozen=True, slots=True)
class _Plan:
    """Windows by number: those to be read from profiles, and the runs of whole windows between them."""

    raw: frozenset[int]
    first: int
    last: int


def profile_parts(question: Question, grid: Grid) -> tuple[Dictionary, list[Part]]:
    """Return the parts of a question computed from the profiles themselves, on any grid."""
    span = question.span()
    pending = fetch_pending(span)
    return _of_profiles(question, span, pending, grid)


def planned_parts(question: Question, *, use_hours: bool = True) -> tuple[Dictionary, list[Part]]:
    """Return the parts of a question on the grid of windows, from sums wherever there are sums."""
    span = question.span()
    pending = fetch_pending(span)
    plan = _plan(question, pending)
    found: list[Part] = []
    rest = set(range(plan.first, plan.last)) - plan.raw
    if use_hours:
        covered, of_hours = _of_hours(question, plan)
        rest -= covered
        found += of_hours
    raw = set(plan.raw)
    if question.scope is Scope.INSTANCE:
        raw |= rest
    else:
        for run in _runs(rest):
            found += _of_windows(question, run)
    dictionary = dictionary_of(question.service)
    for first, last in _runs(raw):
        low, high = (
            max(span.start, from_unix(first * WINDOW_SECONDS)),
            min(span.end, from_unix(last * WINDOW_SECONDS)),
        )
        part = Span(span.service, low, high, span.shapes, span.instance_ids)
        inside = [row for row in pending if low <= row[1] < high]
        grid = Grid(0, WINDOW_SECONDS, micros(low), micros(high))
        dictionary, of_run = _of_profiles(question, part, inside, grid)
        found += of_run
    return dictionary, found


def _plan(question: Question, pending: list[Row]) -> _Plan:
    start_us, end_us = micros(question.selection.start), micros(question.selection.end)
    window_us = WINDOW_SECONDS * SECOND_US
    first, last = -(-start_us // window_us), end_us // window_us
    raw = {micros(row[1]) // window_us for row in pending}
    if question.aggregation is Aggregation.INCREASE:
        raw |= _uncertain(question, raw, range(start_us // window_us, last))
    if start_us % window_us:
        raw.add(start_us // window_us)
    if end_us % window_us:
        raw.add(end_us // window_us)
    return _Plan(frozenset(raw), first, max(first, last))


def _uncertain(question: Question, pending: set[int], windows: range) -> set[int]:
    """Return the windows whose increases are counted from a profile that may be replaced by one not merged yet."""
    start, end = (from_unix(bound * WINDOW_SECONDS) for bound in (windows.start, windows.stop))
    key = question.service.parameters
    before = SQL.fetch("pending_windows", key | {"start": start - REACH * WINDOW, "end": start})
    stale = SQL.fetch("stale_windows", key | {"start": start, "end": end})
    numbers = {micros(at) // (WINDOW_SECONDS * SECOND_US) for (at,) in before} | pending
    followers = {window + step for window in numbers for step in range(1, REACH + 1)}
    return {window for window in followers if window in windows} | {
        micros(at) // (WINDOW_SECONDS * SECOND_US) for (at,) in stale
    }


def _of_hours(question: Question, plan: _Plan) -> tuple[set[int], list[Part]]:
    """Return the windows that hour sums answer, and their parts."""
    first, last = -(-plan.first // WINDOWS_PER_HOUR), plan.last // WINDOWS_PER_HOUR
    spoilt = {window // WINDOWS_PER_HOUR for window in plan.raw}
    if last <= first or spoilt.issuperset(range(first, last)):
        return set(), []
    span = {"start": from_unix(first * HOUR_SECONDS), "end": from_unix(last * HOUR_SECONDS)}
    whole = question.service.parameters | span
    if question.scope is Scope.SERVICE:
        valid = None
    else:
        valid = {micros(at) // (HOUR_SECONDS * SECOND_US) for (at,) in SQL.fetch("valid_hours", whole)}
    covered: set[int] = set()
    found: list[Part] = []
    for hour_at, scope_id, profiles, seen, block in SQL.fetch("hour_sums", whole | _scope(question)):
        start = micros(hour_at) // SECOND_US
        hour = start // HOUR_SECONDS
        if hour in spoilt or (valid is not None and hour not in valid):
            continue
        covered.update(range(hour * WINDOWS_PER_HOUR, (hour + 1) * WINDOWS_PER_HOUR))
        spans = ((start + low, start + high) for low, high in zip(seen[::2], seen[1::2], strict=True))
        windows = tuple((low // WINDOW_SECONDS, low, high) for low, high in spans)
        found.append(Part(*decode_sums(block), profiles, windows, scope_id))
    for hour in (valid or set()) - spoilt:
        covered.update(range(hour * WINDOWS_PER_HOUR, (hour + 1) * WINDOWS_PER_HOUR))
    return covered, found


def _of_windows(question: Question, run: Run) -> Iterator[Part]:
    """Yield the parts of a run of windows from window sums."""
    span = {"start": from_unix(run[0] * WINDOW_SECONDS), "end": from_unix(run[1] * WINDOW_SECONDS)}
    rows = SQL.fetch("window_sums", question.service.parameters | span | _scope(question))
    for window_at, scope_id, profiles, low, high, block in rows:
        start = micros(window_at) // SECOND_US
        seen = ((start // WINDOW_SECONDS, start + low, start + high),)
        yield Part(*decode_sums(block), profiles, seen, scope_id)


def _scope(question: Question) -> dict[str, object]:
    return {
        "scope": int(question.scope),
        "scope_ids": question.scope_ids,
        "type_id": question.type_id,
    }


def _of_profiles(
    question: Question, span: Span, pending: list[Row], grid: Grid
) -> tuple[Dictionary, list[Part]]:
    """Return the parts of a span from its chunks and the pending profiles given."""
    chunks = fetch_chunks(span)
    rows = Rows([], [], [], [])
    if question.aggregation is Aggregation.INCREASE:
        before = span.parameters | {"start": span.start - MAX_BASE_GAP, "end": span.start}
        rows = Rows([], [], fetch_last_hot(span.service, before), SQL.fetch("last_chunks", before))
    dictionary = dictionary_of(span.service)
    name = question.sample_type.name
    found = decode_readings(span, (pending, chunks), dictionary, name)
    if rows.last_hot or rows.last_chunks:
        present = {(one.instance_id, one.shape_id) for one in found}
        bases = Decoder(dict(span.shapes), dictionary).bases(rows, span.start)
        for stream, base in bases.items():
            if stream in present:
                column = base.stored.type_ids.index(question.type_id)
                found.append(base.reading(stream, column))
        found.sort(key=lambda one: (one.instance_id, one.shape_id, int(one.taken_us[0])))
    deltas = frozenset(i for i, stored in span.shapes.items() if stored.shape.is_delta)
    return dictionary, list(parts(found, grid, Counting(question.aggregation, len(dictionary), deltas)))


def _runs(windows: Iterable[int]) -> Iterator[Run]:
    """Yield successive windows as runs."""
    first = last = None
    for window in sorted(windows):
        if first is None or last is None:
            first, last = window, window + 1
        elif window == last:
            last += 1
        else:
            yield first, last
            first, last = window, window + 1
    if first is not None and last is not None:
        yield first, last
