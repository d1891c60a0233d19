"""Recorded services on disk: a folder with `meta.json`, `series.csv[.gz]` and, optionally, pprof heap profiles."""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from profiler_server.codecs import pprof
from profiler_server.core.errors import ProfilerError
from profiler_server.core.leak.replay import Recording, Snapshot, Stack
from profiler_server.core.leak.window import InstanceSeries, Marker

NAMED = frozenset({"ts", "instance", "started_at", "version"})
SERIES_FILES = ("series.csv.gz", "series.csv")
INUSE_NAMES = ("inuse_space", "heap-space", "inuse")
DEFAULT_INTERVAL_SECONDS = 60.0
RESTART_DROP = 0.5
MAX_REPORTED_ROWS = 5


class UnreadableRecording(ProfilerError):
    """A folder is not a recording."""

    code = "unreadable_recording"


@dataclass(frozen=True)
class Loaded:
    """A recording and what was skipped while reading it, one sentence each."""

    recording: Recording
    problems: tuple[str, ...]


def find_recordings(paths: list[Path]) -> list[Path]:
    """Return the recording folders among `paths` and directly below them, in the order given, then by name."""
    found: list[Path] = []
    for path in paths:
        if _series_file(path) is not None:
            found.append(path)
        elif path.is_dir():
            found.extend(p for p in sorted(path.iterdir()) if p.is_dir() and _series_file(p) is not None)
    return found


def _series_file(folder: Path) -> Path | None:
    return next((folder / name for name in SERIES_FILES if (folder / name).is_file()), None)


def load_recording(folder: Path) -> Loaded:
    """Read one recording; bad rows and profiles are skipped and reported. Raises `UnreadableRecording`."""
    series = _series_file(folder)
    if series is None:
        raise UnreadableRecording(f"{folder} holds no series.csv")
    meta = _meta(folder)
    problems: list[str] = []
    lives = _lives(series, problems)
    if not lives:
        raise UnreadableRecording(f"{series} holds no usable rows")
    interval = meta.get("interval_s") or _usual_interval(lives)
    limit = meta.get("memory_limit_bytes")
    markers = tuple(
        Marker(float(m["ts"]), str(m.get("kind", "note")), m.get("version"))
        for m in meta.get("markers", ())
        if "ts" in m
    )
    recording = Recording(
        name=folder.resolve().name,
        language=str(meta.get("language", "unknown")),
        interval_seconds=float(interval),
        memory_limit_bytes=float(limit) if limit else None,
        markers=markers,
        lives=tuple(lives),
        snapshots=tuple(_snapshots(folder, problems)),
    )
    return Loaded(recording, tuple(problems))


def _meta(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "meta.json").read_text()))
    except (OSError, ValueError):
        return {}


def _usual_interval(lives: list[InstanceSeries]) -> float:
    gaps = [float(np.median(np.diff(life.ts))) for life in lives if len(life.ts) > 1]
    return float(np.median(gaps)) if gaps else DEFAULT_INTERVAL_SECONDS


def _number(cell: str | None) -> float:
    return math.nan if cell is None or cell == "" else float(cell)


def _lives(path: Path, problems: list[str]) -> list[InstanceSeries]:
    """Read rows into process lives: by instance, start and version; by falls of resident memory without a start."""
    grouped: dict[tuple[str, str, str], list[tuple[float, dict[str, float]]]] = {}
    bad = 0
    for number, row in _rows(path, problems):
        try:
            ts = float(row["ts"])
            if not math.isfinite(ts):
                raise ValueError("ts is not finite")
            values = {k: _number(v) for k, v in row.items() if k is not None and k not in NAMED}
        except (KeyError, TypeError, ValueError) as error:
            bad += 1
            if bad <= MAX_REPORTED_ROWS:
                problems.append(f"{path}: row {number} skipped: {error}")
            continue
        key = (row.get("instance") or "", row.get("started_at") or "", row.get("version") or "")
        grouped.setdefault(key, []).append((ts, values))
    if bad > MAX_REPORTED_ROWS:
        problems.append(f"{path}: {bad} rows skipped in all")
    return [life for key, rows in grouped.items() for life in _series_of(key, rows)]


def _rows(path: Path, problems: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as stream:
        reader = csv.DictReader(stream)
        try:
            yield from enumerate(reader, start=2)
        except (csv.Error, EOFError, OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: reading stopped: {error}")


def _series_of(
    key: tuple[str, str, str], rows: list[tuple[float, dict[str, float]]]
) -> Iterator[InstanceSeries]:
    instance, started, version = key
    rows.sort(key=lambda row: row[0])
    rows = [row for i, row in enumerate(rows) if i == 0 or row[0] > rows[i - 1][0]]
    names = sorted({name for _, values in rows for name in values})
    ts = np.array([row[0] for row in rows])
    table = {name: np.array([values.get(name, math.nan) for _, values in rows]) for name in names}
    columns = {name: values for name, values in table.items() if not np.isnan(values).all()}
    try:
        start = float(started)
    except ValueError:
        start = math.nan
    if not math.isnan(start):
        yield InstanceSeries(instance, start, version or None, ts, columns)
        return
    rss = columns.get("rss_bytes", np.ones(len(ts)))
    cuts = [0, *(np.flatnonzero(rss[1:] < RESTART_DROP * rss[:-1]) + 1).tolist(), len(ts)]
    for a, b in pairwise(cuts):
        if b > a:
            part = {name: values[a:b] for name, values in columns.items()}
            yield InstanceSeries(instance, float(ts[a]), version or None, ts[a:b], part)


def _snapshots(folder: Path, problems: list[str]) -> Iterator[Snapshot]:
    for path in sorted((folder / "profiles").glob("*/*.pb.gz")):
        try:
            ts = float(path.name.removesuffix(".pb.gz"))
            yield _snapshot(path, ts)
        except (ValueError, OSError, ProfilerError) as error:
            problems.append(f"{path}: profile skipped: {error}")


def _snapshot(path: Path, ts: float) -> Snapshot:
    profile = pprof.decode(path.read_bytes())
    names = [kind.name for kind in profile.sample_types]
    column = next((names.index(name) for name in INUSE_NAMES if name in names), len(names) - 1)
    held: dict[Stack, float] = {}
    stacks = [profile.stacks.stack(i) for i in range(len(profile.stacks))]
    for stack_id, value in zip(profile.stack_ids.tolist(), profile.values[:, column].tolist(), strict=True):
        held[stacks[stack_id]] = held.get(stacks[stack_id], 0.0) + value
    return Snapshot(path.parent.name, ts, held, float(profile.period or 0))
