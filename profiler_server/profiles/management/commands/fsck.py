"""`manage.py fsck`: report everything that is wrong with what is stored."""

from __future__ import annotations

import sys
from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

CHECKS = (  # by name, because sibling rooms do not import each other
    "profiler_server.profiles.checking.check_profiles",
    "profiler_server.series.checking.check_points",
)


class Command(BaseCommand):
    help = "Check stored profiles and points; exit with 1 when something is wrong."

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        faults = 0
        for fault in chain.from_iterable(import_string(path)() for path in CHECKS):
            faults += 1
            self.stdout.write(fault)
        self.stdout.write(f"{faults} faults." if faults else "Nothing is wrong.")
        if faults:
            sys.exit(1)
