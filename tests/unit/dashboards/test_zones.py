"""The reader's wall clock, over changes to and from summer time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from django.test import RequestFactory

from dashboards.figures.timeline import Grid
from dashboards.zones import wall_clock_ms, zone_choice, zone_of

BERLIN = ZoneInfo("Europe/Berlin")


def ask(path: str, **cookies: str):  # type: ignore[no-untyped-def]
    request = RequestFactory().get(path)
    request.COOKIES.update(cookies)
    return request


def test_the_wall_clock_jumps_with_summer_time() -> None:
    before = datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp()
    wall = wall_clock_ms(np.asarray([before, before + 3600]), BERLIN)
    assert [str(np.datetime64(int(ms), "ms"))[11:16] for ms in wall] == ["01:30", "03:30"]


def test_an_even_grid_travels_as_start_and_step_and_one_over_a_change_as_moments() -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=UTC).timestamp()
    even = Grid(start + 600.0 * np.arange(20), start, start + 12_000, BERLIN).x()
    assert set(even) == {"x0", "dx"}
    assert even["dx"] == 600_000.0
    assert even["x0"] == "2026-03-28T13:00:00.000"
    jump = Grid(start + 600.0 * np.arange(120), start, start + 72_000, BERLIN).x()
    assert set(jump) == {"x"}


def test_the_zone_is_the_links_then_the_readers_choice_then_the_browsers() -> None:
    assert zone_of(ask("/")).key == "UTC"
    assert zone_of(ask("/", zone_name="Europe%2FBerlin")).key == "Europe/Berlin"
    assert zone_of(ask("/", zone_name="Europe%2FBerlin", zone="utc")).key == "UTC"
    assert zone_of(ask("/?tz=Asia/Tokyo", zone_name="Europe/Berlin", zone="utc")).key == "Asia/Tokyo"
    assert zone_of(ask("/?tz=UTC", zone_name="Europe/Berlin")).key == "UTC"
    assert zone_of(ask("/", zone_name="../../etc/passwd")).key == "UTC"
    assert zone_choice(ask("/?tz=UTC")) == "utc"
