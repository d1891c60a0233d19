"""`manage.py serve`: the whole server on one machine, until Ctrl-C."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from profiler_server.config.supervisor import StartFailed, Supervisor


class Command(BaseCommand):
    help = "Run the web server, the worker and the scheduler, with embedded PostgreSQL and Redis where none is named."

    def handle(self, *args: Any, **options: Any) -> None:
        supervisor = Supervisor(settings.ENV, say=self._say)
        signal.signal(signal.SIGTERM, _as_interrupt)
        try:
            self._prepare(supervisor)
            supervisor.start_processes()
            self._say(f"ready: {settings.ENV.base_url} — Ctrl-C stops it")
            supervisor.watch()
        except StartFailed as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self._say("stopping")
        finally:
            supervisor.stop()

    def _prepare(self, supervisor: Supervisor) -> None:
        supervisor.start_servers()
        call_command("prepare", stdout=self.stdout)

    def _say(self, line: str) -> None:
        self.stdout.write(f"plimsoll: {line}")
        self.stdout.flush()


def _as_interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
