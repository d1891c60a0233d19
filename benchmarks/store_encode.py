"""From a gzip'd body to a stored block, against gunzipping it with isal; and how fast an empty process warms.

``python -m benchmarks.store_encode``
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, thread_time

from isal import igzip

from benchmarks import _database
from benchmarks._figures import at_most
from benchmarks._synthetic import go_service
from benchmarks._timing import medians_ms

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden" / "pprof"
REAL = {"Go, real": "go_typecheck.pb.gz", "Python, real": "py_module_list_late.pb.gz"}
STEADY_TARGET = 2.4
RESTART_TARGET_MS = 100.0
RESTARTS = 15


def main() -> int:
    """Print the figures."""
    _database.start()
    from profiler_server.accounts.models import Project  # noqa: PLC0415  Django must be set up first
    from profiler_server.catalog.actions.observe_instance import InstanceIdentity, observe_instance  # noqa: PLC0415

    now = datetime.now(UTC)
    project = Project.objects.create(name="Bench", slug="bench")
    service = go_service()
    bodies = {"Go, synthetic": service.body(next(service.counts(1, 1)))}
    bodies |= {name: (GOLDEN / file).read_bytes() for name, file in REAL.items()}
    for name, packed in bodies.items():
        identity = InstanceIdentity(service=name, key="h:1", started_at=now)
        measure(name, observe_instance(project.pk, identity, at=now), packed)
    return 0


def measure(name: str, instance: object, packed: bytes) -> None:
    from profiler_server.codecs import pprof_scan  # noqa: PLC0415
    from profiler_server.codecs.compression import unpack  # noqa: PLC0415
    from profiler_server.core.validate import DEFAULT_LIMITS  # noqa: PLC0415
    from profiler_server.profiles import known_sites, shapes  # noqa: PLC0415
    from profiler_server.profiles.blocks import encode_snapshot, gather_sites  # noqa: PLC0415
    from profiler_server.profiles.preparing import prepare  # noqa: PLC0415

    began = perf_counter()
    first = prepare(instance, packed)
    new_ms = (perf_counter() - began) * 1000
    plain = unpack(packed, DEFAULT_LIMITS.unpacked_bytes)
    scan = pprof_scan.scan(plain)
    times = medians_ms(
        {
            "isal gunzip": lambda: igzip.decompress(packed),
            "body to block": lambda: _whole(prepare, encode_snapshot, instance, packed),
            "  of which gunzip with a cap": lambda: unpack(packed, DEFAULT_LIMITS.unpacked_bytes),
            "  of which scan": lambda: pprof_scan.scan(plain),
            "  of which scan to sites": lambda: prepare(instance, plain),
            "  of which sort and add": lambda: gather_sites(first.sites.site_ids, first.sites.values),
            "  of which encode": lambda: encode_snapshot(first.sites, first.origin),
        },
        rounds=200,
        clock=thread_time,
    )
    restarts = []
    for _ in range(RESTARTS):
        known_sites.forget_sites()
        shapes.forget_shapes()
        began = perf_counter()
        prepare(instance, packed)
        restarts.append((perf_counter() - began) * 1000)
    block = encode_snapshot(first.sites, first.origin)
    print(f"\n{name}: {len(scan)} samples, {len(first.sites)} with a value")
    print(f"{len(packed):,} bytes gzip'd, block {len(block):,} bytes")
    for what, ms in times.items():
        print(f"{what:<40} {ms:8.3f} ms {ms / times['isal gunzip']:8.2f} x isal")
    ratio = times["body to block"] / times["isal gunzip"]
    print(at_most("body to block at steady state, of isal gunzip", ratio, STEADY_TARGET, "x"))
    restart = sorted(restarts)[len(restarts) // 2]
    print(at_most("empty process to steady", restart, RESTART_TARGET_MS, "ms"))
    print(f"a service that is new to the database: {new_ms:.0f} ms")


def _whole(prepare: object, encode: object, instance: object, packed: bytes) -> None:
    prepared = prepare(instance, packed)
    encode(prepared.sites, prepared.origin)


if __name__ == "__main__":
    main()
