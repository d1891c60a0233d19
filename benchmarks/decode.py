"""Decoding a Go heap profile of about 2,000 stacks: the compiled path, its twin, and google.protobuf as the reference.

``python -m benchmarks.decode``
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from time import thread_time

import numpy as np

from benchmarks._pprof_reference import parse_only, values_and_keys
from benchmarks._timing import medians_ms, verdict
from profiler_server.codecs import engine, pprof
from profiler_server.codecs.compression import unpack
from profiler_server.codecs.pprof_scan import scan, symbolise
from profiler_server.core.validate import DEFAULT_LIMITS

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden" / "pprof"
DECODE_TARGET = 30.0
ROUNDS_OF_THE_SLOW = 10
REFERENCE = "reference: upb + Python loop, values and stack keys"
SCAN = "scan: values and stack keys"


def main() -> int:
    """Print the figures."""
    packed = (GOLDEN / "go_typecheck.pb.gz").read_bytes()
    body = gzip.decompress(packed)
    found = scan(body)
    depth = len(pprof.decode(body).stacks.frame_ids)
    print(
        f"go_typecheck: {len(found)} samples, {depth:,} frames, {len(packed):,} bytes gzip'd, {len(body):,} unpacked"
    )
    print(f"compiled parser: {'yes' if engine.COMPILED else 'NO, the pure twin serves'}")
    check_equal(body)
    decoding(packed, body)
    unpacking(packed)
    without_addresses()
    return 0


def check_equal(body: bytes) -> None:
    """The reference and the product must group the samples alike before their times mean anything."""
    values, keys = values_and_keys(body)
    found = scan(body)
    assert np.array_equal(values, found.values)
    pairs = set(zip(keys.tolist(), found.keys.tolist(), strict=True))
    assert len(pairs) == len(set(keys.tolist())) == len(set(found.keys.tolist()))


def decoding(packed: bytes, body: bytes) -> None:
    """Time every way of reading the body: as it finds the process itself, and right after the reference.

    In processor time: on a busy machine the reference, long as it is, is interrupted more often than what is short.
    """
    everything = np.arange(len(scan(body)))
    candidates: dict[str, Callable[[], object]] = {
        REFERENCE: lambda: values_and_keys(body),
        "upb parse alone": lambda: parse_only(body),
        SCAN: lambda: scan(body),
        "scan by content": lambda: engine.PARSER.scan(body, DEFAULT_LIMITS, content_keys=True),
        "all columns": lambda: engine.PARSER.parse(body, DEFAULT_LIMITS),
        "symbols of 5 new stacks": lambda: symbolise(body, everything[:5]),
        "symbols of all stacks": lambda: symbolise(body, everything),
        "decode to a Profile": lambda: pprof.decode(body),
        "gunzip and scan": lambda: scan(packed),
    }
    times = medians_ms(candidates, alone=True, clock=thread_time)
    after = medians_ms({name: candidates[name] for name in (REFERENCE, SCAN)}, clock=thread_time)[SCAN]
    slow = medians_ms({"scan by the pure twin": lambda: scan(body, parser=engine.PURE)}, ROUNDS_OF_THE_SLOW)
    reference = times[REFERENCE]
    print(f"\n{'':<56} {'CPU ms':>8} {'reference / this':>18}")
    for name, ms in (times | {"scan right after the reference, which trims the heap": after} | slow).items():
        print(f"{name:<56} {ms:8.3f} {reference / ms:16.1f} x")
    print(
        "\n"
        + verdict("decode + stack hash against upb + Python loop", reference / times[SCAN], DECODE_TARGET)
    )


def unpacking(packed: bytes) -> None:
    times = medians_ms(
        {
            "zlib": lambda: zlib.decompress(packed, 31),
            "product (isal, with a cap)": lambda: unpack(packed, DEFAULT_LIMITS.unpacked_bytes),
        }
    )
    zlib_ms, ours_ms = times.values()
    print(f"gunzip: zlib {zlib_ms:.3f} ms, product {ours_ms:.3f} ms: {zlib_ms / ours_ms:.1f} x")


def without_addresses() -> None:
    """Python's profiles have no addresses: their stacks are keyed by the content of their frames."""
    body = gzip.decompress((GOLDEN / "py_module_list_late.pb.gz").read_bytes())
    whole = pprof.encode(pprof.decode((GOLDEN / "go_typecheck.pb.gz").read_bytes()), compress=False)
    times = medians_ms(
        {
            "a Python profile of 207 stacks": lambda: scan(body),
            "the Go profile without its addresses": lambda: scan(whole),
        }
    )
    for name, ms in times.items():
        print(f"scan by content, {name}: {ms:.3f} ms")


if __name__ == "__main__":
    main()
