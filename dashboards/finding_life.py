"""The life of a finding as the page's forms ask for it: each form field set becomes one action."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from dashboards.period import moment_of
from dashboards.scope import Scope
from profiler_server.analysis.actions.acknowledge_finding import acknowledge_finding
from profiler_server.analysis.actions.assign_finding import assign_finding
from profiler_server.analysis.actions.comment_finding import comment_finding
from profiler_server.analysis.actions.reopen_finding import reopen_finding
from profiler_server.analysis.actions.resolve_finding import resolve_finding
from profiler_server.analysis.actions.snooze_finding import Snooze, snooze_finding
from profiler_server.core.errors import Conflict

SNOOZE_HOURS = {"1h": 1, "8h": 8, "1d": 24, "1w": 168}


def apply_change(request: HttpRequest, scope: Scope, finding_id: int) -> None:
    """Do what the posted form asks (`action`), and say so in a message. Raises `Conflict` for what cannot be done."""
    name = request.POST.get("action", "")
    chosen = _CHANGES.get(name)
    if chosen is None:
        raise Conflict("The form does not say what to do; reload the page and try again.")
    messages.success(request, chosen(scope, finding_id, request.POST))


def _version(form: QueryDict) -> int | None:
    text = form.get("version", "")
    return int(text) if text.isdigit() else None


def _acknowledge(scope: Scope, finding_id: int, form: QueryDict) -> str:
    acknowledge_finding(scope.project.pk, finding_id, actor_id=scope.user.pk, version=_version(form))
    return "Acknowledged. You look after it now."


def _assign(scope: Scope, finding_id: int, form: QueryDict) -> str:
    text = form.get("assignee", "")
    assignee = int(text) if text.isdigit() else None
    assign_finding(
        scope.project.pk, finding_id, actor_id=scope.user.pk, assignee_id=assignee, version=_version(form)
    )
    return "Assigned." if assignee else "Assigned to nobody."


def _comment(scope: Scope, finding_id: int, form: QueryDict) -> str:
    comment_finding(scope.project.pk, finding_id, actor_id=scope.user.pk, text=form.get("text", ""))
    return "Comment added."


def _snooze(scope: Scope, finding_id: int, form: QueryDict) -> str:
    snooze = snooze_from(form, timezone.now(), scope)
    snooze_finding(scope.project.pk, finding_id, snooze, actor_id=scope.user.pk, version=_version(form))
    return "Snoozed. Nobody is mailed before it ends."


def snooze_from(form: QueryDict, now: datetime, scope: Scope) -> Snooze:
    """Read what ends the snooze: `for` (a preset or "release", "worse", "until"), `until`, `worse_percent`."""
    kind = form.get("for", "")
    if kind in SNOOZE_HOURS:
        return Snooze(until=now + timedelta(hours=SNOOZE_HOURS[kind]))
    if kind == "until":
        moment = moment_of(form.get("until", ""), scope.zone)
        return Snooze(until=datetime.fromtimestamp(moment, scope.zone))
    if kind == "release":
        return Snooze(until_release=True, current_release=form.get("release", ""))
    if kind == "worse":
        return Snooze(worse_percent=_percent(form.get("worse_percent", "")))
    return Snooze()


def _percent(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Conflict("Say by how many per cent it must grow faster, for example 50.") from None


def _resolve(scope: Scope, finding_id: int, form: QueryDict) -> str:
    resolve_finding(
        scope.project.pk,
        finding_id,
        actor_id=scope.user.pk,
        text=form.get("text", ""),
        version=_version(form),
    )
    return "Resolved. If it grows again, it comes back by itself; Reopen undoes this."


def _reopen(scope: Scope, finding_id: int, form: QueryDict) -> str:
    reopen_finding(scope.project.pk, finding_id, actor_id=scope.user.pk, version=_version(form))
    return "Reopened."


_CHANGES: dict[str, Callable[[Scope, int, QueryDict], str]] = {
    "acknowledge": _acknowledge,
    "assign": _assign,
    "comment": _comment,
    "snooze": _snooze,
    "resolve": _resolve,
    "reopen": _reopen,
}
