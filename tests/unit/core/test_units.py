"""How quantities read."""

from __future__ import annotations

import math

import pytest

from profiler_server.core import units


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024 * 1023.97, "1.0 MiB"),
        (150 * 2**20, "150 MiB"),
        (-5 * 2**20, "−5.0 MiB"),
        (3 * 2**60, "3072 PiB"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_bytes(size: float | None, text: str) -> None:
    assert units.format_bytes(size) == text


def test_growth_has_a_sign_and_a_rate() -> None:
    assert units.format_growth(12.3 * 2**20) == "+12.3 MiB/h"
    assert units.format_growth(-2048) == "−2.0 KiB/h"
    assert units.format_growth(None) == units.format_growth(math.nan) == "–"
    assert units.growth_per_hour(10, 1800) == 20
    assert math.isnan(units.growth_per_hour(10, 0))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "250 ms"),
        (1, "1 s"),
        (59.7, "1 min"),
        (3569, "59 min"),
        (3590, "1 h"),
        (12_000, "3 h 20 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (1e10, "more than 10 years"),
        (-90, "−2 min"),
        (None, "–"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert units.format_duration(seconds) == text


def test_counts_shares_and_values() -> None:
    assert units.format_count(48_211) == "48.2 k"
    assert units.format_count(999) == "999"
    assert units.format_share(0.031) == "3.1 %"
    assert units.format_share(0.42) == "42 %"
    assert units.format_share(math.nan) == "–"
    assert units.format_value(2048, "bytes") == "2.0 KiB"
    assert units.format_value(2e9, "nanoseconds") == "2 s"
    assert units.format_value(1500, "count", signed=True) == "+1.5 k"
    assert units.format_value(None, "bytes") == "–"
