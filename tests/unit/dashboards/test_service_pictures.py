"""The pictures of the service page show the memory that was judged, and are as high as the page keeps room for."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import dashboards
from dashboards.figures.timeline import NOTHING, Event, Grid, Line, Panel, timeline_figure
from dashboards.service_pictures import (
    MAX_LINES,
    anchored,
    curve_from,
    instance_lines,
    memory_against_load,
    panel_count,
    timeline,
)
from dashboards.service_series import ServiceSeries
from profiler_server.core.profile import FloatArray

UTC = ZoneInfo("UTC")
START = 1_800_000_000.0
BINS = 100
TS: FloatArray = np.asarray(START + 60.0 * np.arange(BINS), np.float64)
STYLES = (Path(dashboards.__file__).parent / "static/dashboards/service.css").read_text()


def a_service(instances: int = 1) -> ServiceSeries:
    """A service whose live heap is steady while its RSS grows."""
    flat, rising = np.full((instances, BINS), 20e6), np.tile(np.linspace(50e6, 150e6, BINS), (instances, 1))
    load = np.tile(2.0 + np.sin(np.arange(BINS) / 5.0), (instances, 1))
    columns = {"rss_bytes": rising, "heap_live_bytes": flat, "requests": load}
    return ServiceSeries(START, START + 60.0 * BINS, TS, tuple(range(1, instances + 1)), columns, None)


@pytest.mark.parametrize(
    ("signal", "title"),
    [("heap", "Live heap"), ("outside", "RSS"), ("native", "RSS"), ("goroutines", "Live heap")],
)
def test_the_scatter_shows_the_memory_that_was_judged(signal: str, title: str) -> None:
    picture = memory_against_load(a_service(), curve_from({"signal": signal}), UTC)
    assert picture is not None
    assert picture.layout["yaxis"]["title"]["text"] == title
    assert len(picture.data) == 1, "no curve was fitted"


def test_the_curve_passes_through_the_beginning_of_the_range() -> None:
    fitted = {"load_per_second": [0.0, 4.0], "floor_bytes": [1e9, 1e9 + 40e6]}
    curve = curve_from({"signal": "rss", "load": fitted})
    assert curve is not None
    load, memory = np.full(BINS, 2.0), np.linspace(50e6, 150e6, BINS)
    at, expected = anchored(curve, load, memory)
    assert np.interp(2.0, at, expected) == pytest.approx(np.median(memory[:10]))
    assert expected[1] - expected[0] == pytest.approx(40e6), "its shape stays"


def a_timeline_figure(panels: int, *, measured: bool = True) -> tuple[int, dict[str, object]]:
    line = [Line("RSS", np.full(BINS, 1e6), "var(--c-rss)")] if measured else []
    made = [Panel(f"Panel {n}", "bytes", line, main=n == 0) for n in range(panels)]
    events = [Event(START, "oom", "killed"), Event(START + 60, "oom", "killed")]
    layout = timeline_figure(Grid(TS, START, TS[-1], UTC), made, events).layout
    return layout["height"], layout


@pytest.mark.parametrize("panels", [1, 2, 3, 11])
def test_the_page_keeps_the_room_that_the_time_axis_needs(panels: int) -> None:
    rule = re.search(r"\.timeline \{ min-height: calc\((\d+)px \+ (\d+)px", STYLES)
    assert rule is not None
    assert a_timeline_figure(panels)[0] == int(rule[1]) + panels * int(rule[2])
    assert f".panels-{panels} {{ --panels: {panels}; }}" in STYLES


def test_panels_are_counted_from_the_columns_that_are_reported() -> None:
    assert panel_count(["rss_bytes"], []) == 1
    assert panel_count(["rss_bytes", "errors", "requests", "p99_ms", "queue"], ["queue", "unheard_of"]) == 4


def test_a_range_without_data_says_so_and_marks_are_explained_once() -> None:
    layout = a_timeline_figure(1, measured=False)[1]
    assert layout["annotations"][0]["text"] == NOTHING  # type: ignore[index]
    assert layout["meta"]["events"] == [["✕", "killed for memory", "var(--danger)"]]  # type: ignore[index]


def test_lines_of_several_instances_name_them_where_one_points() -> None:
    keys = {1: "web-1", 2: "web-2"}
    shown = [timeline(a_service(count), [], [], UTC, keys=keys).data for count in (1, 2)]
    alone, both = ([trace["hovertemplate"] for trace in data if trace["name"] == "RSS"] for data in shown)
    assert [text.rpartition(" · ")[2] for text in both] == ["web-1", "web-2"]
    assert "web" not in alone[0]


def test_every_instance_that_is_drawn_has_its_line() -> None:
    assert len(instance_lines(a_service(10 * MAX_LINES))) == 10 * MAX_LINES
