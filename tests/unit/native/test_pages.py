"""Merging small pages before a clone: nothing changes but the page table, and what others share is left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
MERGING_SINCE = (6, 1)  # Linux

HEAP = """
from plimsoll_agent_native import _native
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def text(i):
    return bytes([i % 256]) * 500
heap = [text(i) for i in range(100_000)]
"""


def may_merge() -> bool:
    """Whether the kernel knows how, and its administrator allows it."""
    release = Path("/proc/sys/kernel/osrelease").read_text().split(".")
    known = (int(release[0]), int(release[1])) >= MERGING_SINCE
    return known and SETTING.exists() and "[never]" not in SETTING.read_text()


def test_pages_are_merged_where_the_kernel_may_and_nothing_else_changes(
    run_script: Callable[..., dict[str, Any]],
) -> None:
    result = run_script(
        HEAP
        + """
before = resident()
merged, longest_ms = _native.merge_pages(20.0)
answer(merged=merged, grown=resident() - before, whole=all(heap[i] == text(i) for i in range(len(heap))))
"""
    )
    assert result["whole"] is True
    assert (result["merged"] > 0) == may_merge()
    assert result["grown"] < 2 << 20


def test_pages_that_a_forked_process_shares_are_left_alone(
    run_script: Callable[..., dict[str, Any]],
) -> None:
    result = run_script(
        HEAP
        + """
ends = os.pipe()
child = os.fork()
if child == 0:
    os.read(ends[0], 1)
    os._exit(0)
merged, _ = _native.merge_pages(20.0)
os.write(ends[1], b".")
os.waitpid(child, 0)
answer(merged=merged)
"""
    )
    assert result["merged"] <= 4 << 20  # blocks that were written whole since the fork


def test_without_time_nothing_is_merged(run_script: Callable[..., dict[str, Any]]) -> None:
    assert run_script(HEAP + "answer(merged=_native.merge_pages(0.0)[0])")["merged"] == 0
