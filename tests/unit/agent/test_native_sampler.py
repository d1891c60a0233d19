"""The native sampler behind the agent's seam: profilers that throw its hooks out, and the allocators' counters."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import plimsoll_agent_native as native
import pytest
from plimsoll_agent.allocators import Allocators
from plimsoll_agent.allocators_ctypes import CtypesReaders
from plimsoll_agent.armament import Armament
from plimsoll_agent.samplers.native import NativeSampler
from plimsoll_agent.settings import Settings
from plimsoll_agent_native import _native


@pytest.fixture
def sampler() -> Iterator[NativeSampler]:
    found = NativeSampler(4096)
    yield found
    found.disarm()
    tracemalloc.stop()
    native.stop()


def keep(count: int) -> list[bytes]:
    return [bytes(1000) for _ in range(count)]


def displace(sampler: NativeSampler) -> None:
    """tracemalloc, switched on before, restores what it had seen, when it is switched off: without our hooks."""
    tracemalloc.start()
    sampler.arm()
    tracemalloc.stop()
    assert native.stats()["hook_state"] == native.HookState.DISPLACED


def test_hooks_that_another_profiler_threw_out_are_put_back(sampler) -> None:
    displace(sampler)
    assert sampler.armed
    assert sampler.encode(0.0)
    assert native.stats()["hook_state"] == native.HookState.ARMED
    assert native.stats()["live"] < 50
    kept = keep(2000)
    assert native.stats()["live"] > 50
    assert sampler.encode(0.0)
    assert kept


def test_an_arming_that_was_displaced_still_ends(sampler) -> None:
    armament = Armament(Settings(profile_seconds=1000.0), sampler)
    tracemalloc.start()
    armament.arm_for(100.0, 0.0)
    tracemalloc.stop()
    assert armament.profile_if_due(20.0, 0.0) is None
    assert armament.profile_if_due(101.0, 0.0)
    assert native.stats()["hook_state"] == native.HookState.OFF
    armament.arm_for(100.0, 200.0)
    native.stop()  # the program itself switches it off
    assert armament.profile_if_due(301.0, 0.0) is None
    armament.arm_for(100.0, 400.0)
    assert sampler.armed


def test_the_extension_and_ctypes_tell_the_same_of_the_allocators() -> None:
    readers = CtypesReaders()
    pairs = [
        (_native.malloc_info(), readers.malloc_info()),
        (_native.pymalloc_info(), readers.pymalloc_info()),
    ]
    for ours, theirs in pairs:
        assert ours is not None
        assert theirs is not None
        assert all(abs(a - b) <= 0.1 * max(a, b) + 4_000_000 for a, b in zip(ours, theirs, strict=True))


def test_pymalloc_reports_nothing_while_the_hooks_are_in(sampler) -> None:
    assert Allocators().pymalloc()
    sampler.arm()
    assert Allocators().pymalloc() == {}
    assert Allocators().malloc()
