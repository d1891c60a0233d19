"""What a query string may ask for, and what it is told when it makes no sense."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict

from profiler_server.codecs.selection_query import (
    MAX_INSTANCES,
    MAX_LABELS,
    parse_range,
    parse_selection,
    parse_time,
)
from profiler_server.core.errors import LimitExceeded, UnsupportedFormat
from profiler_server.core.grouping import Granularity

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("now-90s", NOW - timedelta(seconds=90)),
        ("now-2h", NOW - timedelta(hours=2)),
        ("now-3w", NOW - timedelta(weeks=3)),
        ("1777636800", NOW),
        ("1777636800.5", NOW + timedelta(seconds=0.5)),
        ("2026-05-01T12:00", NOW),
        ("2026-05-01T14:00+02:00", NOW),
    ],
)
def test_times(text: str, expected: datetime) -> None:
    assert parse_time(text, NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "now-1y", "-5", "nan", "1e30", "now-999999999w", "2026-13-01"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(UnsupportedFormat, match="is not a time"):
        parse_time(text, NOW)


def test_the_default_is_the_last_hour() -> None:
    assert parse_range(QueryDict(""), now=NOW) == (NOW - timedelta(hours=1), NOW)


def test_a_range_the_wrong_way_round_says_so() -> None:
    with pytest.raises(UnsupportedFormat, match="exchange"):
        parse_range(QueryDict("from=now&to=now-1h"), now=NOW)


def test_a_range_too_long_says_so() -> None:
    with pytest.raises(LimitExceeded, match="400 days"):
        parse_range(QueryDict("from=now-90w"), now=NOW)


def test_a_whole_question() -> None:
    query = QueryDict(
        "from=now-2h&type=alloc_space&instance=3&instance=4,5&release=v2&label.zone=eu&granularity=line"
    )
    asked = parse_selection(query, now=NOW)
    assert asked.sample_type == "alloc_space"
    assert asked.instance_ids == (3, 4, 5)
    assert asked.release == "v2"
    assert asked.labels == (("zone", "eu"),)
    assert asked.granularity is Granularity.LINE
    assert asked.snapshot_id is None


def test_the_baseline_has_its_own_range_but_the_same_type() -> None:
    query = QueryDict("type=alloc_space&release=v2&base_from=now-5h&base_to=now-4h&base_release=v1")
    asked = parse_selection(query, now=NOW, prefix="base_")
    assert (asked.start, asked.end) == (NOW - timedelta(hours=5), NOW - timedelta(hours=4))
    assert (asked.sample_type, asked.release) == ("alloc_space", "v1")


def test_bounds() -> None:
    with pytest.raises(LimitExceeded, match=str(MAX_INSTANCES)):
        parse_selection(QueryDict("instance=" + ",".join(["1"] * (MAX_INSTANCES + 1))), now=NOW)
    with pytest.raises(LimitExceeded, match=str(MAX_LABELS)):
        parse_selection(QueryDict("&".join(f"label.k{i}=v" for i in range(MAX_LABELS + 1))), now=NOW)


@pytest.mark.parametrize("query", ["instance=web-1", "granularity=word"])
def test_words_that_mean_nothing(query: str) -> None:
    with pytest.raises(UnsupportedFormat):
        parse_selection(QueryDict(query), now=NOW)
