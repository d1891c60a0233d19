"""A feature store leaks contexts since one commit of its task library; the fixed release cures it by itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from examples.demo.expectations import finding_of
from examples.incidents.context_leak.compose import Part, compose
from examples.incidents.scenario import BUILD_SECONDS, GO_LOAD_OPTIONS, INCIDENTS, go_available, go_program
from examples.stage.load import Load
from examples.stage.programs import Program, free_port, sidecar
from examples.stage.stage import Expectation, Stage, say

SERVICE = "feature-store"
GOOD, BAD, FIXED = "r41", "r42", "r43"
COMMITS = {GOOD: "889660c", BAD: "d7b10a27c970", FIXED: "889660c"}
RELEASE_SECONDS = {GOOD: 90.0, BAD: 150.0, FIXED: 1e9}
LIMIT_BYTES = 384 << 20
TIME_SCALE = 240.0
CLIENTS = 2
GUILTY = ("context.", "async.(*task).Run", "async.(*task).run", "async.Consume", "async.Invoke")


class ContextLeak:
    """Three releases, one after the other: live where the library can be had, from recordings always."""

    limit_seconds = 420.0

    def __init__(self) -> None:
        self.loads: list[Load] = []
        self.running: list[Program] = []
        self.binaries: dict[str, Path] = {}
        self.release = ""
        self.since = 0.0

    def start(self, stage: Stage) -> None:
        """Build and run the first release; without Go or the library, replay the recorded releases."""
        self.stage = stage
        self.binaries = _build_releases(stage.folder / "build") if go_available() else {}
        if self.binaries:
            self.port = free_port()
            self.loads = [Load(f"http://127.0.0.1:{self.port}/?key={number}") for number in range(CLIENTS)]
            self._run(GOOD)
            for load in self.loads:
                load.start()
            return
        say("no Go, or the module github.com/grab/async cannot be had: its recorded releases are replayed")
        parts = [Part("context-fixed", GOOD), Part("context-leak", BAD), Part("context-fixed", FIXED)]
        folder = compose(parts, SERVICE, stage.folder / "recording")
        stage.run(sidecar("replay", ["replay", str(folder)], stage.agent, stage.logs))

    def each_second(self) -> str:
        """Release the next version when its time has come."""
        if not self.binaries:
            return "replayed from recordings"
        following = {GOOD: BAD, BAD: FIXED}.get(self.release)
        if following and self.stage.elapsed_seconds - self.since > RELEASE_SECONDS[self.release]:
            self._run(following)
        return f"{SERVICE} {self.release} {self.running[0].rss_bytes >> 20} MiB"

    def expectations(self) -> list[Expectation]:
        """Return what Plimsoll must say."""
        return [
            Expectation("one finding of a heap leak is raised", self._is_one_heap_leak),
            Expectation(f"it began in release {BAD}", lambda: self._finding_says("first_release", BAD)),
            Expectation(
                "contexts reached through Consume and (*task).Run are the first suspect", self._is_blamed
            ),
            Expectation("it says that memory climbed whatever the load did", self._says_decoupled),
            Expectation("one mail told of it, one of its end", self._mails_are_two),
            Expectation(f"it is resolved by itself, cured by {FIXED}", self._is_cured),
            Expectation(f"{GOOD} alone never alarmed", self._good_was_silent, stays=True),
        ]

    def tell(self) -> None:
        """Print the finding."""
        finding = finding_of(SERVICE)
        if finding is None:
            return
        print(f"\n  finding     {self.stage.url}/findings/{finding.pk}/\n              {finding.verdict}")
        print(f"  began in    {finding.first_release}\n  cured by    {finding.cured_by_release or 'not yet'}")
        for suspect in finding.suspects[:1]:
            path = " ← ".join([*suspect.get("below", [])[:2], suspect["function"], *suspect["path"][:2]])
            print(f"  suspect     {path}")

    def stop(self) -> None:
        """Stop the load."""
        for load in self.loads:
            load.stop()

    def _run(self, release: str) -> None:
        for program in reversed(self.running):
            program.stop()
        self.release, self.since = release, self.stage.elapsed_seconds
        program = go_program(f"{SERVICE}-{release}", self.binaries[release], self.port, self.stage.logs)
        target = f"http://127.0.0.1:{self.port}"
        arguments = [
            "scrape", "--target", f"{target}/debug/pprof", "--service", SERVICE, "--release", release,
            "--memory-limit-bytes", str(LIMIT_BYTES), "--point-seconds", "1", "--profile-seconds", "5",
            "--label", f"time_scale={TIME_SCALE:g}",
            *GO_LOAD_OPTIONS, "--metrics-url", f"{target}/metrics",
        ]  # fmt: skip
        watcher = sidecar(f"sidecar-{release}", arguments, self.stage.agent, self.stage.logs)
        self.running = [self.stage.run(program), self.stage.run(watcher)]
        say(f"{SERVICE} {release} is released (async at {COMMITS[release]})")

    def _is_one_heap_leak(self) -> bool:
        from profiler_server.analysis.models import Finding  # noqa: PLC0415  Django is set up by now

        found = list(Finding.objects.filter(service__name=SERVICE))
        return len(found) == 1 and found[0].diagnosis == "heap_leak"

    def _finding_says(self, field: str, value: str) -> bool:
        finding = finding_of(SERVICE)
        return finding is not None and getattr(finding, field) == value

    def _is_blamed(self) -> bool:
        finding = finding_of(SERVICE)
        if finding is None or not finding.suspects:
            return False
        first = finding.suspects[0]
        named = [*first.get("below", []), first["function"], *first["path"]]
        return any(name in named[0] for name in GUILTY) and any("Consume" in name for name in named)

    def _says_decoupled(self) -> bool:
        finding = finding_of(SERVICE)
        return finding is not None and "load" in finding.verdict

    def _mails_are_two(self) -> bool:
        return len([1 for _, message in self.stage.mailbox.messages() if SERVICE in message["Subject"]]) == 2

    def _is_cured(self) -> bool:
        return self._finding_says("status", "resolved") and self._finding_says("cured_by_release", FIXED)

    def _good_was_silent(self) -> bool:
        finding = finding_of(SERVICE)
        return finding is None or finding.first_release != GOOD


def _build_releases(folder: Path) -> dict[str, Path]:
    """Return the program of each release, or nothing when the library's commits cannot be fetched."""
    built: dict[str, Path] = {}
    for release, commit in COMMITS.items():
        source = folder / release
        shutil.copytree(INCIDENTS / "context_leak" / "program", source)
        shutil.copytree(INCIDENTS / "gometrics", source / "gometrics")
        steps = [
            ["go", "mod", "init", "plimsoll.example/contextleak"],
            ["go", "get", f"github.com/grab/async@{commit}"],
            ["go", "mod", "tidy"],
            ["go", "build", "-o", str(folder / f"{SERVICE}-{release}"), "."],
        ]
        for step in steps:
            if subprocess.run(
                step, cwd=source, capture_output=True, check=False, timeout=BUILD_SECONDS
            ).returncode:
                return {}
        built[release] = folder / f"{SERVICE}-{release}"
    return built


SCENARIO = ContextLeak
