"""The hooks among others: re-allocation, other profilers above and below, debug allocators, NumPy, interpreters."""

from __future__ import annotations

import pytest

from tests.unit.native.other_pythons import SUBINTERPRETERS


@pytest.mark.parametrize("allocator", ["pymalloc", "malloc", "debug", "malloc_debug", "pymalloc_debug"])
def test_every_allocator_of_the_interpreter_can_be_wrapped(run_script, allocator):
    result = run_script(
        """
        native.start(4096)
        kept = []
        for i in range(20_000):
            kept.append(bytes(i % 900))
            if i % 3 == 0:
                kept[i // 2] = None
        buffer = bytearray()
        for i in range(3000):
            buffer += b"x" * i
        live = native.stats()["live"]
        native.stop()
        kept.clear()
        answer(live=live)
        """,
        PYTHONMALLOC=allocator,
    )
    assert result["live"] > 0


def test_reallocation_moves_the_sample_and_failure_restores_it(run_script):
    result = run_script("""
        import ctypes
        api = ctypes.pythonapi
        for name in ("PyMem_Malloc", "PyMem_Realloc"):
            getattr(api, name).restype = ctypes.c_void_p
        api.PyMem_Malloc.argtypes = [ctypes.c_size_t]
        api.PyMem_Realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        api.PyMem_Free.argtypes = [ctypes.c_void_p]
        native.start(1)  # every allocation is a sample
        def blocks():
            return [api.PyMem_Malloc(5000) for _ in range(50)]
        made = blocks()
        before = held("blocks")
        failed = [api.PyMem_Realloc(p, 1 << 60) for p in made]
        after_failure = held("blocks")
        def resized():
            return [api.PyMem_Realloc(p, 9000) for p in made]
        moved = resized()
        after = held("resized")
        left = held("blocks")
        for p in moved:
            api.PyMem_Free(p)
        answer(before=before, failed=failed.count(None), after_failure=after_failure, after=after, left=left,
               freed=held("resized"))
    """)
    assert result["before"][1] >= 250_000
    assert result["failed"] == 50
    assert result["after_failure"][1] >= 250_000
    assert result["after"][1] >= 450_000
    assert result["left"][1] < 20_000
    assert result["freed"][1] < 20_000


def test_a_profiler_above_keeps_working_when_the_hooks_leave(run_script):
    result = run_script("""
        import tracemalloc
        native.start(4096)
        tracemalloc.start()
        native.pause()
        below = native.stats()["hook_state"]
        kept = [bytes(1000) for _ in range(1000)]
        traced = tracemalloc.get_traced_memory()[0]
        native.resume()
        again = native.stats()["hook_state"]
        more = [bytes(1000) for _ in range(5000)]
        live = native.stats()["live"]
        tracemalloc.stop()
        on_top = native.stats()["hook_state"]
        native.stop()
        answer(below=below, again=again, traced=traced, live=live, on_top=on_top, off=native.stats()["hook_state"])
    """)
    assert result["below"] == 3
    assert result["again"] == 1
    assert result["traced"] > 1_000_000
    assert result["live"] > 0
    assert result["on_top"] == 1
    assert result["off"] == 0


def test_stopping_below_another_profiler_and_starting_again_does_not_loop(run_script):
    result = run_script("""
        import tracemalloc
        native.start(4096)
        tracemalloc.start()
        for _ in range(5):
            native.stop()
            native.start(4096)
        kept = [bytes(1000) for _ in range(5000)]
        live = native.stats()["live"]
        tracemalloc.stop()
        native.stop()
        answer(live=live)
    """)
    assert result["live"] > 0


def test_a_profiler_that_throws_the_hooks_out_is_noticed(run_script):
    result = run_script("""
        import tracemalloc
        tracemalloc.start()
        native.start(4096)
        tracemalloc.stop()  # restores what it saw before it started, without us
        thrown_out = native.stats()["hook_state"]
        native.resume()
        answer(thrown_out=thrown_out, again=native.stats()["hook_state"])
    """)
    assert result["thrown_out"] == 4
    assert result["again"] == 1


def test_numpy_is_patched_when_loaded_later_and_left_alone_on_request(run_script):
    result = run_script("""
        native.start(65536, numpy=False)
        import numpy as np
        before = np.ones(1_000_000)
        unseen = native.stats()["numpy_hooked"]
        hooked = native.hook_numpy()
        def leak():
            return [np.ones(10_000) for _ in range(400)]
        kept = leak()
        seen = held("leak")[1]
        grown = np.ones(10)
        grown.resize(1_000_000, refcheck=False)
        del before, kept, grown
        native.stop()
        after = np.ones(1000)
        answer(unseen=unseen, hooked=hooked, seen=seen, off=native.stats()["numpy_hooked"])
    """)
    assert result["unseen"] == 0
    assert result["hooked"] is True
    assert result["seen"] == pytest.approx(32e6, rel=0.5)
    assert result["off"] == 0


def test_an_unknown_numpy_is_left_alone(run_script):
    result = run_script("""
        import numpy
        numpy.__version__ = "3.0.0"
        native.start(65536)
        answer(hooked=native.hook_numpy())
    """)
    assert result["hooked"] is False


def test_a_subinterpreter_allocates_under_the_hooks_and_cannot_drive_them(run_script):
    result = run_script(
        SUBINTERPRETERS
        + """
made = create(own_gil=False)
refused = run(made, "import plimsoll_agent_native as n; n.start()")
interpreters.destroy(made)
native.start(4096)
for _ in range(5):
    made = create(own_gil=False)
    run(made, "kept = [bytes(1000) for _ in range(2000)]; del kept")
    interpreters.destroy(made)
made = create(own_gil=False)
native.pause()
state = native.stats()["hook_state"]
native.resume()
stacks = len(native.snapshot())
interpreters.destroy(made)
native.stop()
answer(refused=refused, state=state, stacks=stacks)
"""
    )
    assert "main interpreter" in result["refused"]
    assert result["state"] == 3  # the other interpreter may be inside the hooks: they stay and forward
    assert result["stacks"] > 0


def test_an_allocation_without_the_gil_is_recorded_without_a_stack(run_script):
    """Over malloc: CPython's own allocator needs a thread state, and since 3.14 crashes without one."""
    result = run_script(
        """
        import ctypes
        library = ctypes.CDLL(None)  # calls release the GIL
        library.PyMem_Malloc.restype = ctypes.c_void_p
        library.PyMem_Malloc.argtypes = [ctypes.c_size_t]
        native.start(1)
        pointer = library.PyMem_Malloc(50_000)
        stats = native.stats()
        held_here = held("[without the GIL]")
        answer(count=stats["without_gil"], held=held_here)
    """,
        PYTHONMALLOC="malloc",
    )
    assert result["count"] >= 1
    assert result["held"][1] >= 50_000
