"""The rules of the pprof format, one by one, for both parsers."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from profiler_server.codecs import engine, pprof, pprof_scan
from profiler_server.codecs.pprof_writer import ProtoWriter, varint
from profiler_server.core.errors import InvalidProfile, LimitExceeded, ProfilerError
from profiler_server.core.profile import Frame, LabelSet, Profile, SampleType
from profiler_server.core.validate import ProfileLimits
from tests.unit.codecs.pprof_bodies import Body, message

PARSERS = {"pure": engine.PURE} | ({"compiled": engine.PARSER} if engine.COMPILED else {})


@pytest.fixture(params=PARSERS)
def parser(request: pytest.FixtureRequest) -> engine.Parser:
    return PARSERS[request.param]


def three_functions(body: Body) -> Body:
    body.function(1, "leaf", "leaf.go").function(2, "middle", "m.go").function(3, "root", "r.go")
    return body.location(1, (1, 10)).location(2, (2, 20)).location(3, (3, 30))


def stacks_of(profile: Profile) -> dict[tuple[str, ...], tuple[int, ...]]:
    return {tuple(frame.function for frame in stack): row for (stack, _), row in profile.contents().items()}


def test_a_whole_profile(parser: engine.Parser) -> None:
    body = three_functions(Body(("alloc_space", "bytes"), ("inuse_space", "bytes")))
    body.sample([1, 2, 3], [100, -7], ("bytes", 48), ("thread", "main"))
    body.header(9, 1_700_000_000_000_000_000).header(10, 60_000_000_000)
    body.message(11, (1, body.strings.index("space")), (2, body.strings.index("bytes")))
    body.header(12, 524_288).header(14, "alloc_space")
    profile = pprof.decode(body.content(), parser=parser)
    stack = (Frame("leaf", "leaf.go", 10), Frame("middle", "m.go", 20), Frame("root", "r.go", 30))
    labels: LabelSet = (("bytes", 48), ("thread", "main"))
    assert profile.contents() == {(stack, labels): (100, -7)}
    assert profile.sample_types == (SampleType("alloc_space", "bytes"), SampleType("inuse_space", "bytes"))
    assert (profile.time_ns, profile.duration_ns) == (1_700_000_000_000_000_000, 60_000_000_000)
    assert (profile.period_type, profile.period) == (SampleType("space", "bytes"), 524_288)
    assert profile.default_sample_type == "alloc_space"
    assert pprof.decode(gzip.compress(body.content()), parser=parser) == profile


def test_packed_and_unpacked_numbers_mix(parser: engine.Parser) -> None:
    body = three_functions(Body(("a", "x"), ("b", "x")))
    body.message(2, (1, 1), (1, varint(2) + varint(3)), (2, 5), (2, varint(2**64 - 6)))
    assert stacks_of(pprof.decode(body.content(), parser=parser)) == {("leaf", "middle", "root"): (5, -6)}


def test_inlined_lines_are_frames_innermost_first(parser: engine.Parser) -> None:
    body = Body().function(1, "inlined").function(2, "outer").location(7, (1, 3), (2, 4))
    body.sample([7], [9])
    assert stacks_of(pprof.decode(body.content(), parser=parser)) == {("inlined", "outer"): (9,)}


@pytest.mark.parametrize("ids", [(3, 1, 2), (10, 500, 2**63), (2**64 - 1, 5, 77)])
def test_ids_need_not_be_positional(parser: engine.Parser, ids: tuple[int, int, int]) -> None:
    body = Body()
    for number, name in zip(ids, ("leaf", "middle", "root"), strict=True):
        body.function(number, name).location(number, (number, 1))
    body.sample(ids, [4])
    assert stacks_of(pprof.decode(body.content(), parser=parser)) == {("leaf", "middle", "root"): (4,)}


def test_unsymbolised_addresses_are_named_by_file_and_offset(parser: engine.Parser) -> None:
    body = Body().mapping(1, 0x7F00_0000, 0x1000, "/usr/lib/libfoo.so.2", "abc")
    body.location(1, address=0x7F00_0F30, mapping=1).location(2, address=0xABC, mapping=9).location(3)
    body.sample([1, 2, 3], [1])
    assert stacks_of(pprof.decode(body.content(), parser=parser)) == {
        ("[libfoo.so.2] 0x1f30", "0xabc", "[unknown]"): (1,)
    }


def test_samples_with_the_same_stack_add_up_and_may_have_no_stack(parser: engine.Parser) -> None:
    body = three_functions(Body()).sample([1], [2]).sample([1], [3]).sample([], [7])
    assert stacks_of(pprof.decode(body.content(), parser=parser)) == {("leaf",): (5,), (): (7,)}


def test_reserved_and_empty_labels_are_left_out(parser: engine.Parser) -> None:
    body = three_functions(Body()).sample([1], [2], ("pprof::base", "true"), ("", "x"), ("z", 0), ("k", ""))
    ((_, labels),) = pprof.decode(body.content(), parser=parser).contents()
    assert labels == (("k", 0), ("z", 0))


def test_text_that_is_not_utf8_or_holds_nul_is_made_readable(parser: engine.Parser) -> None:
    body = Body().location(1, (1, 1)).sample([1], [1])
    body.out.message(5, message((1, 1), (2, 3)))
    content = body.content() + b"".join(b"\x32" + varint(len(t)) + t for t in (b"a\xff\0b",))
    assert stacks_of(pprof.decode(content, parser=parser)) == {("a\ufffd\ufffdb",): (1,)}


def test_lines_outside_a_file_are_unknown(parser: engine.Parser) -> None:
    body = Body().function(1, "f").location(1, (1, -5)).location(2, (1, 2**40)).sample([1, 2], [1])
    ((stack, _),) = pprof.decode(body.content(), parser=parser).contents()
    assert [frame.line for frame in stack] == [0, 0]


def drops(body: Body, drop: str, keep: str = "") -> Body:
    return body.header(7, drop).header(8, keep)


def test_dropped_frames_go_with_all_below_them(parser: engine.Parser) -> None:
    body = three_functions(Body()).function(4, "malloc").function(5, "do_malloc")
    body.location(4, (4, 1)).location(5, (5, 1)).sample([5, 4, 1, 2], [3]).sample([5, 4], [8])
    drops(body, "malloc|leaf_never")
    found = stacks_of(pprof.decode(body.content(), parser=parser))
    assert found == {("leaf", "middle"): (3,), ("do_malloc", "malloc"): (8,)}


@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("malloc(unsigned long)", True),
        (".malloc", True),
        ("(anonymous namespace)::f(int)", False),
        ("free(void*)", False),
    ],
)
def test_argument_lists_do_not_count_for_dropping(parser: engine.Parser, name: str, *, dropped: bool) -> None:
    body = three_functions(Body()).function(4, name).location(4, (4, 1)).sample([4, 1], [3])
    found = stacks_of(pprof.decode(drops(body, "malloc").content(), parser=parser))
    assert found == {("leaf",) if dropped else (name, "leaf"): (3,)}


def test_scanning_finds_the_same_stacks_by_ids_of_any_size(parser: engine.Parser) -> None:
    """Ids too sparse for a plain table, with addresses and without, beside the same message with small ids."""
    keys = []
    for address in (0, 0x400000):
        for spread in (1, 2**40):
            body = Body().function(spread, "f").function(2 * spread, "g")
            body.location(spread, (spread, 1), address=address).location(
                2 * spread, (2 * spread, 2), address=address * 2
            )
            body.sample([spread, 2 * spread], [5], ("bytes", 16)).sample([2 * spread], [6])
            found = pprof_scan.scan(body.content(), parser=parser)
            assert found.content_keys == (address == 0)
            keys.append(found.keys.tolist())
            table = pprof_scan.symbolise(body.content(), np.array([1, 0]), parser=parser)
            assert [frame.function for frame in table.stack(1)] == ["f", "g"]
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]
    assert len({key for row in keys for key in row}) == 4


def test_rules_of_dropping_change_the_keys(parser: engine.Parser) -> None:
    plain = three_functions(Body()).sample([1, 2], [5])
    pruned = drops(three_functions(Body()).sample([1, 2], [5]), "leaf")
    keys = [pprof_scan.scan(body.content(), parser=parser).keys[0] for body in (plain, pruned)]
    assert keys[0] != keys[1]


def test_kept_frames_and_anchoring_protect_from_dropping(parser: engine.Parser) -> None:
    body = drops(three_functions(Body()).sample([1, 2, 3], [1]), "le.*|midd", "leaf")
    assert stacks_of(pprof.decode(body.content(), parser=parser)) == {("leaf", "middle", "root"): (1,)}


def test_within_a_location_what_is_inlined_into_a_dropped_line_goes(parser: engine.Parser) -> None:
    body = Body().function(1, "inner").function(2, "drop").function(3, "outer").function(4, "root")
    body.location(1, (1, 1), (2, 1), (3, 1)).location(2, (4, 1)).sample([1, 2], [6])
    assert stacks_of(pprof.decode(drops(body, "drop").content(), parser=parser)) == {("outer", "root"): (6,)}


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "(?=x)", "(a|b", r"\8", "[a"])
def test_a_pattern_that_cannot_be_used_is_malformed(parser: engine.Parser, pattern: str) -> None:
    body = drops(three_functions(Body()).sample([1], [1]), pattern)
    with pytest.raises(InvalidProfile, match="drop_frames"):
        pprof.decode(body.content(), parser=parser)


def test_a_hostile_pattern_takes_linear_time(parser: engine.Parser) -> None:
    body = Body().function(1, "a" * 5000 + "!").location(1, (1, 1)).sample([1], [1])
    drops(body, "(a*)*(a*)*(a|aa)+")
    assert len(pprof.decode(body.content(), parser=parser)) == 1


def broken_bodies() -> dict[str, bytes]:
    whole = three_functions(Body()).sample([1], [1]).content()
    return {
        "nothing": b"",
        "no sample type": message((6, b"")),
        "unterminated varint": whole + b"\x10\xff",
        "unterminated varint in a packed field": whole + message((2, message((1, b"\x01\xff")))),
        "eleven byte varint": whole + b"\x48" + b"\xff" * 10 + b"\x01",
        "length beyond the end": whole + b"\x12\x7f",
        "group": whole + b"\x0b\x0c",
        "wrong wire type": whole + b"\x10\x01",
        "fixed field cut off": whole + b"\x99\x01\x00\x00",
        "unknown location": three_functions(Body()).sample([9], [1]).content(),
        "location zero": three_functions(Body()).sample([0], [1]).content(),
        "unknown function": Body().location(1, (5, 1)).sample([1], [1]).content(),
        "doubled location": three_functions(Body()).location(1, (1, 1)).sample([1], [1]).content(),
        "doubled function": three_functions(Body()).function(1, "again").sample([1], [1]).content(),
        "location without an id": Body().location(0, address=5).content(),
        "too few values": three_functions(Body(("a", "b"), ("c", "d"))).sample([1], [1]).content(),
        "too many values": three_functions(Body()).sample([1], [1, 2]).content(),
        "string index too large": three_functions(Body()).header(14, 99).content(),
        "negative string index": three_functions(Body()).header(7, -1).content(),
        "table without its empty string": message((1, message((1, 0), (2, 0))), (6, b"x")),
        "no string table": message((1, message((1, 0), (2, 0)))),
        "two profiles": (three_functions(Body()).header(9, 5).content()) * 2,
        "two sample types of one name": Body(("a", "b"), ("a", "c")).content(),
        "gzip cut off": gzip.compress(whole)[:-9],
        "gzip damaged": gzip.compress(whole)[:20] + b"\0\0\0" + gzip.compress(whole)[23:],
        "gzip with a tail": gzip.compress(whole) + b"tail",
        "text": b"main;a;b 10\n",
    }


@pytest.mark.parametrize("name", broken_bodies())
def test_broken_bodies_are_refused(parser: engine.Parser, name: str) -> None:
    with pytest.raises(InvalidProfile) as caught:
        pprof.decode(broken_bodies()[name], parser=parser)
    assert caught.value.code == "invalid_profile"
    assert caught.value.message


def test_gzip_of_several_members_is_one_body(parser: engine.Parser) -> None:
    whole = three_functions(Body()).sample([1], [1]).content()
    body = gzip.compress(whole[:30]) + gzip.compress(whole[30:])
    assert pprof.decode(body, parser=parser) == pprof.decode(whole, parser=parser)


def big(**counts: int) -> bytes:
    body = three_functions(Body())
    for _ in range(counts.get("samples", 0)):
        body.sample([1] * counts.get("depth", 1), [1], *[("k", "v")] * counts.get("labels", 0))
    return body.content()


@pytest.mark.parametrize(
    ("limits", "body"),
    [
        (ProfileLimits(samples=2), big(samples=3)),
        (ProfileLimits(stack_depth=4), big(samples=1, depth=5)),
        (ProfileLimits(stack_frames=9), big(samples=2, depth=5)),
        (ProfileLimits(labels=1), big(samples=1, labels=2)),
        (ProfileLimits(locations=2), big()),
        (ProfileLimits(lines=2), big()),
        (ProfileLimits(functions=2), big()),
        (ProfileLimits(strings=5), big()),
        (ProfileLimits(string_length=5), big(samples=1)),
        (ProfileLimits(sample_types=0), big()),
        (ProfileLimits(unpacked_bytes=20), big()),
        (ProfileLimits(unpacked_bytes=2**16), gzip.compress(bytes(2**20))),
    ],
    ids=str,
)
def test_every_bound_is_kept(parser: engine.Parser, limits: ProfileLimits, body: bytes) -> None:
    with pytest.raises(LimitExceeded):
        pprof.decode(body, limits, parser=parser)


def test_inlining_cannot_multiply_beyond_the_bound(parser: engine.Parser) -> None:
    body = Body().function(1, "f").location(1, *[(1, 1)] * 1000)
    for _ in range(200):
        body.sample([1] * 1000, [1])
    with pytest.raises(LimitExceeded):
        pprof.decode(body.content(), ProfileLimits(stack_frames=2**27), parser=parser)


def test_sums_beyond_int64_are_refused(parser: engine.Parser) -> None:
    body = three_functions(Body()).sample([1], [2**62]).sample([2], [2**62])
    with pytest.raises(ProfilerError):
        pprof.decode(body.content(), parser=parser)


def test_encoding_leaves_zeros_out_as_proto3_does() -> None:
    out = ProtoWriter()
    out.integer(1, 0)
    out.packed(2, [])
    assert out.content() == b""
    assert varint(300) == b"\xac\x02"
    assert varint(-1) == b"\xff" * 9 + b"\x01"
