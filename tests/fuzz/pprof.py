"""Fuzzes the compiled parser of pprof under AddressSanitizer and UndefinedBehaviorSanitizer.

``python -m tests.fuzz.pprof [SECONDS]`` builds every compiled module with the sanitizers into a folder of its own, then
feeds damaged real profiles to it in a child process for a bounded time, and compares each answer with the pure twin's.
A report of a sanitizer or a difference ends it with an error; the body is written to ``fuzz-pprof.bin`` to be kept as a
golden file. ``--seed`` repeats a run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib import util
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "fuzz-pprof.bin"
DEFAULT_SECONDS = 60
GRACE_SECONDS = 120
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "PYTHONMALLOC": "malloc",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seconds", nargs="?", type=float, default=DEFAULT_SECONDS)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--child", type=Path, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    seed = Random().randrange(2**32) if options.seed is None else options.seed
    if options.child is not None:
        return feed(options.child, options.seconds, seed)
    with tempfile.TemporaryDirectory(prefix="plimsoll-fuzz-") as folder:
        return run(Path(folder), options.seconds, seed)


def run(folder: Path, seconds: float, seed: int) -> int:
    """Build with the sanitizers and run the child with their runtimes loaded first."""
    build = [
        sys.executable,
        "-m",
        "profiler_server.codecs.build_fast",
        "--sanitize",
        "--require",
        "--into",
        str(folder),
    ]
    subprocess.run(build, cwd=ROOT, check=True)
    preload = " ".join(runtime(name) for name in ("libasan.so", "libubsan.so"))
    environment = {**os.environ, **OPTIONS, "LD_PRELOAD": preload}
    child = [
        sys.executable,
        "-m",
        "tests.fuzz.pprof",
        str(seconds),
        "--seed",
        str(seed),
        "--child",
        str(folder),
    ]
    print(f"fuzzing for {seconds:.0f} s with seed {seed}", flush=True)
    done = subprocess.run(child, cwd=ROOT, env=environment, timeout=seconds + GRACE_SECONDS, check=False)
    if done.returncode:
        print(f"failed; seed {seed}, the body is in {KEPT.name}", file=sys.stderr)
    return int(done.returncode != 0)


def runtime(name: str) -> str:
    compiler = shutil.which("gcc") or "cc"
    found = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def feed(folder: Path, seconds: float, seed: int) -> int:
    """Parse damaged bodies until the time is up; every body is on disk while it is parsed."""
    load_sanitized(folder)
    from profiler_server.codecs import engine
    from tests.fuzz.comparing import compare
    from tests.property.codecs.mutations import REAL, damaged

    assert engine.COMPILED, "the sanitized parser was not loaded"
    random, outcomes = Random(seed), Counter[str]()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        body = (
            damaged(random.choice(REAL), random)
            if random.random() < 0.95
            else random.randbytes(random.randrange(200))
        )
        KEPT.write_bytes(body)
        outcomes[compare(body, random)] += 1
    KEPT.unlink()
    print(f"{outcomes.total()} bodies: {dict(outcomes)}; no report, no difference")
    return 0


def load_sanitized(folder: Path) -> None:
    """Put the sanitized modules where the server will look for its compiled ones."""
    for path in sorted(folder.glob("profiler_server/**/_fast*.so")):
        name = ".".join((*path.relative_to(folder).parent.parts, path.name.partition(".")[0]))
        spec = util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


if __name__ == "__main__":
    sys.exit(main())
