"""What ``go tool pprof`` says about the golden profiles: recorded beside them, or asked anew where Go is installed.

``python -m tests.golden.pprof_tool`` records the answers again.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "pprof"
EVERYTHING = ("-nodecount=1000000", "-nodefraction=0", "-edgefraction=0", "-unit=B")
TIMEOUT_SECONDS = 60
HAS_GO = shutil.which("go") is not None


@dataclass(frozen=True)
class Question:
    """One run of the tool: a report on a profile, perhaps against a baseline."""

    report: str
    profile: str
    sample_type: str = "inuse_space"
    granularity: str = "functions"
    base: str = ""
    focus: str = ""

    @property
    def name(self) -> str:
        parts = (
            self.report,
            self.profile,
            self.base and f"minus_{self.base}",
            self.sample_type,
            self.granularity,
        )
        return "-".join(part for part in (*parts, re.sub(r"\W+", "_", self.focus)) if part)

    def arguments(self) -> list[str]:
        report = f"-peek={self.focus}" if self.report == "peek" else "-top"
        base = [f"-diff_base={FOLDER / self.base}.pb.gz"] if self.base else []
        options = [f"-sample_index={self.sample_type}", f"-{self.granularity}", *base]
        return [report, *EVERYTHING, *options, str(FOLDER / f"{self.profile}.pb.gz")]


QUESTIONS = (
    Question("top", "go_typecheck"),
    Question("top", "go_typecheck", "alloc_objects"),
    Question("top", "go_typecheck", granularity="lines"),
    Question("top", "context_leak_late"),
    Question("top", "cgo_malloc_late", "alloc_space"),
    Question("top", "goroutines_late"),
    Question("top", "py_module_list_late", granularity="filefunctions"),
    Question("top", "py_numpy_kept_late", "inuse_objects", granularity="filefunctions"),
    Question("top", "ddtrace", "heap-space", "filefunctions"),
    Question("top", "ddtrace", "wall-samples", "filefunctions"),
    Question("top", "pyroscope_python", granularity="filefunctions"),
    Question("top", "node_heap", granularity="filefunctions"),
    Question("top", "go_after", base="go_before"),
    Question("top", "context_leak_late", base="context_leak_early"),
    Question("top", "py_module_list_late", base="py_module_list_early", granularity="filefunctions"),
    Question("peek", "go_typecheck", focus=r"^go/types\.\(\*Checker\)\.(rawExpr|stmt|ident)$"),
    Question(
        "peek", "go_typecheck", focus=r"^go/parser\.\(\*parser\)\.parseExpr$", sample_type="alloc_space"
    ),
    Question("peek", "context_leak_late", focus=r"^github\.com/grab/async\.\(\*task\)\.Run$"),
    Question("peek", "go_after", base="go_before", focus=r"^go/types\.\(\*Checker\)\.(rawExpr|funcBody)$"),
)


def recorded(question: Question) -> str:
    """Return the answer that was recorded."""
    return (FOLDER / f"{question.name}.txt").read_text()


def asked(question: Question) -> str:
    """Return the answer of the installed tool."""
    command = ["go", "tool", "pprof", *question.arguments()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_SECONDS)
    return done.stdout


_NUMBER = r"(-?[\d.]+)B?"
_ROW = re.compile(
    rf"^\s*{_NUMBER}\s+\S+%\s+\S+%\s+{_NUMBER}\s+\S+%\s+(?:\|\s+)?(.*?)(?: \((?:partial-)?inline\))?$"
)
_NEIGHBOUR = re.compile(rf"^\s+{_NUMBER}\s+\S+%\s+\|\s+(.*?)(?: \((?:partial-)?inline\))?$")


def read_top(answer: str) -> list[tuple[str, int, int]]:
    """Return (name, flat, cumulative) of every row, rows of zeros left out."""
    rows = [found.groups() for line in answer.splitlines() if (found := _ROW.match(line))]
    return [
        (name, int(flat), int(cumulative))
        for flat, cumulative, name in rows
        if flat != "0" or cumulative != "0"
    ]


@dataclass(frozen=True)
class Peek:
    """One block of the peek report; neighbours by name, those of value 0 left out."""

    flat: int
    cumulative: int
    callers: dict[str, int]
    callees: dict[str, int]


def read_peek(answer: str) -> dict[str, Peek]:
    """Return the blocks by the name of their function."""
    blocks = re.split(r"^-+\+-+$", answer, flags=re.MULTILINE)[2:]
    found = {}
    for block in filter(str.strip, blocks):
        callers: dict[str, int] = {}
        callees: dict[str, int] = {}
        into, middle = callers, None
        for line in block.splitlines():
            if row := _ROW.match(line):
                middle, into = row.groups(), callees
            elif (neighbour := _NEIGHBOUR.match(line)) and neighbour[1] != "0":
                into[neighbour[2]] = int(neighbour[1])
        assert middle is not None
        found[middle[2]] = Peek(int(middle[0]), int(middle[1]), callers, callees)
    return found


if __name__ == "__main__":
    for each in QUESTIONS:
        (FOLDER / f"{each.name}.txt").write_text(asked(each))
