"""`manage.py write_reference`: write the reference pages that are made from code."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from profiler_server.config.reference import settings_page


class Command(BaseCommand):
    help = "Write docs/reference/settings.md from the declared settings."

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.ROOT / "docs" / "reference" / "settings.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(settings_page())
        self.stdout.write(f"wrote {path.relative_to(settings.ROOT)}")
