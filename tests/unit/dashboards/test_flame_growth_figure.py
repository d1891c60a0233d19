"""The growth page's pictures."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import numpy as np

from dashboards.figures.growth import AREA_SITES, SPARK_HEIGHT, SPARK_WIDTH, growth_figure, spark

TS = 1_700_000_000.0 + np.arange(10) * 60.0
UTC = ZoneInfo("UTC")


def rows(count: int) -> list[tuple[str, np.ndarray]]:
    return [(f"site {k}", np.linspace(0, (k + 1) * 2**20, 10)) for k in range(count)]


def test_one_area_per_site_up_to_the_colours() -> None:
    figure = growth_figure(TS, rows(AREA_SITES + 3), unit="bytes", zone=UTC)
    assert len(figure.data) == AREA_SITES
    assert {trace.stackgroup for trace in figure.data} == {"sites"}
    assert figure.data[0].name == "site 0"


def test_missing_values_count_as_nothing() -> None:
    figure = growth_figure(TS, [("a", np.full(10, np.nan))], unit="bytes", zone=UTC)
    assert np.asarray(figure.data[0].y).tolist() == [0.0] * 10


def test_without_sites_an_empty_figure_of_the_same_height() -> None:
    figure = json.loads(growth_figure(TS, [], unit="count", zone=UTC).to_json())
    assert figure["data"] == []
    assert figure["layout"]["height"] == 300


def test_a_spark_stays_in_its_box() -> None:
    made = spark(TS, np.array([1.0, np.nan, 3, 2, 5, 8, 7, 9, 12, 10]))
    points = [tuple(map(float, pair.split())) for pair in made.line[1:].split("L")]
    assert all(0 <= x <= SPARK_WIDTH and 0 <= y <= SPARK_HEIGHT for x, y in points)
    assert len(made.trend[1:].split("L")) == 2


def test_a_single_point_has_no_picture() -> None:
    assert spark(TS, np.array([1.0] + [np.nan] * 9)).line == ""
