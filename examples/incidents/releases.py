"""Joins recordings of one program's releases into one recording: each release begins where the one before ended."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from examples.stage.programs import ROOT, sidecar
from examples.stage.stage import Stage

TRACES = ROOT / "examples" / "traces"
GAP_SECONDS = 60


@dataclass(frozen=True)
class Part:
    """One recording, to be told as a release."""

    recording: str
    release: str


def replay_releases(
    stage: Stage, parts: list[Part], service: str, *, limit_bytes: int, speed: float | None = None
) -> None:
    """Replay `parts` as releases of `service`: at once, or `speed` recorded seconds in one."""
    folder = compose(parts, service, stage.folder / "recording", limit_bytes=limit_bytes)
    pace = ["--speed", f"{speed:g}"] if speed is not None else []
    stage.run(sidecar("replay", ["replay", str(folder), *pace], stage.agent, stage.logs))


def compose(parts: list[Part], service: str, target: Path, *, limit_bytes: int) -> Path:
    """Write one trace folder out of `parts`, in their order, and return it; times follow the first part's clock."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    rows: list[dict[str, str]] = []
    markers: list[dict[str, object]] = []
    end = 0
    for part in parts:
        own = _rows(part.recording)
        shift = end + GAP_SECONDS - int(own[0]["ts"]) if rows else 0
        rows += [_shifted(row, shift, service, part.release) for row in own]
        markers.append({"ts": int(own[0]["ts"]) + shift, "kind": "deploy", "version": part.release})
        end = int(own[-1]["ts"]) + shift
        _copy_profiles(part, shift, target / "profiles" / f"{service}-{part.release}")
    meta = {"name": service, "service": service, "language": "go", "interval_s": 60,
            "memory_limit_bytes": limit_bytes, "markers": markers}  # fmt: skip
    (target / "meta.json").write_text(json.dumps(meta, indent=1))
    _write_series(target / "series.csv.gz", rows)
    return target


def _rows(recording: str) -> list[dict[str, str]]:
    with gzip.open(TRACES / recording / "series.csv.gz", "rt", newline="") as file:
        return list(csv.DictReader(file))


def _shifted(row: dict[str, str], shift: int, service: str, release: str) -> dict[str, str]:
    return {
        **row,
        "ts": str(int(row["ts"]) + shift),
        "started_at": str(int(row["started_at"]) + shift),
        "instance": f"{service}-{release}",
        "version": release,
    }


def _copy_profiles(part: Part, shift: int, folder: Path) -> None:
    folder.mkdir(parents=True)
    for path in (TRACES / part.recording / "profiles").glob("*/*.pb.gz"):
        taken = int(path.name.removesuffix(".pb.gz"))
        shutil.copy(path, folder / f"{taken + shift}.pb.gz")


def _write_series(path: Path, rows: list[dict[str, str]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
