"""Fills a server with recorded services as if they had run until now, through the product's own actions."""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "profiler_server.config.settings")
if not apps.ready:
    django.setup()

from django.contrib.auth.models import User

from profiler_server.accounts.models import Membership, Project, Role
from profiler_server.analysis.actions.evaluate_service import evaluate_service
from profiler_server.analysis.models import ServiceWatch
from profiler_server.catalog.actions.observe_instance import InstanceIdentity, observe_instance
from profiler_server.catalog.models import Instance, Marker, Service
from profiler_server.core.points import CANONICAL_COLUMNS, point_batch
from profiler_server.profiles.actions.store_profiles import ProfileArrival, store_profiles
from profiler_server.series.actions.store_points import store_points
from tests.browser.seed_names import PASSWORD, USERNAME

TRACES = Path(__file__).resolve().parents[2] / "examples" / "traces"

POINTS_PER_BATCH = 200
REGIONS = ("eu", "us")
NAMES = {
    "context-leak": "feature-store",
    "context-fixed": "feature-store-canary",
    "parser-keeps-buffer": "metrics-fetcher",
    "madvfree": "thumbnailer",
    "oom-restarts": "geocoder",
    "leak-after-deploy": "checkout",
    "py-module-list": "recommendations",
    "py-fragmentation": "report-builder",
    "lru-warm-up": "search-suggest",
    "cgo-malloc": "pdf-render",
    "goroutines": "notifier",
    "madvdontneed": "thumbnailer-canary",
}


@dataclass(frozen=True)
class Trace:
    """A recording: its folder, its meta data, and its rows by (instance, start)."""

    folder: Path
    meta: dict[str, Any]
    lives: dict[tuple[str, float], list[dict[str, str]]]

    @property
    def ends_at(self) -> float:
        return max(float(rows[-1]["ts"]) for rows in self.lives.values())


def read_trace(folder: Path) -> Trace:
    """Read a recording from its folder."""
    lives: dict[tuple[str, float], list[dict[str, str]]] = {}
    with gzip.open(folder / "series.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            lives.setdefault((row["instance"], float(row["started_at"])), []).append(row)
    return Trace(folder, json.loads((folder / "meta.json").read_text()), lives)


def replay(
    project: Project, trace: Trace, *, ends_at: float, name: str = "", stages: Sequence[float] = (1.0,)
) -> Service:
    """Store a recording under the project so that it ends at `ends_at`, and examine the service after each stage.

    `stages` are shares of the recording's time: what grows is suspected at one look and explained at the next.
    """
    shift = ends_at - trace.ends_at
    name = name or NAMES.get(trace.folder.name, trace.folder.name)
    limit = trace.meta.get("memory_limit_bytes")
    service, _ = Service.objects.get_or_create(
        project=project,
        name=name,
        defaults={"language": trace.meta["language"], "memory_limit_bytes": int(limit) if limit else None},
    )
    for marker in trace.meta.get("markers", ()):
        at = datetime.fromtimestamp(marker["ts"] + shift, UTC)
        Marker.objects.get_or_create(
            project=project, service=service, instance=None, at=at, kind=marker["kind"],
            defaults={"version": marker.get("version") or ""},
        )  # fmt: skip
    lives = [
        _Life(key, started_at, rows, shift, REGIONS[number % len(REGIONS)])
        for number, ((key, started_at), rows) in enumerate(
            sorted(trace.lives.items(), key=lambda item: item[0][1])
        )
    ]
    first = min(float(life.rows[0]["ts"]) for life in lives)
    since = first - 1.0
    for share in stages:
        until = first + share * (trace.ends_at - first)
        for life in lives:
            _replay_life(project, trace, service, life.between(since, until))
        since = until
        examine(service)
    return service


def examine(service: Service) -> None:
    """Evaluate the service as the scheduler would."""
    ServiceWatch.objects.get_or_create(service=service, defaults={"project_id": service.project_id})
    evaluate_service(service.pk)


@dataclass(frozen=True)
class _Life:
    key: str
    started_at: float
    rows: list[dict[str, str]]
    shift: float
    region: str

    def between(self, since: float, until: float) -> _Life:
        """Return the part of the life in (since, until]."""
        return replace(self, rows=[row for row in self.rows if since < float(row["ts"]) <= until])


def _replay_life(project: Project, trace: Trace, service: Service, life: _Life) -> None:
    if not life.rows:
        return
    identity = InstanceIdentity(
        service.name, life.key, datetime.fromtimestamp(life.started_at + life.shift, UTC),
        release=life.rows[0].get("version") or "", language=service.language,
        labels={"region": life.region},
    )  # fmt: skip
    for low in range(0, len(life.rows), POINTS_PER_BATCH):
        part = life.rows[low : low + POINTS_PER_BATCH]
        ts = [float(row["ts"]) + life.shift for row in part]
        instance = observe_instance(project.pk, identity, at=datetime.fromtimestamp(ts[0], UTC))
        store_points(instance, point_batch(ts, _columns(part)))
    instance = observe_instance(project.pk, identity, at=datetime.fromtimestamp(ts[-1], UTC))
    _store_profiles(trace, instance, life)


def _columns(rows: list[dict[str, str]]) -> dict[str, list[float | None]]:
    names = [name for name in rows[0] if name in CANONICAL_COLUMNS or name in {"go_heap_objects", "cpu_s"}]
    columns = {name: [float(row[name]) if row[name] else None for row in rows] for name in names}
    return {name: values for name, values in columns.items() if any(value is not None for value in values)}


def _store_profiles(trace: Trace, instance: Instance, life: _Life) -> None:
    first, last = float(life.rows[0]["ts"]), float(life.rows[-1]["ts"])
    found = sorted((trace.folder / "profiles" / life.key).glob("*.pb.gz"), key=_taken_at)
    arrivals = [
        ProfileArrival(instance, datetime.fromtimestamp(_taken_at(path) + life.shift, UTC), path.read_bytes())
        for path in found
        if first - 1 <= _taken_at(path) <= last
    ]
    if arrivals:
        store_profiles(arrivals)


def _taken_at(path: Path) -> float:
    return float(path.name.removesuffix(".pb.gz"))


def make_project(
    name: str = "Shop", *, username: str = USERNAME, password: str = PASSWORD
) -> tuple[Project, User]:
    """Return a project with one admin who can log in."""
    project, _ = Project.objects.get_or_create(slug=name.lower().replace(" ", "-"), defaults={"name": name})
    user, _ = User.objects.get_or_create(
        username=username, defaults={"email": f"{username}@example.org", "password": make_password(password)}
    )
    Membership.objects.get_or_create(project=project, user=user, defaults={"role": Role.ADMIN})
    return project, user


def traces(*names: str) -> Iterator[Trace]:
    """Read the named recordings, all of them without names."""
    for folder in sorted(TRACES.iterdir()):
        if (folder / "meta.json").exists() and (not names or folder.name in names):
            yield read_trace(folder)


STAGES = (0.5, 0.7, 0.85, 1.0)
QUICK_STAGES = (0.8, 1.0)
QUICK = ("context-leak", "py-module-list", "oom-restarts", "lru-warm-up", "madvfree")
REGRESSING = "py-module-list"
EARLIER_SECONDS = 11 * 3600.0


def fill(*, everything: bool) -> None:
    """Make the project Shop with recorded services; the one that regresses later ends hours ago."""
    project, _ = make_project()
    make_project("Zero")
    now = time.time()
    for trace in traces(*(() if everything else QUICK)):
        early = EARLIER_SECONDS if trace.folder.name == REGRESSING and not everything else 20.0
        replay(project, trace, ends_at=now - early, stages=STAGES if everything else QUICK_STAGES)


def regress() -> None:
    """Let the regressing service leak once more, in a new life that ends now."""
    project, _ = make_project()
    trace = next(traces(REGRESSING))
    again = replace(
        trace, lives={(f"{key}-again", start): rows for (key, start), rows in trace.lives.items()}
    )
    replay(project, again, ends_at=time.time() - 20.0, stages=QUICK_STAGES)


def main() -> None:
    """`python -m tests.browser.seed quick|all|empty|regress|kinds`: prepare the environment's server and fill it."""
    what = sys.argv[1] if len(sys.argv) > 1 else "all"
    if what == "regress":
        regress()
        return
    if what == "kinds":
        from tests.browser.kinds import make_kinds

        make_kinds()
        return
    call_command("prepare", stdout=StringIO())
    if what == "empty":
        make_project()
        return
    fill(everything=what == "all")


if __name__ == "__main__":
    main()
