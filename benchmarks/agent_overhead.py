"""What the native sampler costs a service: four workloads over a live heap of 200 MB, beside the other profilers.

`python -m benchmarks.agent_overhead` prints two tables:

- *toggle*: one process, hooks on and off in thousands of short blocks, on-off-off-on or off-on-on-off by lot (a fixed
  order would fall in step with the garbage collector), ratio of paired blocks (trimmed mean of logarithms with a
  bootstrap interval).  The finest measure; the row "bare" switches nothing and shows what is left of the noise.
- *processes*: whole processes in interleaved rounds, CPU per step as a ratio to the bare run of the same round
  (medians), and the extra resident memory.

- *instructions* (`--only instructions`): valgrind's count of instructions per step, a ratio that a busy machine does
  not disturb; it takes minutes.

`--python PATH` names an interpreter that also has ddtrace and memray (with this package, flask, numpy and pandas);
what is not installed there is left out of the table and said so.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.util
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.agent_workloads import WORKLOADS, Step, live_heap

ROOT = Path(__file__).resolve().parent.parent
LIVE_MEGABYTES = 200.0
BLOCK_SECONDS = 0.006
WARM_SECONDS = 0.7
TOGGLE_SECONDS = 20.0
PROCESS_SECONDS = 2.0
ROUNDS = 3
BOOTSTRAPS = 300
CHILD_SECONDS = 900
INSTRUCTION_LIVE_MEGABYTES = 20.0
INSTRUCTION_STEPS = {"flask": (20, 120), "asyncio": (10, 50), "json": (10, 40), "numpy": (6, 24)}
ARMED_MINUTES_PER_HOUR = 5  # of the mode that arms the hooks only when memory grows
INTERVALS = {"native 512 KiB": 512 * 1024, "native 2 MiB": 2 * 1024 * 1024}
PEERS = ("tracemalloc 1", "tracemalloc 25", "ddtrace heap", "memray")
COUNTED_PEERS = ("ddtrace heap", "tracemalloc 1")
GOALS = {
    ("native 512 KiB", "flask"): 1.02,
    ("native 512 KiB", "asyncio"): 1.02,
    ("native 512 KiB", "json"): 1.04,
    ("native 2 MiB", "flask"): 1.015,
    ("native 2 MiB", "asyncio"): 1.015,
    ("native 2 MiB", "json"): 1.025,
}


# ---- profilers ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def profiled(variant: str) -> Iterator[None]:
    """Run the block under a profiler; "bare" is none."""
    if variant in INTERVALS:
        import plimsoll_agent_native as native  # noqa: PLC0415 - a bare run must not import it

        native.start(INTERVALS[variant])
        yield
        native.stop()
    elif variant.startswith("tracemalloc"):
        tracemalloc.start(int(variant.split()[1]))
        yield
        tracemalloc.stop()
    elif variant == "ddtrace heap":
        from ddtrace.profiling.collector import _memalloc  # type: ignore[import-not-found]  # noqa: PLC0415

        _memalloc.start(64, 1024 * 1024, sys.version_info >= (3, 12))
        yield
        _memalloc.stop()
    elif variant == "memray":
        import memray  # type: ignore[import-not-found]  # noqa: PLC0415

        with tempfile.TemporaryDirectory() as folder, memray.Tracker(Path(folder) / "out.bin"):
            yield
    else:
        yield


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def warm(step: Step) -> float:
    """Run steps for a while; returns seconds of CPU per step."""
    count, started = 0, time.process_time()
    while time.process_time() - started < WARM_SECONDS:
        step()
        count += 1
    return (time.process_time() - started) / count


# ---- one process ------------------------------------------------------------------------------------------------


def measure_process(workload: str, variant: str) -> dict[str, float]:
    """CPU seconds per step and resident bytes, with the profiler on since before the heap was built."""
    with profiled(variant):
        heap = live_heap(LIVE_MEGABYTES)
        step = WORKLOADS[workload]()
        warm(step)
        gc.collect()
        times: list[float] = []
        started = time.process_time()
        while time.process_time() - started < PROCESS_SECONDS or len(times) < 3:
            before = time.process_time()
            step()
            times.append(time.process_time() - before)
        resident = resident_bytes()
    assert heap
    return {"mean": sum(times) / len(times), "p50": statistics.median(times), "resident": resident}


def typical(logarithms: list[float]) -> float:
    """The ratio behind logarithms of ratios: their mean without the lowest and the highest fifth.

    Logarithms, since ratios of noisy times are lopsided: with no difference at all their mean is above one.
    """
    logarithms = sorted(logarithms)
    cut = len(logarithms) // 5
    return math.exp(statistics.fmean(logarithms[cut : len(logarithms) - cut]))


def measure_toggle(workload: str, variant: str) -> dict[str, float]:
    """The ratio of CPU in short blocks with the hooks on to blocks with them off; variant "bare" switches nothing."""
    on, off, own = _switches(variant)
    heap = live_heap(LIVE_MEGABYTES)
    step = WORKLOADS[workload]()
    off()
    steps = max(1, int(BLOCK_SECONDS / warm(step)))
    gc.collect()
    gc.freeze()

    def block() -> float:
        before = time.process_time()
        for _ in range(steps):
            step()
        return time.process_time() - before

    chance = random.Random(1)
    found: list[float] = []
    end = time.monotonic() + TOGGLE_SECONDS
    while time.monotonic() < end:
        inner, outer, sign = (on, off, 1) if chance.random() < 0.5 else (off, on, -1)
        outer()
        around = block()
        inner()
        middle = block() + block()
        outer()
        found.append(sign * math.log(middle / (around + block())))
    draws = sorted(typical(chance.choices(found, k=len(found))) for _ in range(BOOTSTRAPS))
    low, high = draws[BOOTSTRAPS // 40], draws[-BOOTSTRAPS // 40]
    assert heap
    return {"ratio": typical(found), "low": low, "high": high, "pairs": len(found), "own": own()}


def _switches(variant: str) -> tuple[Callable[[], object], Callable[[], object], Callable[[], int]]:
    if variant == "bare":
        return (lambda: None), (lambda: None), (lambda: 0)
    import plimsoll_agent_native as native  # noqa: PLC0415

    native.start(INTERVALS[variant])
    native.hook_numpy()
    return (lambda: native.resume(keep_live=True)), native.pause, (lambda: native.stats()["own_bytes"])


def count_steps(workload: str, variant: str, steps: int) -> None:
    """Just run: the caller counts the instructions."""
    with profiled(variant):
        heap = live_heap(INSTRUCTION_LIVE_MEGABYTES)
        step = WORKLOADS[workload]()
        gc.collect()
        gc.freeze()
        for _ in range(steps):
            step()
        assert heap
        sys.stdout.flush()
        os._exit(0)


def count_instructions(python: str, workload: str, variant: str, steps: int) -> int:
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", python]
    command += ["-m", "benchmarks.agent_overhead", "--steps", str(steps), "--one", "steps", workload, variant]
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=True)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    assert found, done.stderr
    return int(found[1].replace(",", ""))


def print_instructions(python: str, workloads: list[str]) -> None:
    print(
        f"instructions per step relative to the bare run, {INSTRUCTION_LIVE_MEGABYTES:.0f} MB live (valgrind)"
    )
    for workload in workloads:
        few, many = INSTRUCTION_STEPS[workload]
        bare = 0
        for variant in ("bare", *INTERVALS, *(peer for peer in COUNTED_PEERS if is_installed(python, peer))):
            used = count_instructions(python, workload, variant, many) - count_instructions(
                python, workload, variant, few
            )
            bare = bare or used
            print(
                f"  {workload:8} {variant:15} {used / bare:.4f}{verdict(variant, workload, used / bare)}",
                flush=True,
            )


# ---- all of it ----------------------------------------------------------------------------------------------------


def run_child(python: str, kind: str, workload: str, variant: str) -> dict[str, float] | None:
    """The answer of one child process; None when it failed."""
    command = [python, "-m", "benchmarks.agent_overhead", "--one", kind, workload, variant]
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=CHILD_SECONDS, env=environment, check=False
    )
    if done.returncode:
        print(f"   ({variant} on {workload} failed: {done.stderr.strip().splitlines()[-1:]})")
        return None
    return dict(json.loads(done.stdout.splitlines()[-1]))


def verdict(variant: str, workload: str, ratio: float) -> str:
    goal = GOALS.get((variant, workload))
    return "" if goal is None else f"  goal {goal:.3f}: {'met' if ratio <= goal else 'MISSED'}"


def print_toggle(python: str, workloads: list[str]) -> None:
    print(f"toggle: ratio of CPU with hooks on to off, {LIVE_MEGABYTES:.0f} MB live")
    for workload in workloads:
        for variant in ("bare", *INTERVALS):
            found = run_child(python, "toggle", workload, variant)
            if found is None:
                continue
            average = 1 + (found["ratio"] - 1) * ARMED_MINUTES_PER_HOUR / 60
            grown = (
                f"  on growth ({ARMED_MINUTES_PER_HOUR} min/h): {average:.4f}" if variant != "bare" else ""
            )
            print(
                f"  {workload:8} {variant:15} {found['ratio']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
                f" of {found['pairs']:.0f} pairs, own memory {found['own'] / 1e6:.2f} MB"
                f"{grown}{verdict(variant, workload, found['ratio'])}",
                flush=True,
            )


def print_processes(python: str, workloads: list[str], rounds: int) -> None:
    variants = ["bare", *INTERVALS, *(peer for peer in PEERS if is_installed(python, peer))]
    missing = [peer for peer in PEERS if peer not in variants]
    print(f"processes: CPU per step relative to the bare run of the same round, medians of {rounds} rounds")
    if missing:
        print(f"  not installed in {Path(python).name}: {', '.join(missing)}")
    for workload in workloads:
        found: dict[str, list[dict[str, float]]] = {variant: [] for variant in variants}
        for _ in range(rounds):
            results = {variant: run_child(python, "process", workload, variant) for variant in variants}
            bare = results["bare"]
            for variant, result in results.items():
                if result and bare:
                    ratios = {key: result[key] / bare[key] for key in ("mean", "p50")}
                    found[variant].append(ratios | {"extra": result["resident"] - bare["resident"]})
        for variant, rows in found.items():
            if rows:
                mean, p50, extra = (
                    statistics.median([row[key] for row in rows]) for key in ("mean", "p50", "extra")
                )
                print(
                    f"  {workload:8} {variant:15} mean {mean:6.3f}  p50 {p50:6.3f}  RSS {extra / 1e6:+6.1f} MB"
                )
        sys.stdout.flush()


def is_installed(python: str, peer: str) -> bool:
    """Whether the interpreter that runs the children has the peer's package."""
    package = {"ddtrace heap": "ddtrace", "memray": "memray"}.get(peer)
    if package is None:
        return True
    if python == sys.executable:
        return importlib.util.find_spec(package) is not None
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--only", choices=("toggle", "processes", "instructions"))
    parser.add_argument("--steps", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=3, metavar=("KIND", "WORKLOAD", "VARIANT"), help=argparse.SUPPRESS)
    arguments, _ = parser.parse_known_args()
    if arguments.one:
        kind, workload, variant = arguments.one
        if kind == "steps":
            count_steps(workload, variant, arguments.steps)
        measure = measure_toggle if kind == "toggle" else measure_process
        print(json.dumps(measure(workload, variant)))
        sys.stdout.flush()
        os._exit(0)  # a heap of 200 MB need not be taken down
    workloads = arguments.workloads.split(",")
    if arguments.only in {None, "toggle"}:
        print_toggle(arguments.python, workloads)
    if arguments.only in {None, "processes"}:
        print_processes(arguments.python, workloads, arguments.rounds)
    if arguments.only == "instructions":
        print_instructions(arguments.python, workloads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
