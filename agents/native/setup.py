"""Builds the extension; everything else is in pyproject.toml."""

from __future__ import annotations

import os
from pathlib import Path

from setuptools import Extension, setup

HERE = Path(__file__).parent
SOURCES = sorted(str(path.relative_to(HERE)) for path in (HERE / "csrc").glob("*.c"))
HEADERS = sorted(str(path.relative_to(HERE)) for path in (HERE / "csrc").glob("*.h"))
# PLIMSOLL_SANITIZE=1 builds for the stress tests: address and undefined-behaviour sanitizers, and no limit on the
# sample rate, so that thinning and eviction are exercised too.
UNPACED = ["-DSAMPLES_PER_SECOND_LIMIT=1e9"]
SANITIZE = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-fno-omit-frame-pointer",
    "-g",
    "-O1",
]
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers"]
FLAGS += ["-fvisibility=hidden", "-fno-plt"]
sanitize = os.environ.get("PLIMSOLL_SANITIZE") == "1"

setup(
    ext_modules=[
        Extension(
            "plimsoll_agent_native._native",
            SOURCES,
            depends=HEADERS,
            include_dirs=["csrc"],
            extra_compile_args=FLAGS + (SANITIZE + UNPACED if sanitize else []),
            extra_link_args=SANITIZE if sanitize else [],
            libraries=["m", "dl"],
        )
    ]
)
