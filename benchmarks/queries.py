"""Queries, SQL to JSON, PostgreSQL warm, no result cached: 4 instances × a 2,000-stack profile every 15 s.

``python -m benchmarks.queries [--hours 24] [--others 100] [--rounds 100] [--only WORDS] [--data DIR]``

"Now" is a minute before the full hour, where most is in no sum yet: nine minutes of single profiles, five windows.

With `--data` the database is kept in a folder: the first run loads it and ends, each later run measures. `--only` asks
the questions whose names hold some words.

The service's dictionary (what its call sites are called) is in memory, as it is in a server that has answered once; the
first answer of a process, which reads it, is printed too. "Other services" have the same blocks under other ids.
"""

from __future__ import annotations

import argparse
import gc
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, thread_time

import numpy as np

from benchmarks import _database
from benchmarks._synthetic import go_service

TARGETS_MS = {
    "flame graph of 24 h": 10.0,
    "flame graph of 24 h ending now": 20.0,
    "diff of two windows": 10.0,
    "top 50 growing sites over 24 h": 25.0,
    "label filter over 24 h": 10.0,
    "24 h × 40 series to 1,000 points": 35.0,
}
WITH_OTHERS = 2.0
NOW_FILE = "loaded-until"
OTHER_TABLES = {
    "profiles_chunk": "window_at >= %(recent)s",
    "profiles_window_sum": "true",
    "profiles_hour_sum": "true",
    "profiles_due_hour": "true",
    "series_chunk": "hour_at >= %(recent)s",
}


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--others", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--only", default="")
    parser.add_argument("--data", default="")
    options = parser.parse_args(None if __name__ == "__main__" else [])
    _database.start(options.data)
    from benchmarks import _questions  # noqa: PLC0415

    now, is_new = _time_of(options.data)
    end = now.replace(minute=0)
    start = end - timedelta(hours=options.hours)
    if is_new:
        _questions.load_everything(go_service(), start, now)
        _database.execute("VACUUM ANALYZE")
        if options.data:
            (Path(options.data) / NOW_FILE).write_text(now.isoformat())
            return 0
    asked = {name: ask for name, ask in _questions.questions(start, end, now).items() if options.only in name}
    print(f"loaded {options.hours} h; first answer of a process, dictionary read: {_first(asked):.0f} ms")
    gc.collect()
    gc.freeze()  # as a web worker does when it has started
    alone = measure(asked, options.rounds)
    again = measure(asked, options.rounds, is_forgetting=False)
    _questions.copy_to_others(options.others, end - timedelta(hours=2))
    _database.execute("VACUUM ANALYZE")
    _report(options.others, alone, measure(asked, options.rounds), again)
    _questions.remove_others()
    return 0


def _time_of(folder: str) -> tuple[datetime, bool]:
    """Return where the data ends, and whether it is still to be loaded."""
    kept = Path(folder) / NOW_FILE
    if folder and kept.exists():
        return datetime.fromisoformat(kept.read_text()), False
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(minutes=1), True


def _report(
    others: int, alone: dict[str, Measured], crowded: dict[str, Measured], again: dict[str, Measured]
) -> None:
    print(
        f"load of this machine {os.getloadavg()[0]:.0f}, {os.cpu_count()} processors; ms: p50 / p95 (processor time)"
    )
    print(f"{'':<36} {'alone':>26} {f'{others} others':>26}  {'asked again':>26}  target p95")
    for name, (one, many) in {name: (alone[name], crowded[name]) for name in alone}.items():
        target = TARGETS_MS[name]
        met = "met" if one.p95_ms <= target and many.p95_ms <= target * WITH_OTHERS else "NOT MET"
        columns = "  ".join(f"{_shown(found):>26}" for found in (one, many, again[name]))
        ratio = one.p95_ms / target
        print(f"{name:<36} {columns}  ≤ {target:g} ({met}, {ratio:.2f} of it); {one.size / 1000:.0f} kB")


def _shown(one: Measured) -> str:
    return f"{one.p50_ms:.1f} / {one.p95_ms:.1f} ({one.cpu_ms:.1f})"


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one question: wall time, processor time of client and PostgreSQL together (mean), bytes of JSON."""

    p50_ms: float
    p95_ms: float
    cpu_ms: float
    size: int


def measure(
    asked: dict[str, Callable[[], object]], rounds: int, *, is_forgetting: bool = True
) -> dict[str, Measured]:
    """Return what each question costs, asked in turn, round after round; its answer is forgotten in between."""
    from profiler_server.api.responses import encode_json  # noqa: PLC0415
    from profiler_server.profiles.answers import ANSWERS  # noqa: PLC0415

    times: dict[str, list[float]] = {name: [] for name in asked}
    busy: dict[str, float] = dict.fromkeys(asked, 0.0)
    sizes: dict[str, int] = {}
    backend = _database.scalar("SELECT pg_backend_pid()")
    for ask in asked.values():
        ask()
    for _ in range(rounds):
        for name, ask in asked.items():
            if is_forgetting:
                ANSWERS.clear()
            began, used = perf_counter(), thread_time() + _backend_seconds(backend)
            answer = encode_json(ask())
            times[name].append((perf_counter() - began) * 1000)
            busy[name] += thread_time() + _backend_seconds(backend) - used
            sizes[name] = len(answer)
    return {
        name: Measured(
            float(np.percentile(found, 50)),
            float(np.percentile(found, 95)),
            busy[name] * 1000 / rounds,
            sizes[name],
        )
        for name, found in times.items()
    }


def _backend_seconds(pid: int) -> float:
    """Return the processor time of a PostgreSQL backend of this machine, to the nanosecond."""
    nanoseconds = Path(f"/proc/{pid}/schedstat").read_text().split()[0]
    return int(nanoseconds) / 1e9


def _first(asked: dict[str, Callable[[], object]]) -> float:
    from profiler_server.api.responses import encode_json  # noqa: PLC0415
    from profiler_server.profiles.dictionary import forget_dictionaries  # noqa: PLC0415

    forget_dictionaries()
    began = perf_counter()
    encode_json(next(iter(asked.values()))())
    return (perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
