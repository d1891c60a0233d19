"""What others would have said: clean-room detectors beside Plimsoll on one suite, as the table that the docs show.

    python -m benchmarks.detectors SUITE --labels LABELS [--keep FILE --seconds S] [--write PAGE]

Coroot's rule splits at falls of half, takes the longest run and asks for a tenth of the limit an hour of which the last
quarter keeps 30 %; the Prometheus rules are those found most often in public repositories; Mann-Kendall and the
load-adjusted regression look back a day. Every detector sees only what had arrived by then.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from profiler_server.analysis.recordings import find_recordings, load_recording
from profiler_server.core.leak.replay import Recording, replay
from profiler_server.core.leak.score import score
from profiler_server.core.leak.window import FloatArray, InstanceSeries

HOUR = 3600.0
STEP_SECONDS = 900.0
DAY = 24 * HOUR
MIB = 1024.0 * 1024.0
HEADING = (
    "| detector | precision | recall | F1 | alarms / instance-day | delay, h | before limit | diagnosis |"
)
BEGIN, END = "<!-- detectors:begin -->", "<!-- detectors:end -->"
OURS = "Plimsoll"
Said = dict[str, dict[str, dict[str, Any]]]
Rule = Callable[[FloatArray, FloatArray, FloatArray, float | None], bool]


def _line(ts: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Return slope per hour and the value fitted at the end."""
    hours = (ts - ts[-1]) / HOUR
    slope, level = np.polyfit(hours, values, 1)
    return float(slope), float(level)


def _last(ts: FloatArray, seconds: float) -> int:
    return int(np.searchsorted(ts, ts[-1] - seconds))


def coroot(ts: FloatArray, rss: FloatArray, _load: FloatArray, limit: float | None) -> bool:
    cuts = [0, *(np.flatnonzero(rss[1:] < 0.5 * rss[:-1]) + 1).tolist(), len(rss)]
    a, b = max(pairwise(cuts), key=lambda run: run[1] - run[0])
    if b - a < 8 or limit is None:
        return False
    slope, _ = _line(ts[a:b], rss[a:b])
    q = a + 3 * (b - a) // 4
    late, _ = _line(ts[q:b], rss[q:b]) if b - q >= 3 else (0.0, 0.0)
    return slope > 0.1 * limit and late >= 0.3 * slope


def predict_linear(window: float, ahead_hours: float) -> Rule:
    def rule(ts: FloatArray, rss: FloatArray, _load: FloatArray, limit: float | None) -> bool:
        k = _last(ts, window)
        if limit is None or len(ts) - k < 4 or ts[-1] - ts[k] < 0.8 * window:
            return False
        slope, level = _line(ts[k:], rss[k:])
        return level + slope * ahead_hours > limit

    return rule


def deriv(ts: FloatArray, rss: FloatArray, _load: FloatArray, _limit: float | None) -> bool:
    k = _last(ts, HOUR)
    return len(ts) - k >= 4 and ts[-1] - ts[k] >= 0.8 * HOUR and _line(ts[k:], rss[k:])[0] > 20 * MIB


def mann_kendall(ts: FloatArray, rss: FloatArray, _load: FloatArray, _limit: float | None) -> bool:
    k = _last(ts, DAY)
    if ts[-1] - ts[k] < 0.9 * DAY:
        return False
    values = rss[k :: max((len(rss) - k) // 96, 1)]
    n = len(values)
    s = float(np.sign(values[None, :] - values[:, None])[np.triu_indices(n, 1)].sum())
    return bool((s - np.sign(s)) / np.sqrt(n * (n - 1) * (2 * n + 5) / 18) > 3.0)


def load_adjusted(ts: FloatArray, rss: FloatArray, load: FloatArray, _limit: float | None) -> bool:
    k = _last(ts, DAY)
    if ts[-1] - ts[k] < 0.5 * DAY:
        return False
    groups = np.array_split(np.arange(k, len(ts)), 24)
    y, x, t = (np.array([np.nanmean(v[g]) for g in groups]) for v in (rss, np.nan_to_num(load), ts / HOUR))
    columns = np.stack([np.ones(24), t - t[-1], x - x.mean()], axis=1)
    gram = np.linalg.pinv(columns.T @ columns)
    beta = gram @ columns.T @ y
    rest = y - columns @ beta
    error = np.sqrt(rest @ rest / 21 * gram[1, 1])
    return bool(beta[1] > 4 * error and beta[1] * 24 > 0.03 * y.mean())


RULES: dict[str, Rule] = {
    "Coroot's rule": coroot,
    "predict_linear [1h] → 4h": predict_linear(HOUR, 4.0),
    "predict_linear [6h] → 4h": predict_linear(6 * HOUR, 4.0),
    "deriv > 20 MiB/h": deriv,
    "Mann-Kendall, 24 h": mann_kendall,
    "load-adjusted regression": load_adjusted,
}


def first_alarm(recording: Recording, rule: Rule) -> float | None:
    """Return when a rule would first have fired in any process life, None if never."""
    alarms = [at for at in (_first_in(life, recording, rule) for life in recording.lives) if at is not None]
    return min(alarms, default=None)


def _first_in(life: InstanceSeries, recording: Recording, rule: Rule) -> float | None:
    rss = life.columns.get("rss_bytes", np.full(len(life.ts), np.nan))
    load = life.columns.get("requests", np.full(len(life.ts), np.nan))
    present = ~np.isnan(rss)
    ts, rss, load = life.ts[present], rss[present], load[present]
    stride = max(int(STEP_SECONDS / recording.interval_seconds), 1)
    for n in range(12, len(ts) + 1, stride):
        low = max(0, int(np.searchsorted(ts, ts[n - 1] - 2 * DAY)))
        if rule(ts[low:n], rss[low:n], load[low:n], recording.memory_limit_bytes):
            return float(ts[n - 1])
    return None


def verdict_line(name: str, at: float | None) -> dict[str, Any]:
    return {
        "trace": name,
        "verdict": "healthy" if at is None else "leak",
        "diagnosis": "none" if at is None else "heap_leak",
        "detected_at": at,
    }


def table(said: dict[str, dict[str, dict[str, Any]]], labels: dict[str, Any]) -> str:
    """Return the comparison as a Markdown table."""
    rows = [
        HEADING,
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, verdicts in said.items():
        s = score(labels, verdicts)
        figures = (
            s.precision,
            s.recall,
            s.f1,
            s.false_alarms_per_instance_day,
            s.delay_hours,
            s.before_limit,
            s.diagnosis,
        )
        shown = ["–" if f is None else f"{f:.3f}" if i == 3 else f"{f:.2f}" for i, f in enumerate(figures)]
        cells = " | ".join(shown)
        rows.append(f"| {name} | {cells} |")
    return "\n".join(rows)


def judged(folder: Path, names: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what each of the named detectors says of a recording, by detector."""
    recording = load_recording(folder).recording
    said = {
        name: verdict_line(recording.name, first_alarm(recording, RULES[name]))
        for name in names
        if name in RULES
    }
    if OURS in names:
        said[OURS] = replay(recording).line()
    return said


def run(folders: Sequence[Path], said: Said, seconds: float) -> bool:
    """Add what is not in `said` yet for about so many seconds; return whether all is there."""
    end = time.monotonic() + seconds
    for folder in folders:
        missing = [name for name in (*RULES, OURS) if folder.name not in said.setdefault(name, {})]
        if missing and time.monotonic() > end:
            return False
        for name, line in judged(folder, missing).items() if missing else ():
            said[name][folder.name] = line
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=Path)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="use the first N traces only")
    parser.add_argument("--write", type=Path, help="a Markdown file whose marked table is replaced")
    parser.add_argument(
        "--keep", type=Path, help="a file for what was said: a run goes on where the last one stopped"
    )
    parser.add_argument("--again", action="append", default=[], help="forget what this detector said before")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after so long, to go on with --keep")
    options = parser.parse_args()
    said: Said = {}
    if options.keep is not None and options.keep.is_file():
        said = json.loads(options.keep.read_text())
    for name in options.again:
        said.pop(name, None)
    folders = [
        folder
        for folder in find_recordings([options.suite])[: options.limit]
        if (options.labels / f"{folder.name}.json").is_file()
    ]
    done = run(folders, said, options.seconds)
    if options.keep is not None:
        options.keep.write_text(json.dumps(said))
    if not done:
        print(f"{min(len(lines) for lines in said.values())} of {len(folders)} traces so far")
        return 1
    labels = {f.name: json.loads((options.labels / f"{f.name}.json").read_text()) for f in folders}
    text = table({name: said[name] for name in (*RULES, OURS)}, labels)
    print(f"{len(labels)} traces\n\n{text}")
    if options.write is not None:
        page = options.write.read_text()
        head, rest = page.split(BEGIN)
        options.write.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
