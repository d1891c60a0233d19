"""Ranges of time as addresses write them."""

from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict

from dashboards.period import DEFAULT_SECONDS, LONGEST_SECONDS, Period, moment_of, period_from, preset_seconds
from profiler_server.core.errors import InvalidPoints

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = 1_800_000_000.0


def of(text: str, **more: object) -> Period:
    return period_from(QueryDict(text), NOW, UTC, **more)  # type: ignore[arg-type]


def test_a_preset_ends_now() -> None:
    assert of("last=6h") == Period(NOW - 6 * 3600, NOW, "6h")


def test_a_fixed_range_is_taken_as_it_is_and_survives_its_own_query() -> None:
    found = of("from=1799990000&to=1799999000")
    assert (found.start, found.end, found.last) == (1_799_990_000.0, 1_799_999_000.0, "")
    assert of(found.query()) == found


def test_a_range_with_one_end_is_completed() -> None:
    assert of("from=1799990000").end == NOW
    assert of("to=1799990000").start == 1_799_990_000.0 - DEFAULT_SECONDS


def test_times_without_an_offset_are_the_readers() -> None:
    assert moment_of("2026-05-01T12:00", BERLIN) == moment_of("2026-05-01T10:00+00:00", UTC)


def test_young_data_is_shown_whole() -> None:
    found = of("", data=(NOW - 180, NOW - 2))
    assert NOW - 200 < found.start < NOW - 180
    assert found.end == NOW


def test_data_that_ended_long_ago_is_shown_where_it_ended() -> None:
    end = NOW - 20 * 86400
    found = of("", data=(end - 36000, end))
    assert found.start < end - 36000
    assert end < found.end < end + 3600


@pytest.mark.parametrize("minutes", [11, 60, 300])
def test_data_that_ended_lately_is_not_followed_by_an_empty_stretch(minutes: int) -> None:
    end = NOW - 60 * minutes
    found = of("", data=(end - 36000, end))
    assert end < found.end <= end + 0.02 * 36000


def test_old_and_live_data_is_shown_for_a_day() -> None:
    found = of("", data=(NOW - 30 * 86400, NOW - 5))
    assert found.seconds == pytest.approx(DEFAULT_SECONDS * 1.02)


@pytest.mark.parametrize(
    "text",
    [
        "last=soon",
        "last=6x",
        "from=2&to=1",
        "from=never",
        "from=nan",
        "from=-5&to=7",
        "from=1e300",
        f"from=0&to={NOW}",
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidPoints, match=r"\."):
        of(text)


def test_a_preset_is_bounded() -> None:
    assert preset_seconds("9999w") == LONGEST_SECONDS
