"""The pictures are figures that Plotly accepts, and say what their numbers say."""

import base64
import json
from zoneinfo import ZoneInfo

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboards.figures.floor import Floor, FloorPicture, Forecast, Resident, floor_figure
from dashboards.figures.load import load_figure
from dashboards.figures.marks import DANGER, Mark, add_marks
from dashboards.figures.style import Picture, scale_of, unit_of
from dashboards.figures.timeline import Event, Grid, Line, Panel, timeline_figure
from dashboards.figures.waterfall import waterfall_figure
from profiler_server.core.waterfall import memory_waterfall

UTC = ZoneInfo("UTC")
START = 1_800_000_000.0
TS = START + 60.0 * np.arange(50)
GRID = Grid(TS, START, START + 3000, UTC)
MIB = 2.0**20


def a_timeline(zone: ZoneInfo = UTC) -> Picture:
    rising = np.linspace(100, 300, 50) * MIB
    panels = [
        Panel(
            "Memory",
            "bytes",
            [Line("RSS", rising, "var(--c-rss)", low=rising * 0.9, high=rising * 1.1)],
            main=True,
        ),
        Panel("Load", "per_second", [Line("requests", np.full(50, np.nan), "var(--c-load)")]),
    ]
    events = [Event(START + 600, "deploy", "Deploy · v2"), Event(START + 900, "unheard-of", "?")]
    return timeline_figure(Grid(TS, START, START + 3000, zone), panels, events)


def a_floor() -> Picture:
    value = np.linspace(100, 200, 50) * MIB
    forecast = Forecast(START + 3000, START + 5000, START + 6000, START + 1e9)
    picture = FloorPicture(
        [Floor("host:1", TS, value, value)], "bytes", UTC, START, limit=512 * MIB, forecast=forecast
    )
    return floor_figure(picture)


def a_waterfall() -> Picture:
    layers = memory_waterfall(
        {"rss_bytes": np.full(50, 300 * MIB), "heap_live_bytes": np.full(50, 200 * MIB)}
    )
    found = waterfall_figure(GRID, layers, limit=512 * MIB, words=["now"] * 50)
    assert found is not None
    return found


def a_scatter() -> Picture:
    load = np.linspace(0, 9, 50)
    load[3] = np.nan
    curve = (np.asarray([0.0, 9.0]), np.asarray([1e8, 2e8]))
    return load_figure(load, np.full(50, 1e8), TS, curve=curve, words=["then"] * 50)


PICTURES = [a_timeline, a_floor, a_waterfall, a_scatter]


@pytest.mark.parametrize("make", PICTURES)
def test_plotly_accepts_it(make) -> None:  # type: ignore[no-untyped-def]
    picture = make()
    assert len(go.Figure(picture.data, picture.layout).data) == len(picture.data)


@pytest.mark.parametrize("make", PICTURES)
def test_it_travels_as_strict_json_of_a_known_height_without_fixed_colours(make) -> None:  # type: ignore[no-untyped-def]
    text = make().to_json()
    figure = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert figure["layout"]["height"] > 100
    assert "#" not in text, "colours are the style sheet's"


def test_arrays_travel_as_columns() -> None:
    trace = json.loads(a_timeline().to_json())["data"][-2]
    values = np.frombuffer(base64.b64decode(trace["y"]["bdata"]), trace["y"]["dtype"])
    assert values[-1] == pytest.approx(300.0)
    assert (trace["x0"], trace["dx"]) == ("2027-01-15T08:00:00.000", 60_000.0)


def test_times_are_the_readers_wall_clock_as_text() -> None:
    layout = a_timeline(ZoneInfo("Asia/Tokyo")).layout
    assert layout["xaxis"]["range"][0] == "2027-01-15T17:00:00.000"
    assert layout["shapes"][0]["x0"] == "2027-01-15T17:10:00.000"


def test_a_far_forecast_does_not_squeeze_what_was_measured() -> None:
    start, end = (np.datetime64(edge) for edge in a_floor().layout["xaxis"]["range"])
    assert (end - start) <= np.timedelta64(6000, "s")


def test_the_layers_say_how_to_read_a_moment() -> None:
    meta = a_waterfall().layout["meta"]
    assert [layer["title"] for layer in meta["layers"]] == ["Live heap", "Unexplained"]
    assert all(layer["explanation"].endswith(".") for layer in meta["layers"])
    assert meta["total"] == 2
    assert len(meta["moments"]) == 50


def test_without_resident_memory_there_is_no_waterfall() -> None:
    empty = memory_waterfall({"rss_bytes": np.full(50, np.nan)})
    assert waterfall_figure(GRID, empty, limit=None, words=[""] * 50) is None


def test_unknown_points_are_left_out_of_the_scatter() -> None:
    assert len(a_scatter().data[0]["text"]) == 49


@pytest.mark.parametrize(
    ("unit", "largest", "suffix"),
    [("bytes", 3 * 2**30, " GiB"), ("bytes", 700 * MIB, " MiB"), ("bytes", 0.0, " B"), ("ms", 20_000.0, " s"),
     ("ms", 40.0, " ms"), ("per_second", 5.0, "/s"), ("count", float("nan"), "")],
)  # fmt: skip
def test_axes_are_written_in_a_unit_that_fits(unit: str, largest: float, suffix: str) -> None:
    assert scale_of(unit, largest).suffix == suffix


def test_a_columns_name_carries_its_unit() -> None:
    assert [unit_of(name) for name in ("rss_bytes", "audio.gap_ms", "audio.rate", "agent_cpu_seconds")] == [
        "bytes", "ms", "count", "seconds",
    ]  # fmt: skip


def test_the_forecast_starts_from_the_resident_memory_of_the_fullest_process_that_still_runs() -> None:
    flat, rising = np.full(50, 100 * MIB), np.linspace(100, 200, 50) * MIB
    floors = [Floor("flat", TS, flat, flat), Floor("rising", TS, rising, rising)]
    ended = Resident("gone", TS[:20], np.full(20, 500 * MIB))
    running = Resident("rising", TS, rising * 1.5)
    forecast = Forecast(START + 3000, START + 5000, START + 6000, START + 7000)
    picture = FloorPicture(
        floors, "bytes", UTC, START, limit=512 * MIB, forecast=forecast, resident=(ended, running)
    )
    likely = next(trace for trace in floor_figure(picture).data if trace["name"] == "most likely")
    assert likely["y"].tolist() == [300.0, 512.0]
    without = FloorPicture(floors, "bytes", UTC, START, limit=512 * MIB, forecast=forecast)
    likely = next(trace for trace in floor_figure(without).data if trace["name"] == "most likely")
    assert likely["y"].tolist() == [200.0, 512.0]


def test_words_of_moments_that_are_close_stand_in_rows_and_those_off_the_axis_are_left_out() -> None:
    layout = {"margin": {"l": 0, "r": 0, "t": 8, "b": 20}, "height": 200, "legend": {"y": 1.02}}
    marks = [Mark(START, "growth began", DANGER), Mark(START + 100, "detected"), Mark(START + 2900, "resolved"),
             Mark(START + 9000, "later")]  # fmt: skip
    add_marks(layout, marks, (START, START + 3000), UTC)
    words = [(word["text"], word["yshift"], word["xanchor"]) for word in layout["annotations"]]
    assert words == [("growth began", 0, "left"), ("detected", 16, "left"), ("resolved", 0, "right")]
    assert layout["margin"]["t"] == 8 + 2 * 16
    assert layout["legend"]["y"] > 1.15
