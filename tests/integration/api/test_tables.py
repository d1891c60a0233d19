"""Tables, growth, lists and series over the API."""

from __future__ import annotations

import pytest

from tests.integration.api.shelf import KIB, Shelf


def test_top(shelf: Shelf) -> None:
    rows = shelf.json("top", limit=2)["rows"]
    assert [row["function"] for row in rows] == ["shop.cache.keep", "shop.views.render"]
    assert rows[0]["flat"] == rows[0]["cumulative"] == pytest.approx(550 * KIB, rel=0.1)
    assert rows[0]["file"] == "/app/shop/cache.py"


def test_callers_and_callees(shelf: Shelf) -> None:
    (found,) = shelf.json("callers", function="shop.views.handle")["functions"]
    assert [each["function"] for each in found["callers"]] == ["shop.app.main"]
    assert [each["function"] for each in found["callees"]] == ["shop.cache.keep", "shop.views.render"]


@pytest.mark.parametrize(("query", "status"), [({}, 415), ({"function": "nobody.calls"}, 404)])
def test_callers_of_nothing(shelf: Shelf, query: dict[str, str], status: int) -> None:
    assert shelf.member.get(shelf.path("callers", **query)).status_code == status


def test_growth_by_site(shelf: Shelf) -> None:
    answer = shelf.json("growth", buckets=20)
    steepest = answer["sites"][0]
    assert [frame["function"] for frame in steepest["stack"]] == [
        "shop.cache.keep", "shop.views.handle", "shop.app.main",
    ]  # fmt: skip
    assert steepest["per_hour"] == pytest.approx(1200 * KIB, rel=0.1)
    assert steepest["low"] <= steepest["per_hour"] <= steepest["high"]
    assert len(steepest["values"]) == len(answer["ts"])


def test_growth_by_function_adds_up_sites(shelf: Shelf) -> None:
    rates = {row["function"]: row["per_hour"] for row in shelf.json("growth", by="function")["functions"]}
    assert rates["shop.app.main"] == pytest.approx(rates["shop.cache.keep"], rel=0.05)
    assert shelf.member.get(shelf.path("growth", by="moon")).status_code == 415


def test_snapshots_newest_first(shelf: Shelf) -> None:
    listed = shelf.json("snapshots", limit=4)["snapshots"]
    times = [each["taken_at"] for each in listed]
    assert len(times) == 4
    assert times == sorted(times, reverse=True)
    assert listed[0]["release"] == "v7"
    assert listed[0]["instance"] == "web-1"
    assert listed[0]["totals"]["inuse_space"] == 1050 * KIB


def test_snapshots_thinned_out_over_time(shelf: Shelf) -> None:
    everything = [each["taken_at"] for each in shelf.json("snapshots")["snapshots"]]
    thinned = [each["taken_at"] for each in shelf.json("snapshots", spread=4)["snapshots"]]
    assert thinned[0] == everything[0]
    assert len(thinned) == 4
    assert max(thinned) - min(thinned) > 30 * 60
    assert shelf.member.get(shelf.path("snapshots", spread=10**9)).status_code == 413


def test_a_label_narrows_the_question(shelf: Shelf) -> None:
    assert shelf.json("top", **{"label.zone": "eu"})["rows"]
    assert shelf.json("top", **{"label.zone": "us"})["rows"] == []


def test_what_can_be_asked(shelf: Shelf) -> None:
    answer = shelf.json("labels")
    assert [each["key"] for each in answer["instances"]] == ["web-1"]
    assert answer["releases"] == ["v7"]
    assert set(answer["series"]) >= {"rss_bytes", "requests"}
    assert set(answer["sample_types"]) == {"inuse_space", "inuse_objects"}


def test_series_are_downsampled(shelf: Shelf) -> None:
    answer = shelf.json("series", names="rss_bytes", max_points=50)
    (series,) = answer["series"]
    assert series["name"] == "rss_bytes"
    assert 10 < len(series["ts"]) <= 50
    assert all(
        low <= high for low, high in zip(series["lows"], series["highs"], strict=True) if low is not None
    )
    assert [mark["kind"] for mark in answer["markers"]] == ["deploy"]


def test_services(shelf: Shelf) -> None:
    answer = shelf.member.get("/api/v1/services").json()
    assert [each["name"] for each in answer["services"]] == ["shop"]
    assert shelf.stranger.get("/api/v1/services").json() == {"services": []}
