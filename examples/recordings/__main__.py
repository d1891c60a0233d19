"""`make recordings`: replay every recording and print the verdicts beside the truth; `--check` judges them."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from examples.demo.expectations import finding_of
from examples.stage.programs import ROOT, replay
from examples.stage.stage import Expectation, Judge, Stage, StageFailed, verdict

if TYPE_CHECKING:
    from profiler_server.analysis.models import ServiceWatch

TRACES = ROOT / "examples" / "traces"
CHECK_SECONDS = 240.0
REPLAYS_AT_ONCE = 2


@dataclass(frozen=True)
class Truth:
    """What a recording really is."""

    name: str
    service: str
    verdict: str
    diagnoses: tuple[str, ...]
    guilty: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Truth:
        """Read a label and the service's name beside it."""
        label = json.loads(path.read_text())
        meta = json.loads((TRACES / label["name"] / "meta.json").read_text())
        guilty = tuple(frame["function"] for frame in label.get("guilty", []))
        return cls(label["name"], meta["service"], label["verdict"], tuple(label["diagnosis_accept"]), guilty)

    def is_looked_at(self) -> bool:
        """Return whether the whole recording has been evaluated."""
        watch = self._watch()
        return watch is not None and watch.data_until is not None and bool(watch.verdict)

    def is_told(self) -> bool:
        """Return whether the verdict is right: a finding with the right diagnosis, or none of a leak."""
        finding = finding_of(self.service)
        if self.verdict == "leak":
            return finding is not None and finding.diagnosis in self.diagnoses
        return self.is_looked_at() and (finding is None or finding.diagnosis in self.diagnoses)

    def is_blamed(self) -> bool:
        """Return whether the first suspect is a guilty frame, or passes through one."""
        if not self.guilty:
            return True
        finding = finding_of(self.service)
        if finding is None or not finding.suspects:
            return False
        first = finding.suspects[0]
        named = {first["function"], *first.get("below", [])[:2], *first["path"][:2]}
        return bool(named & set(self.guilty))

    def said(self) -> str:
        """Return what Plimsoll says of it, in one line."""
        finding = finding_of(self.service)
        if finding is not None:
            first = finding.suspects[0]["function"] if finding.suspects else "no suspect"
            return f"{finding.diagnosis}: {finding.verdict} [{first}]"
        watch = self._watch()
        return f"{watch.diagnosis}: {watch.sentence}" if watch else "not looked at"

    def _watch(self) -> ServiceWatch | None:
        from profiler_server.analysis.models import ServiceWatch  # noqa: PLC0415  Django is set up by now

        return ServiceWatch.objects.filter(service__name=self.service).first()


def main() -> int:
    """Replay, print, and with `--check` return 0 only if every verdict is right."""
    parser = argparse.ArgumentParser(prog="make recordings", description=__doc__)
    parser.add_argument("--check", action="store_true", help="judge the verdicts")
    check = parser.parse_args().check
    signal.signal(signal.SIGTERM, _as_interrupt)
    truths = [Truth.read(path) for path in sorted((TRACES / "labels").glob("*.json"))]
    stage = Stage("recordings")
    try:
        stage.open()
        waiting = [replay(truth.name, stage.agent, stage.logs) for truth in truths]

        def replay_next() -> str:
            running = sum(program.running for program in stage.programs[1:])
            while waiting and running < REPLAYS_AT_ONCE:
                stage.run(waiting.pop(0))
                running += 1
            return f"{len(truths) - len(waiting) - running} of {len(truths)} replayed"

        missing = Judge(stage, _expectations(truths)).wait(CHECK_SECONDS, replay_next)
        for truth in truths:
            mark = "right" if truth.is_told() and truth.is_blamed() else "WRONG"
            print(f"{mark}  {truth.name:20} {truth.said()}")
        return verdict(missing, stage) if check else 0
    except (StageFailed, KeyboardInterrupt) as error:
        print(f"recordings: stopped: {error}")
        return 1
    finally:
        stage.stop()


def _expectations(truths: list[Truth]) -> list[Expectation]:
    looked = [Expectation(f"{truth.name} is looked at", truth.is_looked_at) for truth in truths]
    told = [
        Expectation(f"{truth.name} is {truth.diagnoses[0]}", truth.is_told, stays=True) for truth in truths
    ]
    blamed = [
        Expectation(f"{truth.name}: {truth.guilty[0]} is blamed", truth.is_blamed, stays=True)
        for truth in truths
        if truth.guilty
    ]
    return [*looked, *told, *blamed]


def _as_interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
