"""Starting, stopping, pausing; what is refused and with which words."""

from __future__ import annotations

import gzip

import plimsoll_agent_native as native
import pytest


@pytest.fixture(autouse=True)
def _stopped():
    native.stop()
    yield
    native.stop()


def test_hooks_are_armed_paused_and_taken_out():
    assert native.stats()["hook_state"] == native.HookState.OFF
    native.start()
    assert native.stats()["hook_state"] == native.HookState.ARMED
    native.pause()
    assert native.stats()["hook_state"] == native.HookState.PAUSED
    native.resume()
    assert native.stats()["hook_state"] == native.HookState.ARMED
    native.stop()
    assert native.stats()["hook_state"] == native.HookState.OFF


def test_a_second_start_is_refused():
    native.start()
    with pytest.raises(native.AlreadyStarted, match="stop"):
        native.start()


def test_stop_may_be_called_twice():
    native.start()
    native.stop()
    native.stop()


@pytest.mark.parametrize("call", [native.snapshot, native.snapshot_pprof, native.pause, native.resume])
def test_nothing_can_be_read_before_start(call):
    with pytest.raises(native.NotStarted, match="start"):
        call()


def test_holders_need_a_running_sampler():
    with pytest.raises(native.NotStarted):
        native.find_holders([("f", "f.py", 1)])


@pytest.mark.parametrize("interval", [0, -5, 1 << 41])
def test_senseless_intervals_are_refused(interval):
    with pytest.raises(ValueError, match="interval_bytes"):
        native.start(interval)


@pytest.mark.parametrize("name", ["max_stacks", "max_live_samples"])
def test_senseless_bounds_are_refused(name):
    with pytest.raises(ValueError, match=name):
        native.start(**{name: 1})


@pytest.mark.parametrize(
    ("knows_the_version", "said"), [(True, "headers that do not fit"), (False, r"3\.11 to 3\.14")]
)
def test_an_unknown_interpreter_is_refused_aloud(monkeypatch, knows_the_version, said):
    monkeypatch.setattr("plimsoll_agent_native.sampling._native.SUPPORTED", 0)
    if not knows_the_version:
        monkeypatch.delattr("plimsoll_agent_native.sampling._native.start")
    with pytest.raises(native.UnsupportedInterpreter, match=said):
        native.start()
    assert native.stats() == {"hook_state": 0}
    native.stop()


def test_a_snapshot_has_leaf_first_stacks_and_four_columns():
    native.start(1024)
    kept = allocate_here(500)
    taken = native.snapshot()
    rows = [
        i
        for i in range(len(taken))
        if taken.stack(i)[0][0].startswith("allocate_here") and taken.inuse_bytes[i]
    ]
    assert kept
    assert rows
    stack = taken.stack(rows[0])
    assert stack[0][1] == __file__
    assert stack[0][2] > 0
    assert any(frame[0] == "test_a_snapshot_has_leaf_first_stacks_and_four_columns" for frame in stack[1:])
    assert taken.inuse_bytes[rows[0]] > 0
    assert taken.alloc_bytes[rows[0]] >= taken.inuse_bytes[rows[0]]
    assert taken.interval_bytes >= 1024


def allocate_here(count: int) -> list[bytes]:
    return [bytes(2000) for _ in range(count)]


def test_alloc_counts_stay_when_memory_goes():
    native.start(1024)
    kept = allocate_here(500)
    kept.clear()
    taken = native.snapshot()
    rows = [i for i in range(len(taken)) if taken.stack(i)[0][0].startswith("allocate_here")]
    assert sum(taken.inuse_bytes[i] for i in rows) == 0
    assert sum(taken.alloc_bytes[i] for i in rows) > 0


def test_pprof_is_gzip_and_names_its_types():
    native.start(1024)
    kept = allocate_here(100)
    body = gzip.decompress(native.snapshot_pprof())
    assert kept
    for word in (
        b"inuse_objects",
        b"inuse_space",
        b"alloc_objects",
        b"alloc_space",
        b"allocate_here",
        b"space",
    ):
        assert word in body


def test_counts_start_from_nothing_after_a_pause():
    native.start(1024)
    kept = allocate_here(500)
    assert native.stats()["live"] > 0
    native.pause()
    assert native.stats()["live"] > 0
    native.resume()
    assert native.stats()["live"] < 50
    assert kept


def test_everything_exported_has_prose():
    for name in native.__all__:
        thing = getattr(native, name)
        assert name in {"__version__", "KINDS"} or thing.__doc__, name
