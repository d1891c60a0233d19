"""Whose data a page may show: the one place that turns a request into a user's project, role, zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from dashboards.zones import zone_of
from profiler_server.accounts.models import Project
from profiler_server.accounts.queries import projects_of, require_role, role_in
from profiler_server.catalog.models import Service
from profiler_server.core.errors import NotFound

SESSION_KEY = "project"
P = ParamSpec("P")


@dataclass(frozen=True)
class Scope:
    """What one request may see: every query of a page takes its project from here and from nowhere else."""

    project: Project
    projects: tuple[Project, ...]
    role: str
    user: User
    zone: ZoneInfo

    def require(self, least: str) -> None:
        """Raise `AccessDenied` unless the user has at least the role `least` in the project."""
        require_role(self.user, self.project.pk, least)

    def service(self, name: str) -> Service:
        """Return the project's service `name`; raise `NotFound` for any other, other projects' included."""
        found = Service.objects.filter(project_id=self.project.pk, name=name).first()
        if found is None:
            raise NotFound(
                f"No service called {name!r} has reported to the project {self.project.name}."
                f"{self._elsewhere(name)}"
            )
        return found

    def _elsewhere(self, name: str) -> str:
        """Return a hint if another project of the user has a service of this name."""
        others = [project for project in self.projects if project.pk != self.project.pk]
        there = Service.objects.filter(project__in=others, name=name).values_list("project__name", flat=True)
        names = " and ".join(sorted(there))
        return (
            f" There is one in {names}: choose the project at the top, then open it again." if names else ""
        )


def scope_of(request: HttpRequest) -> Scope | None:
    """Return the scope of a logged-in request, or None for a user without any project.

    The project is the one named by `?project=<slug>` (so that links can be shared), else the one used last,
    else the first by name. Raises `NotFound` for a project that the user is no member of.
    """
    user = cast("User", request.user)
    projects = tuple(projects_of(user))
    if not projects:
        return None
    asked = request.GET.get("project")
    project = _chosen(projects, asked or request.session.get(SESSION_KEY, ""), strict=bool(asked))
    if asked and request.session.get(SESSION_KEY) != project.slug:
        request.session[SESSION_KEY] = project.slug
    return Scope(project, projects, role_in(user, project.pk) or "", user, zone_of(request))


def _chosen(projects: tuple[Project, ...], slug: str, *, strict: bool) -> Project:
    for project in projects:
        if project.slug == slug:
            return project
    if strict:
        raise NotFound("There is no such project, or you are not a member of it.")
    return projects[0]


def scoped(
    view: Callable[Concatenate[HttpRequest, Scope, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Require a login and call `view(request, scope, …)`; base.html reads `request.scope`."""

    @login_required
    @wraps(view)
    def wrapper(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        scope = scope_of(request)
        if scope is None:
            return render(request, "dashboards/no_project.html", status=403)
        request.scope = scope  # type: ignore[attr-defined]
        return view(request, scope, *args, **kwargs)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", wrapper)
