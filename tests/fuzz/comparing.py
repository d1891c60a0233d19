"""One fuzzed body through every door of the compiled parser, each answer held against the pure twin's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from random import Random

import numpy as np

from profiler_server.codecs import _fast_pprof, engine, pprof
from profiler_server.codecs.pprof_message import PprofMessage
from profiler_server.codecs.pprof_scan import Scan, scan
from profiler_server.codecs.scanned_columns import ScannedColumns
from profiler_server.core.errors import ProfilerError
from profiler_server.core.validate import DEFAULT_LIMITS, ProfileLimits
from profiler_server.profiles import go_counts
from profiler_server.profiles.arranging import arrange, arrange_in_numpy
from profiler_server.storage.columns import pack, pack_in_numpy, pack_rising, pack_rising_in_numpy

SHARE_WITH_TWIN = 0.05
TIGHT = ProfileLimits(
    samples=50, stack_frames=300, labels=40, locations=60, lines=60, functions=50, strings=200
)


def compare(body: bytes, random: Random) -> str:
    """Return how the body ended ("profile" or an error's code); raises AssertionError when the twins differ."""
    limits = TIGHT if random.random() < 0.2 else DEFAULT_LIMITS
    if random.random() < SHARE_WITH_TWIN:
        hold_against_twin(body, limits)
    _fast_pprof.release_kept()  # memory of another body's size would hide a step beyond its end
    found = ending(lambda: pprof.decode(body))
    ending(lambda: engine.PARSER.parse(body, limits))
    scanned = ending(lambda: scan(body, limits))
    if isinstance(scanned, Scan):
        hold_rows_against_twins(scanned, random)
    ending(lambda: engine.PARSER.scan(body, limits, content_keys=True))
    return found if isinstance(found, str) else "profile"


def hold_against_twin(body: bytes, limits: ProfileLimits) -> None:
    """Raise AssertionError when compiled and pure parser do not give the same columns, hashes or kind of error."""
    for symbols in (True, False):
        fast = ending(lambda s=symbols: engine.PARSER.parse(body, limits, symbols=s))
        pure = ending(lambda s=symbols: engine.PURE.parse(body, limits, symbols=s))
        assert same(fast, pure), (fast, pure)
    for door in (
        lambda p: p.scan(body, limits, content_keys=True),
        lambda p: scan(body, limits, parser=p),
    ):
        fast, pure = (ending(lambda p=p, d=door: d(p)) for p in (engine.PARSER, engine.PURE))
        both_refuse = isinstance(fast, str) and isinstance(pure, str)
        assert same(fast, pure) or (limits is TIGHT and both_refuse), (fast, pure)


def hold_rows_against_twins(scanned: Scan, random: Random) -> None:
    """Raise AssertionError when compiled and pure code put a profile's values into different columns."""
    values, sizes = scanned.values, scanned.block_bytes
    sites = np.array([random.randrange(1 + len(values)) for _ in range(len(values))], np.int64)
    order = np.argsort(sites, kind="stable")
    ids, starts = np.unique(sites[order], return_index=True)
    parts = (values, order, starts, ids.astype(np.int32), ids * 16)
    arranged = arrange(*parts)
    for found, expected in zip(arranged, arrange_in_numpy(*parts), strict=True):
        assert np.array_equal(found, expected)
    assert pack_rising(arranged[0]) == pack_rising_in_numpy(arranged[0])
    for column in (values.ravel(), sizes):
        assert pack(column) == pack_in_numpy(column)
    if values.shape[1] == len(go_counts.HEAP_TYPES):
        rate = random.choice((2, 32_768, 524_288))
        with np.errstate(all="ignore"):
            expected_counts = go_counts.counts_in_numpy(values, sizes, rate)
        for found, expected in zip(go_counts.counts_of(values, sizes, rate), expected_counts, strict=True):
            assert np.array_equal(found, expected)


def ending(call: Callable[[], object]) -> object:
    try:
        return call()
    except ProfilerError as error:
        return error.code


def same(a: object, b: object) -> bool:
    for kind in (Scan, ScannedColumns):
        if isinstance(a, kind) and isinstance(b, kind):
            return all(
                np.array_equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(kind)
            )
    if isinstance(a, PprofMessage) and isinstance(b, PprofMessage):
        pairs = ((getattr(a, field.name), getattr(b, field.name)) for field in fields(PprofMessage))
        return all(x == y if isinstance(x, bytes) else np.array_equal(x, y) for x, y in pairs)
    return a == b
