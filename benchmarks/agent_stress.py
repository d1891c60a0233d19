"""Stress of the native sampler: allocations by the hundred million under threads, forks, stacked hooks and searches.

`python -m benchmarks.agent_stress --allocations 100000000 --sanitize` builds the extension with the address and
undefined-behaviour sanitizers into a temporary folder and runs there, in processes of `--piece` seconds that each have
a seed of their own, until so many allocations are counted; a finding makes the exit status non-zero.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path

import plimsoll_agent_native as native

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "agents" / "native"
THREADS = 4
INTERVAL_BYTES = 32 * 1024
MAX_STACKS = 512  # small on purpose: eviction and thinning must happen
MAX_LIVE_SAMPLES = 1024
BATCH = 2_000
CHILD_SECONDS = 60
# The allocator of GCC 12's AddressSanitizer does not take its locks across fork(): a child may wait for a lock that a
# thread of its parent held.  Such a hang is counted, not blamed on the sampler.
SANITIZER_LOCK = "__sanitizer::SizeClassAllocator"

Work = Callable[[int], int]


def small_objects(seed: int) -> int:
    """Short-lived objects of pymalloc's size classes; returns how many allocations that was at least."""
    kept = [bytes(17 + (seed * i) % 460) for i in range(BATCH)]
    return len(kept)


def growing_containers(seed: int) -> int:
    """Re-allocation of lists, dicts, sets, bytearrays, deques."""
    grown: list[object] = []
    for i in range(BATCH // 4):
        grown.append((seed, i, str(i)))  # noqa: PERF401 - append() is what re-allocates
    mapping = {str(i): i + 1000 for i in range(BATCH // 4)}
    ordered = OrderedDict.fromkeys(mapping)
    buffer = bytearray()
    for i in range(BATCH // 8):
        buffer += b"x" * (i % 700)
    queue = deque(mapping)
    return len(grown) * 2 + len(mapping) * 3 + len(ordered) * 2 + len(queue) // 64


def large_blocks(seed: int) -> int:
    """Blocks beyond pymalloc, freed in another order than they were made."""
    blocks = [bytes(600 + (seed * i) % 100_000) for i in range(BATCH // 16)]
    for i in range(0, len(blocks), 2):
        blocks[i] = b""
    return len(blocks)


def deep_tracebacks(seed: int) -> int:
    """Exceptions that hold frames."""

    def fall(depth: int) -> int:
        if depth == 0:
            raise ValueError(bytes(2000 + seed % 7))
        return fall(depth - 1)

    held = []
    for depth in range(0, 60, 3):
        try:
            fall(depth)
        except ValueError as error:
            held.append(error)
    return len(held) * 30


def fresh_code(seed: int) -> int:
    """Code objects that are made, run and thrown away: the sampler must not keep them."""
    for i in range(6):
        scope: dict[str, object] = {}
        source = (
            f"def made_{seed}_{i}():\n    return [bytes(900) for _ in range(40)]\nvalue = made_{seed}_{i}()\n"
        )
        exec(compile(source, f"made-{seed}-{i}", "exec"), scope)
    return 6 * 40


def cycles(seed: int) -> int:
    """Garbage that only the collector frees, while hooks run."""
    for _ in range(BATCH // 8):
        ring: list[object] = [bytes(300 + seed % 3)]
        ring.append(ring)
    return BATCH // 8 * 2


KEPT: deque[bytes] = deque(maxlen=60_000)


def kept_for_long(seed: int) -> int:
    """A live heap from many call sites, so that the bounds of the sampler's tables are reached."""
    scope: dict[str, object] = {"kept": KEPT}
    exec(f"def site_{seed % 3000}():\n    for _ in range(50):\n        kept.append(bytes(1500))\n", scope)
    scope[f"site_{seed % 3000}"]()  # type: ignore[operator]
    return 50


WORKS: tuple[Work, ...] = (
    small_objects, small_objects, small_objects, growing_containers, large_blocks, deep_tracebacks, fresh_code,
    cycles, kept_for_long,
)  # fmt: skip


class Stress:
    """Counts what the workers did and remembers what went wrong."""

    def __init__(self, allocations: int, seconds: float, seed: int) -> None:
        self.wanted = allocations
        self.seed = seed
        self.done = [0] * THREADS
        self.failures: list[str] = []
        self.forks = 0
        self.sanitizer_hangs = 0
        self.deadline = time.monotonic() + seconds
        self.searches = 0
        self.snapshots = 0

    def finished(self) -> bool:
        """Whether enough was allocated, time is up, or something failed."""
        enough = sum(self.done) >= self.wanted or time.monotonic() > self.deadline
        return enough or bool(self.failures)

    def work(self, index: int) -> None:
        """One allocating thread."""
        turn = index + self.seed * 1_000_003
        while not self.finished():
            turn += 1
            self.done[index] += WORKS[turn % len(WORKS)](turn)

    def observe(self) -> None:
        """Snapshots, searches, pauses and stacked hooks, while the workers run."""
        turn = 0
        while not self.finished():
            turn += 1
            taken = native.snapshot()
            native.snapshot_pprof()
            self.snapshots += 1
            if turn % 5 == 0:
                native.find_holders(
                    [taken.stack(0)[0]] if len(taken) else [("none", "", 0)], timeout_seconds=5
                )
                self.searches += 1
            if turn % 7 == 0:
                native.census()
            if turn % 37 == 0:
                native.pause()
                native.resume()
            if turn % 53 == 0:
                tracemalloc.start(1)
                native.pause()  # below tracemalloc's hooks: must go passive
                native.resume()
                tracemalloc.stop()
            stats = native.stats()
            if stats["live"] > MAX_LIVE_SAMPLES or stats["stacks"] > MAX_STACKS:
                self.failures.append(f"bounds broken: {stats}")
            time.sleep(0.05)

    def fork(self) -> None:
        """Forks a child that allocates, looks, and leaves."""
        pid = os.fork()
        if pid == 0:
            status = 0
            try:
                for turn in range(20):
                    WORKS[turn % len(WORKS)](turn)
                status = 0 if native.stats()["forks"] >= 1 and len(native.snapshot()) >= 0 else 3
                native.stop()
            finally:
                os._exit(status)
        self.forks += 1
        deadline = time.monotonic() + CHILD_SECONDS
        while time.monotonic() < deadline:
            done, wait_status = os.waitpid(pid, os.WNOHANG)
            if done:
                if wait_status:
                    self.failures.append(f"a forked child ended with wait status {wait_status}")
                return
            time.sleep(0.02)
        stack = stack_of(pid)
        if SANITIZER_LOCK in stack:
            self.sanitizer_hangs += 1
        else:
            self.failures.append(f"a forked child hung: {stack}")
        os.kill(pid, 9)
        os.waitpid(pid, 0)

    def run(self) -> None:
        """All threads, and forks from this one, until finished."""
        threads = [threading.Thread(target=self.work, args=(i,)) for i in range(THREADS)]
        threads.append(threading.Thread(target=self.observe))
        for thread in threads:
            thread.start()
        while not self.finished():
            self.fork()
            time.sleep(0.2)
        for thread in threads:
            thread.join()


def stack_of(pid: int) -> str:
    """Where a process hangs, if gdb is at hand."""
    if not shutil.which("gdb"):
        return "no gdb to say where"
    command = ["gdb", "-q", "-batch", "-p", str(pid), "-ex", "backtrace 40"]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={"PATH": os.environ["PATH"]}
    ).stdout[-6000:]


def run_here(allocations: int, seconds: float, seed: int) -> int:
    native.start(INTERVAL_BYTES, max_stacks=MAX_STACKS, max_live_samples=MAX_LIVE_SAMPLES, seed=seed)
    stress = Stress(allocations, seconds, seed)
    started = time.monotonic()
    stress.run()
    stats = native.stats()
    native.stop()
    print(
        f"allocations   {sum(stress.done):,} in {time.monotonic() - started:.0f} s by {THREADS} threads, seed {seed}"
    )
    print(f"hangs inside the sanitizer's own allocator after fork: {stress.sanitizer_hangs}")
    print(f"forks {stress.forks}, snapshots {stress.snapshots}, holder searches {stress.searches}")
    print(
        {
            k: stats[k]
            for k in ("samples", "live", "stacks", "evicted_stacks", "thin_rounds", "overflow", "own_bytes")
        }
    )
    for failure in stress.failures:
        print("FAILED:", failure)
    return 1 if stress.failures else 0


def build_sanitized(folder: str) -> dict[str, str]:
    """Build the extension into `folder`; the environment in which it is used."""
    source = shutil.copytree(
        SOURCE,
        Path(folder) / "source",
        ignore=shutil.ignore_patterns("build", "*.egg-info"),
        dirs_exist_ok=True,
    )
    build = [sys.executable, "-m", "pip", "install", "-q", "--upgrade", "--no-deps", "--no-build-isolation"]
    build += ["--no-cache-dir", "--target", folder, str(source)]
    subprocess.run(build, check=True, env=os.environ | {"PLIMSOLL_SANITIZE": "1"})
    found = [
        subprocess.run(["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True).stdout
        for name in ("libasan.so", "libubsan.so")
    ]
    return os.environ | {
        "LD_PRELOAD": " ".join(path.strip() for path in found),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "PYTHONPATH": os.pathsep.join([folder, str(ROOT)]),
    }


def run_sanitized(allocations: int, seconds: float, seed: int, piece: float) -> int:
    """Pieces with seeds of their own until enough is counted or time is up; stops at the first finding."""
    counted, ends = 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        environment = build_sanitized(folder)
        while counted < allocations and time.monotonic() < ends:
            command = [sys.executable, "-m", "benchmarks.agent_stress", "--seed", str(seed)]
            command += ["--allocations", str(allocations - counted)]
            command += ["--seconds", str(min(piece, max(1.0, ends - time.monotonic())))]
            done = subprocess.run(
                command, check=False, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            print(done.stdout, flush=True)
            if done.returncode:
                print(f"seed {seed} ended with status {done.returncode}")
                return 1
            counted += counted_in(done.stdout)
            seed += 1
    print(f"{counted:,} allocations under the sanitizers, nothing found")
    return 0


def counted_in(output: str) -> int:
    """The number behind the word "allocations" of one piece's report."""
    row = next(line for line in output.splitlines() if line.startswith("allocations"))
    return int(row.split()[1].replace(",", ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--allocations", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=3600, help="stop then, and say how far it came")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--piece", type=float, default=200, help="seconds of one process under the sanitizers"
    )
    parser.add_argument("--sanitize", action="store_true", help="build and run with ASan and UBSan")
    arguments, _ = parser.parse_known_args()
    if arguments.sanitize:
        return run_sanitized(arguments.allocations, arguments.seconds, arguments.seed, arguments.piece)
    return run_here(arguments.allocations, arguments.seconds, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
