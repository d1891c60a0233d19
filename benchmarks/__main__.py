"""`make bench`: runs every benchmark (or those named on the command line), one after the other."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def names() -> list[str]:
    """Return the benchmarks: the modules of this package that have a `main`."""
    modules = [
        module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")
    ]
    return [
        name for name in sorted(modules) if hasattr(importlib.import_module(f"benchmarks.{name}"), "main")
    ]


def main() -> int:
    """Run the benchmarks; the exit code is the number of those that failed to run."""
    failed = 0
    asked = sys.argv[1:] or names()
    for name in asked:
        print(f"\n== {name}", flush=True)
        sys.argv = [name]  # each has options of its own; here it runs with its defaults
        failed += bool(importlib.import_module(f"benchmarks.{name}").main())
    return failed


if __name__ == "__main__":
    sys.exit(main())
