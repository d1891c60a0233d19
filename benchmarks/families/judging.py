"""Made-up services judged by the detector, scored by family, or written out as the public suite is."""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.families.catalogue import FAMILIES
from benchmarks.families.world import record
from profiler_server.core.leak.config import DEFAULT_CONFIG
from profiler_server.core.leak.replay import Recording, replay
from profiler_server.core.leak.score import Score, score

SHOWN = ("precision", "recall", "f1", "false_alarms_per_instance_day", "delay_hours", "diagnosis", "version")
Task = tuple[str, bool, int]


def make(task: Task) -> tuple[Recording, dict[str, Any]]:
    """Return the recording and the label of one service: (family, whether it leaks, seed)."""
    family, leaks, seed = task
    name = f"{family}-{'leak' if leaks else 'fine'}-{seed}"
    rng = np.random.default_rng([zlib.crc32(family.encode()), int(leaks), seed])
    return record(name, family, FAMILIES[family](rng, leaks), int(rng.integers(1 << 30)))


def judged(task: Task, services: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the label and the detector's line of one service, the only one that claims a leak among `services`."""
    recording, label = make(task)
    rate = DEFAULT_CONFIG.service_false_discovery_rate / services
    config = replace(DEFAULT_CONFIG, service_false_discovery_rate=rate)
    return label, replay(recording, config).line()


def _row(name: str, figures: Score) -> str:
    values = (getattr(figures, field) for field in SHOWN)
    cells = ("–" if v is None else f"{v:.3f}" if 0 < v < 0.1 else f"{v:.2f}" for v in values)
    return f"| {name} | {figures.traces} | {' | '.join(cells)} |"


def table(lines: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> str:
    """Return figures by family, and of all families together, as a Markdown table."""
    heading = [*(field.replace("_", " ") for field in SHOWN)]
    rows = [f"| family | traces | {' | '.join(heading)} |", "|---" * (len(SHOWN) + 2) + "|"]
    groups = {family: [pair for pair in lines if pair[0]["family"] == family] for family in FAMILIES}
    for family, pairs in {**groups, "all": list(lines)}.items():
        if pairs:
            labels = {label["name"]: label for label, _ in pairs}
            rows.append(_row(family, score(labels, {line["trace"]: line for _, line in pairs})))
    return "\n".join(rows)


def write(folder: Path, task: Task) -> None:
    """Write one service as the suite has it: traces/<name>/{meta.json,series.csv} and labels/<name>.json."""
    recording, label = make(task)
    trace, labels = folder / "traces" / recording.name, folder / "labels"
    trace.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    markers = [{"ts": m.ts, "kind": m.kind, "version": m.version} for m in recording.markers]
    meta = {"name": recording.name, "service": recording.name, "language": recording.language, "markers": markers,
            "interval_s": recording.interval_seconds, "memory_limit_bytes": recording.memory_limit_bytes}  # fmt: skip
    (trace / "meta.json").write_text(json.dumps(meta))
    (labels / f"{recording.name}.json").write_text(json.dumps(label))
    names = sorted({name for life in recording.lives for name in life.columns})
    with (trace / "series.csv").open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["ts", "instance", "started_at", "version", *names])
        for life in recording.lives:
            held = [life.columns.get(name, np.full(len(life.ts), np.nan)) for name in names]
            for i, ts in enumerate(life.ts.tolist()):
                cells = ("" if np.isnan(c[i]) else f"{c[i]:.0f}" for c in held)
                out.writerow([f"{ts:.3f}", life.instance, f"{life.started_at:.3f}", life.version, *cells])
