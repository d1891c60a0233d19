"""The counters that make up a point."""

from __future__ import annotations

import gc
import os
import time
from itertools import pairwise

from plimsoll_agent.allocators import TYPICAL_BLOCK_BYTES, Allocators, LiveEstimate
from plimsoll_agent.cgroup import Cgroup, find_cgroup
from plimsoll_agent.collector import CollectorWatch
from plimsoll_agent.load import BUCKETS, LoadMeter, bucket_of, middle_of
from plimsoll_agent.proc import KeptFile, ProcessFiles, count_fds, parse_status, smaps_rollup, start_time
from plimsoll_agent.waterfall import MAX_PAUSE_SECONDS, Budget, Waterfall


def test_the_waterfall_of_this_process_adds_up() -> None:
    waterfall = Waterfall()
    waterfall.start()
    try:
        columns = waterfall.read(time.monotonic())
        rollup = waterfall.read_rollup(100.0)
        assert waterfall.read_rollup(101.0) == {}
    finally:
        waterfall.stop()
    parts = columns["rss_anon_bytes"] + columns["rss_file_bytes"] + columns["rss_shmem_bytes"]
    assert abs(parts - columns["rss_bytes"]) < 0.1 * columns["rss_bytes"]
    assert 0 < columns["pymalloc_slack_bytes"] < columns["pymalloc_arena_bytes"]
    assert 1e6 < columns["heap_live_bytes"] < columns["rss_bytes"] * 1.2
    assert columns["native_inuse_bytes"] > 0
    assert rollup["smaps.pss_bytes"] > 1e6


def test_status_of_other_shapes() -> None:
    assert parse_status(b"") == {}
    assert parse_status(b"RssAnon:\tmany kB\nnonsense\nThreads:\nVmSwap:  4 kB\n") == {"swap_bytes": 4096.0}


def test_a_kept_file_survives_that_the_host_closes_its_number() -> None:
    kept = KeptFile("/proc/self/statm")
    assert kept.read()
    number = kept._fd
    os.close(number)
    other = os.open(os.devnull, os.O_RDONLY)
    try:
        while other != number:
            other = os.dup(other)
        assert kept.read()
        kept.close()
        assert os.fstat(other)
    finally:
        os.close(other)


def test_a_hidden_proc() -> None:
    assert KeptFile("/nowhere/statm").read() == b""
    files = ProcessFiles(pid=2**22 + 5)
    assert files.memory() == {}
    assert count_fds("/nowhere") is None
    assert start_time("/nowhere") is None
    assert smaps_rollup("/nowhere") == {}
    assert find_cgroup("/nowhere", "/nowhere") is None


def test_start_time_is_before_now_and_stable() -> None:
    first, second = start_time(), start_time()
    assert first is not None
    assert second is not None
    assert abs(first - second) < 10  # two clocks are read one after the other
    assert first <= time.time()


def write(folder, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_cgroup_version_2(tmp_path) -> None:
    write(tmp_path / "proc", cgroup="0::/shop.slice/web.service\n")
    group = tmp_path / "cg" / "shop.slice" / "web.service"
    write(group, memory__current="1000\n", memory__max="5000\n", memory__events="low 0\noom 3\noom_kill 2\n")
    found = find_cgroup(str(tmp_path / "proc"), str(tmp_path / "cg"))
    assert found is not None
    assert found.read() == {
        "cgroup_current_bytes": 1000.0,
        "cgroup_limit_bytes": 5000.0,
        "cgroup_oom_kills": 2.0,
    }
    write(group, memory__max="max\n")
    assert found.limit_bytes() is None


def test_cgroup_version_1_in_a_container_that_shows_itself_as_the_root(tmp_path) -> None:
    write(tmp_path / "proc", cgroup="9:cpu:/x\n4:memory:/docker/abc\n0::/\n")
    group = tmp_path / "cg" / "memory"
    write(
        group, memory__usage_in_bytes="7\n", memory__limit_in_bytes="9223372036854771712\n",
        memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
    )  # fmt: skip
    found = find_cgroup(str(tmp_path / "proc"), str(tmp_path / "cg"))
    assert found is not None
    assert found.version == 1
    assert found.read() == {"cgroup_current_bytes": 7.0, "cgroup_oom_kills": 4.0}


def test_cgroup_with_hidden_proc(tmp_path) -> None:
    write(tmp_path / "cg", memory__current="1\n")
    found = find_cgroup("/nowhere", str(tmp_path / "cg"))
    assert found is not None
    assert isinstance(found, Cgroup)
    assert found.read() == {"cgroup_current_bytes": 1.0}


def test_the_live_estimate_goes_on_while_the_allocators_are_hooked() -> None:
    estimate = LiveEstimate()
    hooked = {"py.allocated_blocks": 1000.0, "native_inuse_bytes": 50.0, "mmapped_bytes": 7.0}
    assert estimate.of(hooked) == 1000 * TYPICAL_BLOCK_BYTES + 57
    exact = {**hooked, "pymalloc_arena_bytes": 100_000.0, "pymalloc_slack_bytes": 20_000.0}
    assert estimate.of(exact) == 80_057
    assert estimate.of(hooked) == 80_057
    assert estimate.of({"native_inuse_bytes": 1.0}) is None


def test_allocators_follow_an_allocation() -> None:
    allocators = Allocators()
    before = allocators.malloc()
    kept = bytearray(50_000_000)
    after = allocators.malloc()
    assert after["mmapped_bytes"] - before["mmapped_bytes"] >= 50_000_000
    assert len(kept) == 50_000_000


def test_a_counter_runs_only_within_its_budget() -> None:
    share = 0.001
    budget = Budget(share)
    costs = []

    def slow() -> dict[str, float]:
        began = time.perf_counter()
        time.sleep(0.01)
        costs.append(time.perf_counter() - began)
        return {"x": 1.0}

    called_at = [second for second in range(600) if budget.run(float(second), slow)]
    rests = [later - earlier for earlier, later in pairwise(called_at)]
    assert rests
    assert all(rest >= cost / share for rest, cost in zip(rests, costs, strict=False))
    assert min(rests) < 12 or min(costs) > 0.0105
    free = Budget(0.0)
    assert [free.run(0.0, dict) for _ in range(3)] == [{}, {}, {}]


def test_a_counter_that_holds_the_process_up_rests_ten_times_as_long() -> None:
    budget = Budget(0.01)
    budget.run(0.0, lambda: time.sleep(MAX_PAUSE_SECONDS * 1.1) or {})
    assert budget.run(MAX_PAUSE_SECONDS * 9 / 0.01, lambda: {"x": 1.0}) == {}
    assert budget.run(1e6, lambda: {"x": 1.0}) == {"x": 1.0}


def test_collections_and_pauses() -> None:
    watch = CollectorWatch()
    watch.start()
    watch.start()
    gc.disable()  # no collection but the one that is asked for
    try:
        watch.take()
        gc.collect()
        taken = watch.take()
        assert taken["gc_collections"] == 1.0
        assert taken["gc_pause_ms"] > 0.0
        assert watch.take() == {"gc_collections": 0.0, "gc_pause_ms": 0.0}
    finally:
        gc.enable()
        watch.stop()
    assert watch._heard not in gc.callbacks


def test_latency_buckets_are_five_per_cent_wide() -> None:
    for ms in (0.02, 0.5, 1.0, 7.3, 250.0, 60_000.0):
        assert abs(middle_of(bucket_of(ms)) / ms - 1.0) < 0.03
    assert bucket_of(-1.0) == bucket_of(float("nan")) == 0
    assert bucket_of(1e300) == BUCKETS - 1


def test_load_of_an_interval() -> None:
    meter = LoadMeter()
    assert meter.take() == {}
    for n in range(1, 101):
        meter.served(n / 1000.0, error=n > 95)
    columns = meter.take()
    assert (columns["requests"], columns["errors"]) == (100.0, 5.0)
    assert abs(columns["p50_ms"] - 50) < 3
    assert abs(columns["p99_ms"] - 99) < 5
    assert meter.take() == {"requests": 0.0, "errors": 0.0}
