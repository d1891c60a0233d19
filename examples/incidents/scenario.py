"""What an incident is: a program that runs beside the server, and what Plimsoll must say of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Protocol

from examples.stage.programs import ROOT, Program
from examples.stage.stage import Expectation, Stage, StageFailed

BUILD_SECONDS = 240
INCIDENTS = ROOT / "examples" / "incidents"
GO_LOAD_OPTIONS = ["--requests-metric", "http_requests_total", "--errors-metric", "http_errors_total",
                   "--latency-metric", "http_request_duration_seconds"]  # fmt: skip


class Scenario(Protocol):
    """One incident, from its first symptom to what Plimsoll says."""

    limit_seconds: float

    def start(self, stage: Stage) -> None:
        """Start the programs; the stage is open."""

    def each_second(self) -> str:
        """Do what an orchestrator and an operator would do meanwhile; return one line of status."""

    def expectations(self) -> list[Expectation]:
        """Return what Plimsoll must say."""

    def tell(self) -> None:
        """Print what Plimsoll said, with the figures of this run."""

    def stop(self) -> None:
        """Stop what `stage.stop` does not know of."""


def go_available() -> bool:
    """Return whether a Go toolchain is installed."""
    return shutil.which("go") is not None


def build_go(package: str, folder: Path) -> Path:
    """Compile `package` (a folder below the incidents) and return the program's path; raise `StageFailed`."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / package.split("/", maxsplit=1)[0]
    result = subprocess.run(
        ["go", "build", "-trimpath", "-o", str(target), f"./{package}"],
        cwd=INCIDENTS,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_SECONDS,
    )
    if result.returncode:
        raise StageFailed(f"go build ./{package} failed:\n{result.stderr}")
    return target


def go_program(name: str, binary: Path, port: int, logs: Path, **environment: str) -> Program:
    """Return a built program that serves on a loopback port."""
    return Program(name, [str(binary), "-port", str(port)], logs / f"{name}.log", environment)
