"""Dropping a day of profiles while ingest goes on: how long it takes and what ingest notices.

``python -m benchmarks.store_retention [--hours 24]``
"""

from __future__ import annotations

import argparse
import threading
from datetime import UTC, datetime, timedelta
from time import perf_counter

import numpy as np

from benchmarks import _database
from benchmarks._figures import at_most
from benchmarks._synthetic import go_service

TARGET_SECONDS = 0.5
INSTANCES, INTERVAL_SECONDS = 4, 15.0


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=int, default=24)
    hours = parser.parse_args(None if __name__ == "__main__" else []).hours
    _database.start()
    from benchmarks._day import GoSource, compact, load  # noqa: PLC0415
    from profiler_server.profiles.actions.maintain_partitions import maintain_partitions  # noqa: PLC0415
    from profiler_server.profiles.statements import CHUNK, WINDOW_SUM  # noqa: PLC0415
    from profiler_server.storage.partitions import drop_partition, partitions  # noqa: PLC0415

    now = datetime.now(UTC)
    day = (now - timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    source = GoSource(go_service())
    loaded = load(
        source, "old", day, day + timedelta(hours=hours), instances=INSTANCES, interval=INTERVAL_SECONDS
    )
    compact(loaded, now)
    maintain_partitions(now)
    doomed = [p for table in (CHUNK, WINDOW_SUM) for p in partitions(table) if p.start <= day < p.end]
    size = sum(_database.table_bytes(p.name) for p in doomed)
    wal = _database.wal_position()
    quiet = _while_ingesting(source, lambda: None)
    spent: list[float] = []

    def drop() -> None:
        for partition in doomed:
            began = perf_counter()
            drop_partition(partition)
            spent.append(perf_counter() - began)

    before = _database.wal_position()
    busy = _while_ingesting(source, drop)
    print(f"{loaded.profiles:,} profiles of one day, {size / 1e6:.0f} MB in {len(doomed)} partitions")
    for what, times in (("without", quiet), ("with", busy)):
        print(f"ingest {what} the drop: p50 {np.percentile(times, 50):.1f} ms, longest {max(times):.0f} ms")
    meanwhile = (_database.wal_position() - before) / 1e6
    print(
        f"WAL meanwhile {meanwhile:.1f} MB, in the quiet stretch {(before - wal) / 1e6:.1f} MB; no row was deleted"
    )
    print(at_most("dropping the day", sum(spent), TARGET_SECONDS, "s"))
    return 0


def _while_ingesting(source: object, action: object) -> list[float]:
    """Run `action` while another thread stores profiles; return the milliseconds of each of its calls."""
    from django.db import connection  # noqa: PLC0415

    from benchmarks._day import load  # noqa: PLC0415

    times: list[float] = []
    stop = threading.Event()

    def ingest() -> None:
        start = datetime.now(UTC) - timedelta(hours=1)
        try:
            while not stop.is_set():
                began = perf_counter()
                load(source, "live", start, start + timedelta(seconds=15), instances=1, interval=15.0)
                times.append((perf_counter() - began) * 1000)
                start += timedelta(seconds=15, microseconds=1)
        finally:
            connection.close()

    thread = threading.Thread(target=ingest)
    thread.start()
    while len(times) < 10:
        stop.wait(0.02)
    action()
    while len(times) < 30:
        stop.wait(0.02)
    stop.set()
    thread.join()
    return times


if __name__ == "__main__":
    main()
