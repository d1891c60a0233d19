"""`manage.py prepare`: bring the tables up to date and make the first login, before the processes start."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from profiler_server.accounts.actions.create_first_project import create_first_project


class Command(BaseCommand):
    help = "Apply migrations, collect the static files, and make the first project and login where there is none."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        self.stdout.write("plimsoll: PostgreSQL is up and its tables are current")
        call_command("collectstatic", verbosity=0, interactive=False)
        first = create_first_project(settings.ENV.data_dir / "first-login", settings.ENV.admin_email)
        if first is not None:
            self.stdout.write(
                f"plimsoll: first login: {first.username} / {first.password} (kept in {first.path})"
            )
