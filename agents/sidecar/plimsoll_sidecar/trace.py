"""Reads a recorded trace: meta.json, series.csv[.gz], profiles/<instance>/<ts>.pb.gz."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Optional

MAX_ROWS = 2_000_000
MAX_PROFILES = 100_000
MARKER_KINDS = frozenset({"deploy", "restart", "config", "oom", "exit", "note"})
_IDENTITY_COLUMNS = frozenset({"ts", "instance", "started_at", "version"})
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}\Z")
_CANONICAL = {
    "go_stack_inuse": "stack_bytes",
    "go_other_sys": "runtime_other_bytes",
    "go_heap_objects": "gc_objects",
    "py_mi_hblkhd": "mmapped_bytes",
}


class BadTrace(ValueError):
    """The folder is no trace; the message says what is wrong with which file."""


@dataclass(frozen=True)
class Row:
    """One sample of one instance, by the recorded clock."""

    ts: float
    instance: str
    started_at: float
    release: Optional[str]
    columns: dict[str, float]


@dataclass(frozen=True)
class Trace:
    """A whole recording; rows are sorted by time, profiles by (time, instance)."""

    name: str
    service: str
    language: str
    interval_seconds: float
    memory_limit_bytes: Optional[int]
    markers: tuple[dict[str, Any], ...]
    rows: tuple[Row, ...]
    profiles: tuple[tuple[float, str, Path], ...]

    @property
    def first_ts(self) -> float:
        """Time of the first row, recorded clock."""
        return self.rows[0].ts

    @property
    def last_ts(self) -> float:
        """Time of the last row, recorded clock."""
        return self.rows[-1].ts


def read_trace(folder: Path) -> Trace:
    """Read a trace folder; raise BadTrace."""
    meta = _read_meta(folder / "meta.json")
    rows = sorted(_read_rows(folder), key=lambda row: row.ts)
    if not rows:
        raise BadTrace(f"{folder}: the series has no row")
    limit = meta.get("memory_limit_bytes")
    return Trace(
        name=str(meta.get("name", folder.name)),
        service=str(meta.get("service", folder.name)),
        language=str(meta.get("language", "")),
        interval_seconds=float(meta.get("interval_s") or 60.0),
        memory_limit_bytes=int(limit) if limit else None,
        markers=tuple(_markers(meta)),
        rows=tuple(rows),
        profiles=tuple(sorted(_find_profiles(folder / "profiles"))),
    )


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BadTrace(f"{path}: {problem}") from problem
    if not isinstance(meta, dict):
        raise BadTrace(f"{path}: must be an object")
    return meta


def _markers(meta: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for marker in meta.get("markers", []):
        if isinstance(marker, dict) and marker.get("kind") in MARKER_KINDS and "ts" in marker:
            kept = {key: marker[key] for key in ("kind", "version", "text") if marker.get(key) is not None}
            yield {"ts": float(marker["ts"]), **kept}


def _read_rows(folder: Path) -> Iterator[Row]:
    for name, opener in (("series.csv", open), ("series.csv.gz", gzip.open)):
        path = folder / name
        if path.exists():
            with opener(path, "rb") as raw:
                yield from _parse_rows(io.TextIOWrapper(raw, encoding="utf-8", newline=""), path)
            return
    raise BadTrace(f"{folder}: neither series.csv nor series.csv.gz")


def _parse_rows(text: io.TextIOWrapper, path: Path) -> Iterator[Row]:
    reader = csv.DictReader(text)
    for number, cells in enumerate(reader, start=2):
        if number > MAX_ROWS:
            raise BadTrace(f"{path}: more than {MAX_ROWS:,} rows")
        try:
            ts = float(cells["ts"])
            started = float(cells.get("started_at") or ts)
            instance = cells["instance"]
        except (KeyError, TypeError, ValueError) as problem:
            raise BadTrace(f"{path}, line {number}: {problem}") from problem
        yield Row(ts, instance, started, cells.get("version") or None, _columns(cells))


def _columns(cells: dict[str, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, cell in cells.items():
        if not cell or not name or name in _IDENTITY_COLUMNS or not _NAME.match(name):
            continue
        try:
            value = float(cell)
        except ValueError:
            continue
        if math.isfinite(value):
            found[_CANONICAL.get(name, name)] = value
    return found


def _find_profiles(folder: Path) -> Iterator[tuple[float, str, Path]]:
    for number, path in enumerate(folder.glob("*/*.pb.gz")):
        if number >= MAX_PROFILES:
            return
        stamp = path.name[: -len(".pb.gz")]
        try:
            yield float(stamp), path.parent.name, path
        except ValueError:
            continue
