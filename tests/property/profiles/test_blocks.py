"""Blocks give back what was written, bit for bit, and refuse what was not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler_server.core.profile import Int64Array
from profiler_server.profiles import go_counts
from profiler_server.profiles.arranging import FAST_ROWS, arrange, arrange_in_numpy
from profiler_server.profiles.blocks import (
    BaseBlock,
    FromBase,
    Origin,
    decode_chunk,
    decode_snapshot,
    decode_sums,
    encode_chunk,
    encode_hot,
    encode_snapshot,
    encode_sums,
    gather_sites,
)
from profiler_server.profiles.catalogue import Catalogue, decode_catalogue, encode_catalogue
from profiler_server.storage.columns import (
    pack,
    pack_in_numpy,
    pack_rising,
    pack_rising_in_numpy,
    unpack,
    unpack_rising,
)
from profiler_server.storage.sealing import DamagedBlock

RATE = 524_288
int64 = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(int64, max_size=100))
def test_packed_columns_come_back(values: list[int]) -> None:
    array = np.array(values, np.int64)
    data = b"xx" + pack(array) + b"rest"
    back, end = unpack(data, 2, len(array))
    assert back.tolist() == values
    assert data[end:] == b"rest"


@given(st.lists(st.integers(0, 2**40), max_size=100).map(sorted))
def test_rising_columns_come_back(values: list[int]) -> None:
    data = pack_rising(np.array(values, np.int64))
    assert unpack_rising(data, 0, len(values))[0].tolist() == values


@st.composite
def go_rows(draw: st.DrawFn) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Return (counts, sizes, values) as Go's runtime makes them."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**7)),
            min_size=1,
            max_size=60,
        )
    )
    counts = np.array([row[:2] for row in rows], np.int64)
    sizes = np.array([row[2] for row in rows], np.int64)
    values = np.empty((len(rows), 4), np.int64)
    for i in (0, 1):
        values[:, 2 * i] = go_counts.restore(counts[:, i], sizes, RATE, as_bytes=False)
        values[:, 2 * i + 1] = go_counts.restore(counts[:, i], sizes, RATE, as_bytes=True)
    return counts, sizes, values


@given(go_rows())
def test_gos_counts_are_found_again(rows: tuple[Int64Array, Int64Array, Int64Array]) -> None:
    counts, sizes, values = rows
    found, exact = go_counts.counts_of(values, sizes, RATE)
    assert exact.all()
    for i in (0, 1):
        assert (
            go_counts.restore(found[:, i], sizes, RATE, as_bytes=True).tolist()
            == values[:, 2 * i + 1].tolist()
        )
    assert found.tolist() == counts.tolist()


def test_the_scaling_is_that_of_the_runtime() -> None:
    """Values of a real profile: 1 sampled object of 1024 bytes stands for 512 of them at 512 KiB."""
    values = np.array([[512, 524800, 512, 524800]])
    found, exact = go_counts.counts_of(values, np.array([1024]), RATE)
    assert exact.all()
    assert found.tolist() == [[1, 1]]


@given(go_rows(), st.lists(st.lists(int64, min_size=4, max_size=4), max_size=8))
def test_compiled_counts_are_those_of_the_twin(
    rows: tuple[Int64Array, Int64Array, Int64Array], broken: list[list[int]]
) -> None:
    _, sizes, values = rows
    values = np.concatenate([values, np.array(broken, np.int64).reshape(-1, 4)])
    sizes = np.resize(np.concatenate([sizes, [0, -5, 2**62]]), len(values))
    found, exact = go_counts.counts_of(values, sizes, RATE)
    expected, expected_exact = go_counts.counts_in_numpy(values, sizes, RATE)
    assert exact.tolist() == expected_exact.tolist()
    assert found.tolist() == expected.tolist()


@given(st.lists(int64, max_size=60), st.integers(0, 63))
def test_compiled_columns_are_those_of_the_twin(values: list[int], shift: int) -> None:
    array = np.array(values, np.int64) >> shift
    assert pack(array) == pack_in_numpy(array)
    assert pack_rising(array) == pack_rising_in_numpy(array)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-3, 3), int64), max_size=60))
def test_compiled_arranging_is_its_twin(samples: list[tuple[int, int, int]]) -> None:
    table = np.array(samples, np.int64).reshape(-1, 3)
    order = np.argsort(table[:, 0], kind="stable")
    ids, starts = np.unique(table[order, 0], return_index=True)
    values, site_ids = np.ascontiguousarray(table[:, 1:]), ids.astype(np.int32)
    given_parts = (values, order, starts, site_ids, ids * 16)
    for found, expected in zip(arrange(*given_parts), arrange_in_numpy(*given_parts), strict=True):
        assert found.dtype == expected.dtype
        assert found.tolist() == expected.tolist()


@pytest.mark.skipif(FAST_ROWS is None, reason="only the compiled module takes pointers")
def test_compiled_arranging_refuses_what_leaves_its_tables() -> None:
    values, ids = np.ones((3, 2), np.int64), np.arange(2, dtype=np.int32)
    sizes = np.zeros(2, np.int64)
    for order, starts in (
        ([0, 1, 3], [0, 1]),
        ([0, 1, -1], [0, 1]),
        ([0, 1, 2], [1, 0]),
        ([0, 1, 2], [0, 3]),
    ):
        with pytest.raises(ValueError, match="leave their tables"):
            arrange(values, np.array(order), np.array(starts), ids, sizes)
    with pytest.raises(ValueError, match="equally many"):
        arrange(values, np.arange(2), np.arange(2), ids, sizes)


@settings(deadline=None)
@given(go_rows(), st.data())
def test_snapshots_come_back_whatever_they_hold(
    rows: tuple[Int64Array, Int64Array, Int64Array], data: st.DataObject
) -> None:
    _, sizes, values = rows
    broken = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=5))
    for row in broken:  # not what the runtime's scaling gives
        values[row] = data.draw(st.lists(int64, min_size=4, max_size=4))
    ids = data.draw(st.permutations(range(len(values))))
    sites = gather_sites(np.array(ids), values)
    by_site = np.zeros(len(values), np.int64)
    by_site[ids] = sizes
    for origin in (Origin(4, RATE, by_site), Origin(4, 0, by_site)):
        back = decode_snapshot(encode_snapshot(sites, origin), origin)
        assert back.site_ids.tolist() == sites.site_ids.tolist()
        assert back.values.tolist() == sites.values.tolist()
        for column in range(4):
            one = decode_snapshot(encode_snapshot(sites, origin), origin, column)
            assert one.values[:, 0].tolist() == sites.values[:, column].tolist()


@settings(deadline=None)
@given(go_rows(), go_rows(), st.integers(0, 50), st.booleans(), st.data())
def test_a_snapshot_comes_back_from_its_differences(
    first: tuple[Int64Array, Int64Array, Int64Array],
    second: tuple[Int64Array, Int64Array, Int64Array],
    shift: int,
    is_go: bool,
    data: st.DataObject,
) -> None:
    values = second[2].copy()
    for row in data.draw(st.lists(st.integers(0, len(values) - 1), max_size=5)):
        values[row] = data.draw(st.lists(int64, min_size=4, max_size=4))
    by_site = np.zeros(max(len(first[1]), shift + len(values)), np.int64)
    by_site[: len(first[1])] = first[1]
    by_site[shift : shift + len(values)] = second[1]
    origin = Origin(4, RATE if is_go else 0, by_site)
    base_block, base = encode_hot(gather_sites(np.arange(len(first[2])), first[2]), origin)
    sites = gather_sites(np.arange(len(values)) + shift, values)
    block, _ = encode_hot(sites, origin, base)
    stored = FromBase(block, BaseBlock(base_block))
    back = decode_snapshot(stored, origin)
    assert back.site_ids.tolist() == sites.site_ids.tolist()
    assert back.values.tolist() == sites.values.tolist()
    for column in range(4):
        one = decode_snapshot(stored, origin, column)
        assert one.values[:, 0].tolist() == sites.values[:, column].tolist()


def test_differences_are_not_opened_without_their_own_base() -> None:
    origin = Origin(2, 0, np.zeros(30, np.int64))
    profiles = [gather_sites(np.arange(30), np.arange(60).reshape(30, 2) + step) for step in (1, 2, 3)]
    first, base = encode_hot(profiles[0], origin)
    block, _ = encode_hot(profiles[1], origin, base)
    for wrong in (block, FromBase(block, BaseBlock(encode_snapshot(profiles[2], origin)))):
        with pytest.raises(DamagedBlock):
            decode_snapshot(wrong, origin)
    with pytest.raises(DamagedBlock):
        decode_snapshot(FromBase(block, BaseBlock(block)), origin)
    assert (
        decode_snapshot(FromBase(block, BaseBlock(first)), origin).values.tolist()
        == profiles[1].values.tolist()
    )


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 9), st.integers(0, 2**32 - 1), st.booleans())
def test_chunks_come_back(sites: int, profiles: int, seed: int, is_go: bool) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 100_000, 40)
    ids = np.sort(rng.choice(40, sites, replace=False)).astype(np.int32)
    cube = rng.integers(-5, 1_000, (sites, profiles, 4))
    if is_go:
        for i in (0, 1):
            counts = rng.integers(0, 90, (sites, profiles)) * (rng.random((sites, profiles)) > 0.3)
            cube[:, :, 2 * i] = go_counts.restore(counts, sizes[ids], RATE, as_bytes=False)
            cube[:, :, 2 * i + 1] = go_counts.restore(counts, sizes[ids], RATE, as_bytes=True)
        cube[0, 0] = (1, 2, 3, 4)
    origin = Origin(4, RATE if is_go else 0, sizes)
    block = encode_chunk(ids, cube, origin)
    back_ids, back = decode_chunk(block, origin)
    assert back_ids.tolist() == ids.tolist()
    assert back.tolist() == cube.tolist()
    assert decode_chunk(block, origin, 3)[1][:, :, 0].tolist() == cube[:, :, 3].tolist()


@given(st.dictionaries(st.integers(0, 5_000), int64, max_size=80))
def test_sums_come_back_without_zeros(sums: dict[int, int]) -> None:
    ids = np.array(sorted(sums), np.int64)
    back_ids, back = decode_sums(encode_sums(ids, np.array([sums[i] for i in ids.tolist()], np.int64)))
    assert dict(zip(back_ids.tolist(), back.tolist(), strict=True)) == {k: v for k, v in sums.items() if v}


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_catalogues_come_back(seed: int, profiles: int) -> None:
    rng = np.random.default_rng(seed)
    catalogue = Catalogue(
        np.sort(rng.integers(0, 2**50, profiles)),
        rng.integers(0, 2**40, profiles),
        rng.integers(0, 2**20, profiles),
        rng.integers(-(2**60), 2**60, (profiles, 3)),
    )
    back = decode_catalogue(encode_catalogue(catalogue))
    assert back.taken_us.tolist() == catalogue.taken_us.tolist()
    assert back.durations_ns.tolist() == catalogue.durations_ns.tolist()
    assert back.samples.tolist() == catalogue.samples.tolist()
    assert back.totals.tolist() == catalogue.totals.tolist()


@given(st.data())
def test_any_flipped_bit_and_any_cut_are_noticed(data: st.DataObject) -> None:
    origin = Origin(2, 0, np.zeros(30, np.int64))
    block = encode_snapshot(gather_sites(np.arange(30), np.arange(60).reshape(30, 2) + 1), origin)
    flipped = bytearray(block)
    place = data.draw(st.integers(0, len(block) * 8 - 1))
    flipped[place // 8] ^= 1 << place % 8
    cut = block[: data.draw(st.integers(0, len(block) - 1))]
    for damaged in (bytes(flipped), cut):
        with pytest.raises(DamagedBlock):
            decode_snapshot(damaged, origin)


def test_a_block_of_another_shape_is_refused() -> None:
    block = encode_snapshot(
        gather_sites(np.arange(3), np.ones((3, 2), np.int64)), Origin(2, 0, np.zeros(3, np.int64))
    )
    with pytest.raises(DamagedBlock, match="shape"):
        decode_snapshot(block, Origin(4, 0, np.zeros(3, np.int64)))
    with pytest.raises(DamagedBlock, match="dictionary"):
        decode_snapshot(block, Origin(2, 0, np.zeros(2, np.int64)))
