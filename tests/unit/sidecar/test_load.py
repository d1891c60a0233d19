"""Load and latency out of a target's own metrics."""

from __future__ import annotations

import pytest
from plimsoll_sidecar.load import LoadMapping, LoadReader
from plimsoll_sidecar.prometheus import histogram_quantile, parse, parse_selector, total

PAGE = """
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/a \\"b\\""} 90
http_requests_total{code="500",path="/a"} 7 1700000000000
http_requests_total{code="503",path="/b"} 3
http_request_duration_seconds_bucket{le="0.01"} 50
http_request_duration_seconds_bucket{le="0.1"} 100
http_request_duration_seconds_bucket{le="+Inf"} 100
rpc_latency_ms{quantile="0.5"} 4
rpc_latency_ms{quantile="0.99"} NaN
queue_length 17
broken{ 5
not a sample
"""


def test_parse_and_select() -> None:
    samples = parse(PAGE)
    assert total(samples, parse_selector("http_requests_total")) == 100
    assert total(samples, parse_selector('http_requests_total{code=~"5.."}')) == 10
    assert total(samples, parse_selector('http_requests_total{code!~"5..",path="/a \\"b\\""}')) == 90
    assert total(samples, parse_selector("absent")) is None


@pytest.mark.parametrize("text", ["", "{}", "x{nonsense}", 'x{a=~"("}', 'x{a=~"' + "y" * 300 + '"}'])
def test_a_bad_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_selector(text)


def test_quantiles_as_promql_does() -> None:
    counts = {0.01: 50.0, 0.1: 100.0, float("inf"): 100.0}
    assert histogram_quantile(counts, 0.5) == pytest.approx(0.01)
    assert histogram_quantile(counts, 0.75) == pytest.approx(0.055)
    assert histogram_quantile({0.1: 0.0, float("inf"): 9.0}, 0.5) == 0.1
    assert histogram_quantile({}, 0.5) is None
    assert histogram_quantile({1.0: 0.0}, 0.5) is None


def read_twice(mapping: LoadMapping, first: str, second: str) -> dict[str, float]:
    reader = LoadReader(mapping)
    reader.read(parse(first), {})
    return reader.read(parse(second), {})


def test_counters_are_counted_between_readings() -> None:
    mapping = LoadMapping(requests="r", errors='r{code="500"}')
    found = read_twice(mapping, 'r{code="200"} 10\nr{code="500"} 1', 'r{code="200"} 25\nr{code="500"} 3')
    assert found == {"requests": 17.0, "errors": 2.0}


def test_a_counter_that_fell_began_anew() -> None:
    assert read_twice(LoadMapping(requests="r"), "r 100", "r 4") == {"requests": 4.0}


def test_errors_that_have_no_series_yet_are_none() -> None:
    assert read_twice(LoadMapping(requests="r", errors="e"), "r 1", "r 2") == {"requests": 1.0, "errors": 0.0}


def test_latency_of_the_interval_in_milliseconds() -> None:
    first = 'd_seconds_bucket{le="0.01"} 1000\nd_seconds_bucket{le="+Inf"} 1000'
    second = 'd_seconds_bucket{le="0.01"} 1000\nd_seconds_bucket{le="1"} 10\nd_seconds_bucket{le="+Inf"} 1010'
    assert read_twice(LoadMapping(latency="d_seconds"), first, second)["p50_ms"] > 10
    assert read_twice(LoadMapping(latency="rpc_latency_ms"), "", PAGE) == {"p50_ms": 4.0}


def test_expvar_by_dotted_names() -> None:
    reader = LoadReader(LoadMapping(requests="stats.served", p99="stats.p99", gauges=(("queue", "stats.q"),)))
    reader.read([], {"stats": {"served": 5, "p99": 7.5, "q": 3}})
    found = reader.read([], {"stats": {"served": 9, "p99": 8.5, "q": True}})
    assert found == {"requests": 4.0, "p99_ms": 8.5}
