"""The project that the pages' tests share, with a client for each role."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.test import Client

from profiler_server.accounts.models import Project


@dataclass(frozen=True)
class Shop:
    """A project and a client logged in for each role."""

    project: Project
    admin: Client
    engineer: Client
    viewer: Client
    stranger: Client
    admin_user: User
