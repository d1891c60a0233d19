"""The pprof encoder, read back by the official protobuf library's rules through the server's decoder."""

from __future__ import annotations

import gzip
import tracemalloc

from plimsoll_agent.pprof import Encoder, Site, varint
from plimsoll_agent.samplers.traced import TracedSampler
from plimsoll_agent.symbols import Symbols

from profiler_server.codecs import pprof


def test_varint() -> None:
    assert varint(0) == b"\x00"
    assert varint(127) == b"\x7f"
    assert varint(300) == b"\xac\x02"
    assert varint(-1) == b"\xff" * 9 + b"\x01"


def test_what_is_written_is_read() -> None:
    encoder = Encoder((("inuse_objects", "count"), ("inuse_space", "bytes")))
    leaf = encoder.location(Site("parse → ü", "/srv/a.py", 41))
    root = encoder.location(Site("handle", "/srv/b.py", 7))
    assert encoder.location(Site("handle", "/srv/b.py", 7)) == root
    encoder.add([leaf, root], (3, 3000))
    encoder.add([root], (1, 1 << 40))
    profile = pprof.decode(encoder.finish(time_ns=123, period=512, default_type="inuse_space"))
    assert [(kind.name, kind.unit) for kind in profile.sample_types] == [
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ]
    assert profile.time_ns == 123
    assert profile.default_sample_type == "inuse_space"
    frames = {(frame.function, frame.file, frame.line) for frame in profile.stacks.frames}
    assert frames == {("parse → ü", "/srv/a.py", 41), ("handle", "/srv/b.py", 7)}
    assert sorted(profile.values.tolist()) == [[1, 1 << 40], [3, 3000]]


def keep(n: int) -> list[bytes]:
    return [bytes(10_000) for _ in range(n)]


def test_tracemalloc_gives_functions_and_sums() -> None:
    sampler = TracedSampler(frames=8)
    assert not sampler.armed
    assert sampler.encode(0.0) is None
    sampler.arm()
    try:
        kept = keep(200)
        body = sampler.encode(1.5)
        live = sampler.live_bytes()
    finally:
        sampler.disarm()
    assert not tracemalloc.is_tracing()
    assert body is not None
    assert live is not None
    assert live > 2_000_000
    profile = pprof.decode(body)
    table = profile.stacks
    total = 0
    for stack, values in zip(profile.stack_ids, profile.values, strict=True):
        ids = table.frame_ids[table.offsets[stack] : table.offsets[stack + 1]]
        names = [table.frames[i].function for i in ids]
        assert not any("plimsoll_agent" in table.frames[i].file for i in ids[:1])
        total += int(values[1]) if any(name.startswith("keep") for name in names) else 0
    assert 2_000_000 < total < 2_100_000
    assert len(kept) == 200
    assert gzip.decompress(body)


def test_a_tracemalloc_of_the_program_is_left_on() -> None:
    tracemalloc.start(2)
    try:
        sampler = TracedSampler(frames=8)
        sampler.arm()
        sampler.disarm()
        assert tracemalloc.is_tracing()
        assert tracemalloc.get_traceback_limit() == 2
    finally:
        tracemalloc.stop()


SOURCE = """
TOP = 1
class Shop:
    def sell(self):
        def inner():
            return 1
        return inner
    LATER = 2
"""


def test_functions_by_line(tmp_path) -> None:
    path = tmp_path / "shop.py"
    path.write_text(SOURCE)
    symbols = Symbols()
    assert symbols.function_at(str(path), 2) == "<module>"
    assert symbols.function_at(str(path), 6) == "Shop.sell.<locals>.inner"
    assert symbols.function_at(str(path), 7) == "Shop.sell"
    assert symbols.function_at(str(tmp_path / "absent.py"), 1) == "absent.py"
    assert symbols.function_at("<string>", 1) == "<string>"
    (tmp_path / "broken.py").write_text("def (")
    assert symbols.function_at(str(tmp_path / "broken.py"), 1) == "broken.py"
