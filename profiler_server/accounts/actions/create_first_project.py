"""Give an empty installation its first project, its first admin and its first token."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import get_user_model
from django.db import transaction

from profiler_server.accounts.actions.create_token import create_token
from profiler_server.accounts.models import Membership, Project, Role

FIRST_USERNAME = "admin"
FIRST_PROJECT = "Default"
PASSWORD_BYTES = 12


@dataclass(frozen=True)
class FirstLogin:
    """How the first admin logs in, how the first agent sends, and the file that keeps both."""

    username: str
    password: str
    token: str
    path: Path


def create_first_project(path: Path, email: str) -> FirstLogin | None:
    """Return the first login, keeping it in the file `path`; None when users already exist without that file."""
    users = get_user_model().objects
    if users.exists():
        return _read(path) if path.exists() else None
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    with transaction.atomic():
        user = users.create_superuser(FIRST_USERNAME, email, password)
        project = Project.objects.create(name=FIRST_PROJECT, slug="default")
        Membership.objects.create(project=project, user=user, role=Role.ADMIN)
        _, token = create_token(project, "first token", created_by_id=user.pk)
    return _keep(FirstLogin(FIRST_USERNAME, password, token, path))


def _keep(login: FirstLogin) -> FirstLogin:
    login.path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(login.path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{login.username}\n{login.password}\n{login.token}\n")
    return login


def _read(path: Path) -> FirstLogin:
    username, password, token = path.read_text().split()
    return FirstLogin(username, password, token, path)
