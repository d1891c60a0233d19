"""What the templates of the flame, compare and growth pages are given."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse
from django.utils.text import slugify

from dashboards.asked import PageQuestion, lifetime
from dashboards.flame_rows import choices
from dashboards.links import compare_url
from dashboards.period import PRESETS, Period, preset_seconds
from dashboards.service_head import service_head
from profiler_server.analysis import queries as analysis
from profiler_server.analysis.models import Finding
from profiler_server.catalog.models import Service
from profiler_server.codecs.selection_query import Asked
from profiler_server.profiles.queries import pinned_snapshots

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MAX_PINNED_OFFERED = 20
UNITS = {"space": "bytes", "objects": "count"}


def page_context(
    question: PageQuestion, page: str, *, query: QueryDict, whole: Period | None = None
) -> dict[str, Any]:
    """Return what all three pages share; `whole` is the range that the service's other pages are led to."""
    service, asked = question.service, question.asked
    api = reverse("api-flame", args=[service.name]).removesuffix("/flame")
    offered = choices(question)
    known = lifetime(service)
    head = service_head(service, whole or question.period, data=known, now=time.time(), page=page)
    labels = {f"label.{key}": value for key, value in asked.labels}
    at = {"from": f"{question.period.start:.0f}", "to": f"{question.period.end:.0f}"}
    return {
        "nav": "fleet",
        "service": service,
        "head": head.leading(instances=asked.instance_ids or (), labels=asked.labels),
        "question": question,
        "known": known,
        "choices": offered,
        "labels": label_chips(query, asked),
        "chosen_instances": [str(pk) for pk in asked.instance_ids or ()],
        "api": api,
        "pprof_url": f"{api}/pprof?{urlencode(at | {'type': asked.sample_type} | labels)}",
        "release": asked.release or _newest_release(question),
        "unit": UNITS.get(asked.sample_type.rpartition("_")[2], "count"),
        "file_name": f"{slugify(service.name)}-{asked.sample_type}",
        "empty_text": _empty_text(question, page, stored=offered.stored),
    }


def presets(query: QueryDict) -> list[tuple[str, int, str]]:
    """Return the ranges that end now: name, seconds, and the address of the page with it."""
    found = []
    for last in PRESETS:
        rest = query.copy()
        for key in ("from", "to", "snapshot"):
            rest.pop(key, None)
        rest["last"] = last
        found.append((last, round(preset_seconds(last)), f"?{rest.urlencode()}"))
    return found


@dataclass(frozen=True)
class PinnedSnapshot:
    """A snapshot that somebody pinned: its id, and when it was taken as the selects write it."""

    id: str
    label: str
    taken_at: datetime


def pinned_offered(service: Service, zone: ZoneInfo) -> list[PinnedSnapshot]:
    """Return the newest snapshots of the service that people pinned."""
    found = pinned_snapshots(service.project_id, service.pk, LONG_AGO, datetime.now(UTC))
    return [
        PinnedSnapshot(one.id, f"★ {one.taken_at.astimezone(zone):%Y-%m-%d %H:%M:%S}", one.taken_at)
        for one in found[:MAX_PINNED_OFFERED]
    ]


@dataclass(frozen=True)
class LabelChip:
    """A label that a page filters by, and the address of the page without it."""

    key: str
    value: str
    without: str


def label_chips(query: QueryDict, asked: Asked, *, prefix: str = "") -> list[LabelChip]:
    """Return the labels of one side of a question; `query` is the page's own."""
    chips = []
    for key, value in asked.labels:
        rest = query.copy()
        rest.pop(f"{prefix}label", None)
        for other, text in asked.labels:
            rest[f"{prefix}label.{other}"] = text
        del rest[f"{prefix}label.{key}"]
        chips.append(LabelChip(key, value, f"?{rest.urlencode()}"))
    return chips


@dataclass(frozen=True)
class FindingPreset:
    """The comparison that shows an open finding best."""

    finding: Finding
    url: str


def finding_preset(service: Service) -> FindingPreset | None:
    """Return the comparison for the service's open finding, or None without one."""
    found = analysis.open_findings(service.project_id, service_id=service.pk)
    if not found:
        return None
    before, after = analysis.baseline_and_current(found[0])
    return FindingPreset(found[0], compare_url(service.name, before, after))


def _empty_text(question: PageQuestion, page: str, *, stored: bool) -> str:
    if not stored:
        return (
            f"{question.service.name} has sent no profile yet. An agent sends one a minute after its start; "
            "if nothing comes, look at the agent's log and at its token."
            + (" You can also drop a pprof file here to look at it." if page == "flame" else "")
        )
    if question.asked.snapshot_id:
        return "This snapshot is not stored. Choose another one, or the whole range."
    kind = question.asked.sample_type.replace("_", " ")
    kept = settings.ENV.retention_days
    return (
        f"No {kind} was profiled in this range. Choose a longer range, or another sample type. "
        f"Profiles are kept for {kept} days, those of findings for longer."
    )


def _newest_release(question: PageQuestion) -> str:
    """Return the release that links to the source point at: the newest that ran in the range."""
    shown = [
        each
        for each in question.service.releases.order_by("-first_seen_at")
        if each.first_seen_at <= question.asked.end
    ]
    return shown[0].version if shown else ""
