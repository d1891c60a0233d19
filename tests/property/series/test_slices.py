"""Packed columns of points come back bit for bit, whatever they hold; damage is noticed."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler_server.core.points import PointBatch
from profiler_server.series.hours import join_batches, pack_buckets, pack_hour, thin, unpack_hour
from profiler_server.series.slices import decode_all, decode_times, decode_values, encode_times, encode_values
from profiler_server.storage.sealing import DamagedBlock

numbers = st.one_of(
    st.floats(allow_infinity=False, allow_nan=True, width=64),
    st.integers(-(10**12), 10**12).map(float),
    st.decimals(-(10**6), 10**6, places=3).map(float),
)


@given(st.lists(numbers, max_size=200))
def test_values_come_back_bit_for_bit(values: list[float]) -> None:
    array = np.array(values, np.float64)
    back = decode_values(encode_values(array), len(array))
    assert np.array_equal(np.isnan(array), np.isnan(back))
    some = ~np.isnan(array)
    assert array[some].tobytes() == back[some].tobytes()


alike = st.tuples(st.sampled_from([0, 1, 7, 30]), st.sampled_from([1.0, 4096.0, 0.01]), st.booleans())


@given(st.lists(alike, max_size=30), st.randoms(use_true_random=False))
def test_many_blocks_open_as_each_alone(forms: list[tuple[int, float, bool]], random: random.Random) -> None:
    columns = []
    for length, unit, has_gaps in forms:
        values = np.array([random.randint(-300, 300) * unit for _ in range(length)], np.float64)
        values[: 1 if has_gaps else 0] = np.nan
        columns.append(values)
    blocks = [encode_values(values) for values in columns]
    for found, values, block in zip(
        decode_all(blocks, list(map(len, columns))), columns, blocks, strict=True
    ):
        assert np.array_equal(found, values, equal_nan=True)
        assert found.tobytes() == decode_values(block, len(values)).tobytes()


def test_many_blocks_are_not_opened_with_another_length() -> None:
    block = encode_values(np.arange(50.0))
    with pytest.raises(DamagedBlock):
        decode_all([block, block], [50, 49])


@given(st.lists(st.integers(0, 3_599_999), unique=True, max_size=200).map(sorted))
def test_times_come_back_to_the_millisecond(offsets: list[int]) -> None:
    start = 1_795_000_000.0 // 3600 * 3600
    ts = (np.array(offsets, np.float64) + start * 1000) / 1000
    assert decode_times(encode_times(ts, start), start, len(ts)).tolist() == ts.tolist()


@given(st.data())
def test_a_flipped_bit_is_noticed(data: st.DataObject) -> None:
    block = bytearray(encode_values(np.arange(50) * 1.5))
    place = data.draw(st.integers(0, len(block) * 8 - 1))
    block[place // 8] ^= 1 << place % 8
    with pytest.raises(DamagedBlock):
        decode_values(bytes(block), 50)


def test_an_hour_of_ordinary_points_takes_less_than_two_bytes_each() -> None:
    rng = np.random.default_rng(1)
    ts = 1_795_000_000 + np.arange(360) * 10.0
    rss = np.round(np.cumsum(rng.normal(0, 30, 360)) + 90_000) * 4096
    columns = {
        "rss_bytes": rss,
        "requests": rng.poisson(40, 360).astype(float),
        "p99_ms": np.round(rng.gamma(4, 9, 360), 2),
    }
    packed = pack_hour(PointBatch(ts, columns), 1_795_000_000.0)
    assert len(packed.data) < 2 * 360 * len(columns)
    back = unpack_hour(packed.data, packed.ends, tuple(columns), 1_795_000_000.0, 360)
    assert all(np.array_equal(back.columns[name], columns[name]) for name in columns)


def test_thinning_keeps_the_extremes_and_the_gaps() -> None:
    ts = np.arange(0.0, 1200.0, 10.0)
    values = np.ones(120)
    values[45] = 77.0
    values[60:] = np.nan
    buckets = thin(PointBatch(ts, {"fds": values}), 0.0, 300)
    mean, low, high = buckets.columns["fds"]
    assert high.tolist()[:2] == [1.0, 77.0]
    assert low.tolist()[:2] == [1.0, 1.0]
    assert np.isnan(mean[2:]).all()


def test_the_first_batch_with_a_value_wins() -> None:
    one = PointBatch(np.array([1.0, 2.0]), {"a": np.array([1.0, np.nan])})
    two = PointBatch(np.array([2.0, 3.0]), {"a": np.array([5.0, 6.0]), "b": np.array([7.0, np.nan])})
    joined = join_batches([one, two, PointBatch(np.array([1.0]), {"a": np.array([9.0])})])
    assert joined.ts.tolist() == [1.0, 2.0, 3.0]
    assert joined.columns["a"].tolist() == [1.0, 5.0, 6.0]
    assert joined.columns["b"][1] == 7.0


@given(st.lists(st.integers(-(10**6), 10**6), max_size=100), st.sampled_from([1, 7, 16, 4096, 65_536]))
def test_values_in_units_come_back_and_take_no_more_room(counts: list[int], unit: int) -> None:
    values = np.array(counts, np.float64) * unit
    block = encode_values(values)
    assert decode_values(block, len(values)).tolist() == values.tolist()
    with_gaps = np.append(values, np.nan)
    assert decode_values(encode_values(with_gaps), len(with_gaps))[:-1].tolist() == values.tolist()


def test_pages_take_no_more_room_than_their_numbers() -> None:
    pages = np.round(40_000 + np.cumsum(np.random.default_rng(1).normal(0, 12, 360)))
    assert len(encode_values(pages * 4096)) <= len(encode_values(pages)) + 12


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60), st.sampled_from([1, 16, 4096]))
def test_thinned_means_are_near_and_between_the_extremes(counts: list[int], unit: int) -> None:
    ts = 1_795_000_000.0 + 10 * np.arange(len(counts))
    values = np.array(counts, np.float64) * unit
    buckets = thin(PointBatch(ts, {"rss_bytes": values}), 1_795_000_000.0, 300)
    packed = pack_buckets(buckets, 1_795_000_000.0)
    count = len(buckets.ts)
    stored = decode_values(packed.data[packed.ends[0] :], 3 * count).reshape(3, count)
    means, lows, highs = buckets.columns["rss_bytes"]
    assert stored[1:].tolist() == [lows.tolist(), highs.tolist()]
    assert ((stored[0] >= lows - 1e-3) & (stored[0] <= highs + 1e-3)).all()
    assert (np.abs(stored[0] - means) <= np.maximum(1.0, np.abs(means) / 1000)).all()
