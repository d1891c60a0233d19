"""A fleet in the database: services that share one day's history, and what it costs to evaluate all that are due.

Import only after Django is set up (`_database.start()`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection

from benchmarks import _database as database
from profiler_server.accounts.models import Project
from profiler_server.analysis.actions.claim_due_services import claim_due_services
from profiler_server.analysis.models import ServiceWatch
from profiler_server.analysis.plain import plain
from profiler_server.analysis.tasks import BATCH_SIZE, evaluate_batch
from profiler_server.catalog.models import Instance, Service
from profiler_server.core.leak import Evaluation, InstanceSeries, LeakState, ServiceWindow, evaluate
from profiler_server.core.points import PointBatch
from profiler_server.core.profile import FloatArray
from profiler_server.series.actions.store_points import store_points

INTERVAL = 60.0
ROUND = timedelta(minutes=5)
HISTORY = timedelta(hours=24)
PHASES = 9
"""Services are judged anew every ninth round: when a day's history has grown by three hundredths."""
LEAKING = 100
"""One service in so many leaks."""
INSTANCES = 4
MIB = 2.0**20
COPY_WATCHES = """
INSERT INTO analysis_servicewatch (service_id, project_id, state, version, due_at, data_until, verdict, diagnosis,
    sentence, evaluation, error, suspected_at, log_e)
SELECT s.id, s.project_id, t.state, 1, now(), t.data_until, t.verdict, t.diagnosis, t.sentence, t.evaluation, '',
    t.suspected_at, t.log_e
FROM catalog_service s
JOIN catalog_service ts ON ts.project_id = s.project_id
    AND ts.name = CASE WHEN s.id %% {leaking} = 0 THEN 'leak-' ELSE 'calm-' END || (s.id %% {phases})
JOIN analysis_servicewatch t ON t.service_id = ts.id
WHERE s.project_id = %s AND s.name LIKE 'copy-%%'
"""
COPY_SETS = """
INSERT INTO series_column_set (project_id, service_id, set_id, names)
SELECT s.project_id, s.id, c.set_id, c.names
FROM catalog_service s JOIN series_column_set c ON c.service_id = %s
WHERE s.project_id = %s AND s.id <> %s ON CONFLICT DO NOTHING
"""
COPY_POINTS = """
INSERT INTO series_hot (project_id, service_id, instance_id, first_at, hour_at, digest, set_id, points, block)
SELECT i.project_id, i.service_id, i.id, h.first_at, h.hour_at, h.digest, h.set_id, h.points, h.block
FROM series_hot h JOIN catalog_instance t ON t.id = h.instance_id
JOIN catalog_instance i ON i.project_id = t.project_id AND i.key = t.key AND i.service_id <> t.service_id
WHERE t.service_id = %s AND h.first_at > %s ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Cost:
    """CPU milliseconds of one round, per service (the claim: in all), and how many services were judged anew."""

    services: int
    claim_ms: float
    worker_ms: float
    database_ms: float
    fresh: int

    @property
    def total_ms(self) -> float:
        """Return what one service costs end to end."""
        return self.worker_ms + self.database_ms + self.claim_ms / self.services

    def in_words(self) -> str:
        """Return the round as a line of the benchmark."""
        load = self.total_ms * self.services / (2 * 1000 * ROUND.total_seconds())
        return (
            f"{self.services:7,} services, {self.fresh:5,} judged anew: {self.worker_ms:6.2f} ms CPU of the worker and "
            f"{self.database_ms:5.2f} of PostgreSQL each, {self.claim_ms:6.1f} ms to claim; "
            f"{1000 / self.total_ms:5,.0f} services/s/core, {100 * load:5.1f} % of two cores every five minutes"
        )


def _columns(hours: FloatArray, *, leaks: bool, seed: int) -> dict[str, Any]:
    noise = np.random.default_rng([seed, int(hours[0] * 60)]).standard_normal(len(hours))
    day = np.sin(2 * np.pi * hours / 24)
    heap = (400 + 25 * day + 2 * noise + (6.0 * hours if leaks else 0.0)) * MIB
    load = 200 + 150 * day
    return {"rss_bytes": 1.4 * heap, "heap_live_bytes": heap, "heap_inuse_bytes": 1.1 * heap,
            "heap_sys_bytes": 1.2 * heap, "heap_released_bytes": np.zeros(len(hours)), "requests": load * INTERVAL,
            "errors": np.zeros(len(hours)), "threads": np.full(len(hours), 12.0),
            "goroutines": np.round(100 + load), "p99_ms": 20 + load / 20}  # fmt: skip


class Fleet:
    """`size` services of one project, four instances each, whose points come in rounds of five minutes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.project = Project.objects.create(name=f"fleet {size}", slug=f"fleet-{size}")
        self.now = (datetime.now(UTC) - timedelta(minutes=50)).replace(second=0, microsecond=0)
        self._begin = self.now - HISTORY
        ServiceWatch.objects.update(due_at=datetime.now(UTC) + timedelta(days=9))
        self._make()

    def _make(self) -> None:
        names = [f"{kind}-{phase}" for kind in ("calm", "leak") for phase in range(PHASES)]
        names += [f"copy-{n}" for n in range(self.size - len(names))]
        services = Service.objects.bulk_create(
            [Service(project=self.project, name=name, language="go") for name in names], batch_size=2000
        )
        rows = (self._instance(service, k) for service in services for k in range(INSTANCES))
        Instance.objects.bulk_create(rows, batch_size=2000)
        self._model = services[0]
        self._models = list(Instance.objects.filter(service=self._model).order_by("key"))
        calm, leak = self._judged(leaks=False), self._judged(leaks=True)
        for service in services[: 2 * PHASES]:
            kind, phase = service.name.split("-")
            self._watch(service, leak if kind == "leak" else calm, int(phase))
        with connection.cursor() as cursor:
            cursor.execute(COPY_WATCHES.format(leaking=LEAKING, phases=PHASES), [self.project.pk])

    def _instance(self, service: Service, k: int) -> Instance:
        begin = self._begin - timedelta(hours=30)
        return Instance(
            project=self.project, service=service, key=f"host:{k}", started_at=begin, release="v1", language="go",
            agent="plimsoll-go/1", first_seen_at=self._begin, last_seen_at=self.now,
        )  # fmt: skip

    def _judged(self, *, leaks: bool) -> Evaluation:
        """Return what is said of the day that all services share."""
        steps = np.arange(1.0, HISTORY.total_seconds() / INTERVAL + 1)
        ts = self._begin.timestamp() + INTERVAL * steps
        hours = INTERVAL * steps / 3600.0
        series = tuple(
            InstanceSeries(
                one.key, one.started_at.timestamp(), "v1", ts, _columns(hours, leaks=leaks, seed=k)
            )
            for k, one in enumerate(self._models)
        )
        window = ServiceWindow(self.now.timestamp(), INTERVAL, None, "go", (), series)
        return evaluate(window, LeakState())

    def _watch(self, service: Service, said: Evaluation, phase: int) -> None:
        late = phase * ROUND.total_seconds()
        state = replace(said.state, evaluated_at=self.now.timestamp() - late).to_json()
        ServiceWatch.objects.create(
            service=service,
            project=self.project,
            state=plain({"leak": state, "interval_seconds": INTERVAL}),
            version=1,
            data_until=self.now,
            verdict=said.verdict,
            diagnosis=said.diagnosis,
            sentence=said.sentence,
            evaluation=plain(said.to_json()),
            log_e=said.state.log_e,
        )

    def push(self) -> None:
        """Store five minutes of points of every instance: those of one service, copied for all others."""
        ts = self.now.timestamp() + INTERVAL * np.arange(1.0, ROUND.total_seconds() / INTERVAL + 1)
        hours = (ts - self._begin.timestamp()) / 3600.0
        for k, one in enumerate(self._models):
            store_points(one, PointBatch(ts, _columns(hours, leaks=False, seed=k)))
        since, self.now = self.now, self.now + ROUND
        with connection.cursor() as cursor:
            cursor.execute(COPY_SETS, [self._model.pk, self.project.pk, self._model.pk])
            cursor.execute(COPY_POINTS, [self._model.pk, since])
        Instance.objects.filter(project=self.project).update(last_seen_at=self.now)
        ServiceWatch.objects.filter(project=self.project).update(due_at=datetime.now(UTC))

    def round(self) -> Cost:
        """Push, then claim and evaluate what is due as the workers do, and return what it cost."""
        self.push()
        before = self._versions()
        begin = time.process_time()
        ids = claim_due_services(lease=timedelta(minutes=15))
        claim = time.process_time() - begin
        served, begin = _database_seconds(), time.process_time()
        done = sum(
            evaluate_batch(ids[start : start + BATCH_SIZE]) for start in range(0, len(ids), BATCH_SIZE)
        )
        worker, served = time.process_time() - begin, _database_seconds() - served
        failed = ServiceWatch.objects.filter(project=self.project).exclude(error="").count()
        if done != self.size or failed:
            raise RuntimeError(f"{done} of {self.size} services were evaluated, {failed} failed.")
        each = 1000.0 / self.size
        return Cost(self.size, 1000 * claim, worker * each, served * each, self._versions() - before)

    def _versions(self) -> int:
        """Return how many times the services have been judged anew."""
        return database.scalar(
            "SELECT sum(version) FROM analysis_servicewatch WHERE project_id = %s", self.project.pk
        )


def _database_seconds() -> float:
    """Return the CPU seconds of all PostgreSQL processes so far."""
    master = _stat(database.scalar("SELECT pg_backend_pid()"))[1]
    ticks = os.sysconf("SC_CLK_TCK")
    return sum((user + system) / ticks for user, system in _children(master))


def _children(master: int) -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            numbers = _stat(int(entry.name))
        except OSError:
            continue  # it ended meanwhile
        if numbers[1] == master:
            yield numbers[11], numbers[12]


def _stat(pid: int) -> list[int]:
    """Return the numbers of /proc/<pid>/stat from the state (0) on: the parent (1), user and system ticks (11, 12)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return [0, *(int(field) for field in fields[1:])]
