"""`manage.py rebuild_rollups`: write the sums of windows and hours anew from the chunks."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from profiler_server.catalog.models import Service
from profiler_server.profiles.actions.rebuild_rollups import rebuild_rollups
from profiler_server.profiles.keys import ServiceKey


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = "Rebuild the roll-ups of all services, or of one, between two times."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--service", help="name of one service; default all")
        parser.add_argument(
            "--start", type=_moment, default=datetime.min.replace(tzinfo=UTC), help="ISO time, UTC"
        )
        parser.add_argument(
            "--end", type=_moment, default=datetime.max.replace(tzinfo=UTC), help="ISO time, UTC"
        )

    def handle(self, *_arguments: Any, **options: Any) -> None:
        chosen = Service.objects.order_by("project_id", "name")
        if options["service"]:
            chosen = chosen.filter(name=options["service"])
        for service in chosen:
            key = ServiceKey(service.project_id, service.pk)
            done = rebuild_rollups(key, options["start"], options["end"], on_busy=self._say_busy)
            self.stdout.write(f"{service.name}: {done} windows")

    def _say_busy(self, window_at: datetime) -> None:
        self.stderr.write(f"another worker has the window of {window_at}; run again")
