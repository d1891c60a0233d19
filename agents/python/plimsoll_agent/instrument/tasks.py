"""Hook for Celery: a task is a request, its failure an error, its run time the latency."""

from __future__ import annotations

from time import perf_counter
from typing import Any, Callable

from plimsoll_agent.lifecycle import load_meter

MAX_RUNNING = 10_000
_FAILED = "FAILURE"
_began: dict[str, float] = {}


def hook_celery(signals: Any) -> None:
    """Listen to Celery's own signals; ``signals`` is the module ``celery.signals``."""
    signals.task_prerun.connect(_task_begins, weak=False, dispatch_uid="plimsoll.begins")
    signals.task_postrun.connect(_task_ends, weak=False, dispatch_uid="plimsoll.ends")


def _task_begins(task_id: str = "", **_: Any) -> None:
    if len(_began) < MAX_RUNNING:
        _began[task_id] = perf_counter()


def _task_ends(task_id: str = "", state: str = "", **_: Any) -> None:
    began = _began.pop(task_id, None)
    if began is not None:
        load_meter().served(perf_counter() - began, error=state == _FAILED)


HOOKS: dict[str, Callable[[Any], None]] = {"celery.signals": hook_celery}
