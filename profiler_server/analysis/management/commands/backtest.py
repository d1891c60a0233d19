"""Replay recorded services through the detector and print one JSON line per recording; no database is needed."""

from __future__ import annotations

import json
import multiprocessing
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from threadpoolctl import threadpool_limits

from profiler_server.analysis.recordings import UnreadableRecording, find_recordings, load_recording
from profiler_server.core.leak.replay import replay
from profiler_server.core.leak.score import score

BAR_WIDTH = 30
DEFAULT_JOBS = 2


class Command(BaseCommand):
    help = "Replay recorded traces causally through the detector; one JSON line per trace, --labels adds a score."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, help="trace folders, or folders of them")
        parser.add_argument("--labels", type=Path, help="folder of label files; prints the score table too")
        parser.add_argument("--jobs", type=int, default=DEFAULT_JOBS, help="processes to use")

    def handle(self, *_args: Any, **options: Any) -> None:
        folders = find_recordings(options["paths"])
        if not folders:
            raise CommandError(
                "No recording found: a recording is a folder with series.csv or series.csv.gz."
            )
        verdicts = {}
        for done, (line, problems) in enumerate(_replayed(folders, options["jobs"]), start=1):
            for problem in problems:
                self.stderr.write(problem)
            if line is not None:
                self.stdout.write(json.dumps(line))
                verdicts[line["trace"]] = line
            _draw(done, len(folders))
        if options["labels"]:
            self._print_score(options["labels"], verdicts)

    def _print_score(self, folder: Path, verdicts: dict[str, Any]) -> None:
        labels = {}
        for path in sorted(folder.glob("*.json")):
            label = json.loads(path.read_text())
            if label.get("name") in verdicts:
                labels[label["name"]] = label
        if not labels:
            raise CommandError(f"No label in {folder} belongs to any of these recordings.")
        for name, value in score(labels, verdicts).rows():
            self.stdout.write(f"{name:32s} {value}")


def _replayed(folders: list[Path], jobs: int) -> Iterator[tuple[dict[str, Any] | None, tuple[str, ...]]]:
    """Yield (verdict line or None, problems) per folder, in order, from `jobs` processes."""
    if jobs <= 1 or len(folders) == 1:
        yield from map(_replay_folder, folders)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=_use_one_thread) as pool:
        yield from pool.imap(_replay_folder, folders)


def _use_one_thread() -> None:
    """Keep linear algebra to one thread: the matrices are small, and processes already fill the cores."""
    threadpool_limits(1)


def _replay_folder(folder: Path) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    try:
        loaded = load_recording(folder)
    except UnreadableRecording as error:
        return None, (str(error),)
    return replay(loaded.recording).line(), loaded.problems


def _draw(done: int, total: int) -> None:
    """Draw a progress bar on a terminal; say nothing otherwise."""
    if not sys.stderr.isatty():
        return
    filled = BAR_WIDTH * done // total
    end = "\n" if done == total else ""
    sys.stderr.write(f"\r[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {done}/{total}{end}")
    sys.stderr.flush()
