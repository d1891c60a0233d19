"""HTTP ingest under gunicorn, load generator included, against the same work in one process and against an empty view.

``python -m benchmarks.ingest_http [--seconds 4] [--rounds 4]``

Profiles: bodies of a 2,000-stack Go service, each stored in a transaction of its own; the reference decodes the same
bodies in one process, without HTTP, and writes them by COPY, 50 to a transaction. Points: batches of 40 × 10 columns
against a view that reads the body and answers. Rounds are interleaved; the figures are medians.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from benchmarks import _database
from benchmarks._figures import at_least
from benchmarks._synthetic import go_service

CONNECTIONS = 16
PORT = 18_417
BODIES = 12
PROFILES_TARGET, POINTS_TARGET = 0.6, 0.5
COPY_ROWS = 50
ROOT = Path(__file__).resolve().parents[1]
_ticket = itertools.count()
_EPOCH = time.time() - 86_400 * 25
# 40 points are 30 s: every push moves the time its instance was seen, and few of them make a partition.
POINT_SPACING = 0.75


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args(None if __name__ == "__main__" else [])
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks._bare_settings"
    os.environ["PLIMSOLL_REQUESTS_PER_MINUTE"] = "100000000"
    _database.start()
    secret = _token()
    service = go_service()
    bodies = [service.body(counts) for counts in service.counts(1, BODIES)]
    from django.conf import settings  # noqa: PLC0415

    from profiler_server.config import embedded  # noqa: PLC0415

    redis = embedded.start_redis(settings.ENV.data_dir)
    server = _serve()
    try:
        found = _rounds(secret, bodies, options.seconds, options.rounds)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        redis.terminate()
        redis.wait(30)
    _report(found, len(bodies[0]))
    return 0


def _rounds(secret: str, bodies: list[bytes], seconds: float, rounds: int) -> dict[str, list[float]]:
    candidates: dict[str, Callable[[float], float]] = {
        "profiles in one process, decode + COPY": lambda span: _in_process(bodies, span),
        "profiles over HTTP": lambda span: _hammer(lambda n: _profile(secret, bodies, n), span),
        "empty view": lambda span: _hammer(lambda n: ("/bare", _points_body(n), {}), span),
        "points over HTTP, batches of 40": lambda span: _hammer(lambda n: _points(secret, n), span),
    }
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for measure in candidates.values():
        measure(1.0)
    for _ in range(rounds):
        for name, measure in candidates.items():
            found[name].append(measure(seconds))
    return found


def _report(found: dict[str, list[float]], body_bytes: int) -> None:
    rate = {name: statistics.median(rates) for name, rates in found.items()}
    print(
        f"load of this machine {os.getloadavg()[0]:.0f}, {os.cpu_count()} processors; bodies of {body_bytes:,} bytes"
    )
    for name, one in rate.items():
        print(f"{name:<44} {one:8.0f} per second")
    raw, profiles, bare, points = rate.values()
    print(at_least("profiles, of the in-process loop", profiles / raw, PROFILES_TARGET, "x"))
    print(at_least("points, of the empty view", points / bare, POINTS_TARGET, "x"))


def _hammer(request_of: Callable[[int], tuple[str, bytes, dict[str, str]]], seconds: float) -> float:
    """Return requests per second over `CONNECTIONS` connections that stay open."""
    done, failures, until = [0] * CONNECTIONS, [], time.perf_counter() + seconds

    def work(place: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        while time.perf_counter() < until:
            path, body, headers = request_of(next(_ticket))
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                failures.append((response.status, answer[:300]))
                return
            done[place] += 1
        connection.close()

    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(place,)) for place in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"the server refused: {failures[0]}")
    return sum(done) / (time.perf_counter() - began)


def _profile(secret: str, bodies: list[bytes], number: int) -> tuple[str, bytes, dict[str, str]]:
    query = {
        "service": "shop",
        "instance": f"h:{number % CONNECTIONS}",
        "started_at": "1790000000",
        "ts": f"{time.time() - 3000 + number / 1000:.6f}",
    }
    return (
        f"/v1/profiles?{urlencode(query)}",
        bodies[number % len(bodies)],
        {"Authorization": f"Bearer {secret}"},
    )


def _points(secret: str, number: int) -> tuple[str, bytes, dict[str, str]]:
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    return "/v1/points", _points_body(number), headers


_rng = np.random.default_rng(1)
_COLUMNS = {f"series_{i}.bytes": (_rng.integers(1, 1 << 30, 40) * 4096).tolist() for i in range(10)}


def _points_body(number: int) -> bytes:
    """Return the next 40 points of one of the instances."""
    start = _EPOCH + number // CONNECTIONS * 40 * POINT_SPACING
    form = {
        "instance": {"service": "points", "key": f"h:{number % CONNECTIONS}", "started_at": 1_790_000_000},
        "points": {"ts": [start + i * POINT_SPACING for i in range(40)], "columns": _COLUMNS},
    }
    return json.dumps(form).encode()


def _in_process(bodies: list[bytes], seconds: float) -> float:
    """Return profiles per second, decoded and written by COPY in one thread."""
    from profiler_server.catalog.models import Instance  # noqa: PLC0415
    from profiler_server.profiles.blocks import encode_snapshot  # noqa: PLC0415
    from profiler_server.profiles.preparing import prepare  # noqa: PLC0415

    instance = Instance.objects.get(key="reference")
    done, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds:
        rows = []
        for number in range(COPY_ROWS):
            prepared = prepare(instance, bodies[number % len(bodies)])
            rows.append((prepared, encode_snapshot(prepared.sites, prepared.origin)))
        _copy(instance, rows)
        done += COPY_ROWS
    return done / (time.perf_counter() - began)


def _copy(instance: object, rows: list[tuple[object, bytes]]) -> None:
    from django.db import transaction  # noqa: PLC0415

    from profiler_server.profiles.statements import HOT  # noqa: PLC0415
    from profiler_server.storage.partitions import ensure_partitions  # noqa: PLC0415
    from profiler_server.storage.sql import binary_cursor  # noqa: PLC0415

    at = datetime.now(UTC) - timedelta(hours=30)
    moments = [at + timedelta(microseconds=next(_ticket) * 100) for _ in rows]
    ensure_partitions(HOT, moments)
    statement = (
        b"COPY profiles_hot (project_id, service_id, instance_id, taken_at, duration_ns, shape_id, samples,"
        b" totals, block) FROM STDIN (FORMAT BINARY)"
    )
    with transaction.atomic(), binary_cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["int8", "int8", "int8", "timestamptz", "int8", "int2", "int4", "int8[]", "bytea"])
        for moment, (prepared, block) in zip(moments, rows, strict=True):
            totals = prepared.sites.values.sum(axis=0).tolist()
            shape_id = prepared.stored_shape.shape_id
            key = (instance.project_id, instance.service_id, instance.pk, moment)
            copy.write_row((*key, 0, shape_id, len(prepared.sites), totals, block))


def _token() -> str:
    from profiler_server.accounts.actions.create_token import create_token  # noqa: PLC0415
    from profiler_server.accounts.models import Project  # noqa: PLC0415
    from profiler_server.catalog.actions.observe_instance import InstanceIdentity, observe_instance  # noqa: PLC0415

    project = Project.objects.create(name="Bench", slug="bench")
    now = datetime.now(UTC)
    observe_instance(project.pk, InstanceIdentity("shop", "reference", now - timedelta(days=3)), at=now)
    return create_token(project, "bench")[1]


def _serve() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "--config", "profiler_server/config/gunicorn.py",
               "--log-level", "warning", "profiler_server.config.wsgi:application"]  # fmt: skip
    environment = os.environ | {"PLIMSOLL_BIND": f"127.0.0.1:{PORT}", "PLIMSOLL_WEB_WORKERS": "2"}
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    for _ in _patience(server):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
            connection.request("POST", "/bare", b"{}")
            if connection.getresponse().status == 200:
                return server
        except OSError:
            continue
    raise TimeoutError("gunicorn did not start")


def _patience(server: subprocess.Popen[bytes]) -> Iterator[int]:
    for attempt in range(200):
        if server.poll() is not None:
            return
        time.sleep(0.2)
        yield attempt


if __name__ == "__main__":
    main()
