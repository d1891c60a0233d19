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
    ending(lambda: scan(body, limits))
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
