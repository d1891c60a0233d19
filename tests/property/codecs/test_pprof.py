"""The laws of the pprof codec, for the compiled parser and its twin alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler_server.codecs import engine, pprof
from profiler_server.codecs.compression import gunzip
from profiler_server.codecs.engine import Parser
from profiler_server.codecs.pprof_message import PprofMessage
from profiler_server.codecs.pprof_scan import scan, symbolise
from profiler_server.core.errors import ProfilerError
from profiler_server.core.profile import Profile
from profiler_server.core.validate import DEFAULT_LIMITS, ProfileLimits
from tests.golden.pprof_tool import FOLDER
from tests.property.codecs.mutations import Case, cases
from tests.property.core.profiles import profiles

T = TypeVar("T")
PARSERS = {"pure": engine.PURE} | ({"compiled": engine.PARSER} if engine.COMPILED else {})
TIGHT = st.builds(
    ProfileLimits,
    sample_types=st.integers(1, 4),
    samples=st.integers(0, 60),
    stack_frames=st.integers(0, 400),
    labels=st.integers(0, 60),
    locations=st.integers(0, 80),
    lines=st.integers(0, 80),
    functions=st.integers(0, 80),
    mappings=st.integers(0, 3),
    strings=st.integers(0, 300),
)
each_parser = pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)


def outcome(call: Callable[[], T]) -> T | type[ProfilerError]:
    try:
        return call()
    except ProfilerError as error:
        return type(error)


def same_columns(a: PprofMessage, b: PprofMessage) -> bool:
    pairs = [(getattr(a, field.name), getattr(b, field.name)) for field in fields(PprofMessage)]
    return all(
        x == y if isinstance(x, bytes) else x.dtype == y.dtype and np.array_equal(x, y) for x, y in pairs
    )


@each_parser
@given(profiles())
def test_decoding_what_was_encoded_gives_the_profile(parser: Parser, profile: Profile) -> None:
    body = pprof.encode(profile)
    assert pprof.decode(body, parser=parser) == profile
    assert pprof.decode(gunzip(body, 2**24), parser=parser) == profile
    assert pprof.encode(profile) == body


@each_parser
@given(cases())
def test_any_bytes_give_a_profile_or_an_error(parser: Parser, case: Case) -> None:
    body = case.body
    found = outcome(lambda: pprof.decode(body, parser=parser))
    if isinstance(found, Profile):
        assert pprof.decode(pprof.encode(found), parser=parser) == found


@given(cases(), st.one_of(st.just(DEFAULT_LIMITS), TIGHT))
@settings(max_examples=300)
def test_the_compiled_parser_is_its_twin(case: Case, limits: ProfileLimits) -> None:
    body = case.body
    for symbols in (True, False):
        pure = outcome(lambda symbols=symbols: engine.PURE.parse(body, limits, symbols=symbols))
        fast = outcome(lambda symbols=symbols: engine.PARSER.parse(body, limits, symbols=symbols))
        if isinstance(pure, PprofMessage) and isinstance(fast, PprofMessage):
            assert same_columns(pure, fast)
        else:
            assert pure is fast


@given(cases())
@settings(max_examples=200)
def test_a_scan_by_content_is_the_same_from_both(case: Case) -> None:
    body = case.body
    pure = outcome(lambda: engine.PURE.scan(body, DEFAULT_LIMITS, content_keys=True))
    fast = outcome(lambda: engine.PARSER.scan(body, DEFAULT_LIMITS, content_keys=True))
    assert_same(pure, fast)


@given(cases())
@settings(max_examples=200)
def test_a_scan_is_the_same_from_both(case: Case) -> None:
    body = case.body
    pure, fast = (outcome(lambda p=p: scan(body, parser=p)) for p in (engine.PURE, engine.PARSER))
    assert_same(pure, fast)


def assert_same(pure: object, fast: object) -> None:
    """Both are the same kind of error, or equal field by field."""
    if isinstance(pure, type) or isinstance(fast, type):
        assert pure is fast
    else:
        assert type(pure) is type(fast)
        for field in fields(pure):
            assert np.array_equal(getattr(pure, field.name), getattr(fast, field.name)), field.name


@given(cases(), TIGHT)
def test_both_parsers_refuse_the_same_when_hashing_within_limits(case: Case, limits: ProfileLimits) -> None:
    body = case.body
    pure, fast = (outcome(lambda p=p: scan(body, limits, parser=p)) for p in (engine.PURE, engine.PARSER))
    assert isinstance(pure, type) == isinstance(fast, type)


@each_parser
@pytest.mark.parametrize("name", ["go_before", "py_module_list_late", "node_heap", "cgo_malloc_late"])
def test_a_scan_with_its_symbols_is_the_profile(parser: Parser, name: str) -> None:
    body = (FOLDER / f"{name}.pb.gz").read_bytes()
    check_scan(body, parser)


@each_parser
@given(profiles())
def test_a_scan_of_a_profile_without_addresses_has_its_values(parser: Parser, profile: Profile) -> None:
    check_scan(pprof.encode(profile, compress=False), parser)


def check_scan(body: bytes, parser: Parser) -> None:
    """Keys stand for exactly one (stack, block size), and the values are those of the decoded profile."""
    found, profile = scan(body, parser=parser), pprof.decode(body, parser=parser)
    table = symbolise(body, np.arange(len(found)), parser=parser)
    sums: dict[object, list[int]] = defaultdict(lambda: [0] * len(found.sample_types))
    stands_for: dict[int, object] = {}
    for i, (key, size, row) in enumerate(
        zip(found.keys.tolist(), found.block_bytes.tolist(), found.values.tolist(), strict=True)
    ):
        site = (table.stack(i), size)
        assert stands_for.setdefault(key, site) == site
        sums[site] = [a + b for a, b in zip(sums[site], row, strict=True)]
    assert len(set(stands_for.values())) == len(stands_for) or not found.content_keys
    expected: dict[object, list[int]] = defaultdict(lambda: [0] * len(found.sample_types))
    for (stack, labels), row in profile.contents().items():
        site = (stack, dict(labels).get("bytes", 0))
        expected[site] = [a + b for a, b in zip(expected[site], row, strict=True)]
    assert {s: v for s, v in sums.items() if any(v)} == {s: v for s, v in expected.items() if any(v)}
    has_others = any(key != "bytes" for i in profile.label_ids.tolist() for key, _ in profile.labels[i])
    assert found.has_other_labels == has_others
    assert found.sample_types == profile.sample_types
    assert (found.time_ns, found.period, found.period_type) == (
        profile.time_ns,
        profile.period,
        profile.period_type,
    )


@given(profiles(), st.binary(max_size=40))
def test_gzip_damage_is_an_error_or_the_same_profile(profile: Profile, tail: bytes) -> None:
    body = pprof.encode(profile)
    found = outcome(lambda: pprof.decode(body + tail))
    assert isinstance(found, type) or found == profile
    assert isinstance(outcome(lambda: pprof.decode(body[: len(body) // 2])), type)


@given(profiles())
def test_limits_hold(profile: Profile) -> None:
    body = pprof.encode(profile)
    tight = replace(DEFAULT_LIMITS, unpacked_bytes=10)
    assert isinstance(outcome(lambda: pprof.decode(body, tight)), type)
