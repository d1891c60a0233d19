"""Builds the optional compiled modules in place, from every ``_fast*.pyx`` of the server.

``python -m profiler_server.codecs.build_fast`` writes the ``.so`` beside its source and does nothing when that is
newer; ``--force`` builds anyway. ``--sanitize`` adds AddressSanitizer and UndefinedBehaviorSanitizer, for fuzzing, and
needs ``--into DIR``. Without a C compiler it says so and exits 0, since the pure-Python twins serve as well;
``--require`` makes that an error.
"""

import argparse
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Distribution, Extension  # type: ignore[import-untyped]
from setuptools.errors import BaseError  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
FAST = ("-O3", "-fno-semantic-interposition", "-ffp-contract=off")
SANITIZED = (
    "-O1",
    "-g",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
)


def sources() -> list[Path]:
    """Return every source of a compiled module, relative to the repository."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / "profiler_server").rglob("_fast*.pyx"))


def extension(source: Path, *, sanitize: bool) -> Extension:
    """Return the description of one module, named by its path."""
    name = ".".join(source.with_suffix("").parts)
    flags = list(SANITIZED if sanitize else FAST)
    return Extension(name, [str(source)], extra_compile_args=flags, extra_link_args=flags if sanitize else [])


def build(*, sanitize: bool = False, force: bool = False, into: Path | None = None) -> None:
    """Compile all modules, into their packages or into another folder with the same layout."""
    work = into or ROOT / "build" / "fast"
    modules = cythonize(  # type: ignore[no-untyped-call]
        [extension(source, sanitize=sanitize) for source in sources()],
        build_dir=str(work / "c"),
        force=force,
        quiet=True,
        language_level=3,
    )
    command = Distribution({"name": "plimsoll-fast", "ext_modules": modules}).get_command_obj("build_ext")
    command.build_temp = str(work / "objects")
    command.build_lib = str(into or ROOT)
    command.force = force
    command.ensure_finalized()
    command.run()


def main() -> int:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--force", action="store_true", help="build even what is up to date")
    parser.add_argument("--sanitize", action="store_true", help="build for fuzzing; needs --into")
    parser.add_argument("--into", type=Path, help="another folder for the result")
    parser.add_argument("--require", action="store_true", help="fail when it cannot be built")
    options = parser.parse_args()
    if options.sanitize and options.into is None:
        parser.error("--sanitize needs --into, so that sanitized modules are never served from")
    try:
        build(sanitize=options.sanitize, force=options.force, into=options.into)
    except BaseError as error:
        sys.stderr.write(f"The compiled modules were not built; their pure-Python twins serve. {error}\n")
        return int(options.require)
    return 0


if __name__ == "__main__":
    sys.exit(main())
