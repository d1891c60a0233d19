"""A feature store leaks contexts since one commit of its task library; the fixed release cures it by itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import cast

from examples.demo.expectations import finding_of
from examples.incidents.releases import Part, replay_releases
from examples.incidents.scenario import BUILD_SECONDS, GO_LOAD_OPTIONS, INCIDENTS, go_available, go_program
from examples.stage.load import Load
from examples.stage.programs import Program, free_port, sidecar
from examples.stage.stage import Expectation, Stage, StageFailed, say

SERVICE = "feature-store"
GOOD, BAD, FIXED = "r41", "r42", "r43"
COMMITS = {GOOD: "889660c", BAD: "d7b10a27c970", FIXED: "889660c"}
GOOD_SECONDS, BAD_SECONDS, TOO_LATE_SECONDS = 80.0, 170.0, 300.0
RESTART_SECONDS = 130.0
LATENCY_CORRELATION = 0.5
LIMIT_BYTES = 384 << 20
TIME_SCALE = 240.0
CLIENTS = 20
CLIENT_SHARE = 0.1
LIBRARY = "github.com/grab/async"
HERE = INCIDENTS / "context_leak"
STAND_IN = [
    ["go", "mod", "edit", f"-require={LIBRARY}@v0.0.0", f"-replace={LIBRARY}={HERE / 'async'}"],
]
GUILTY = ("context.", "async.(*task).Run", "async.(*task).run", "async.Consume", "async.Invoke")


class ContextLeak:
    """Three releases, one after the other: live where Go is installed, else from recordings."""

    limit_seconds = 480.0

    def __init__(self) -> None:
        self.loads: list[Load] = []
        self.running: list[Program] = []
        self.binaries: dict[str, Path] = {}
        self.release = ""
        self.since = 0.0
        self.restarted = False
        self.rss_when_found = 0

    def start(self, stage: Stage) -> None:
        """Build and run the first release; without Go, replay the recorded releases."""
        self.stage = stage
        self.binaries = _build_releases(stage.folder / "build") if go_available() else {}
        if self.binaries:
            self.port = free_port()
            self.loads = [
                Load(f"http://127.0.0.1:{self.port}/?key={number}", share=CLIENT_SHARE)
                for number in range(CLIENTS)
            ]
            self._run(GOOD)
            for load in self.loads:
                load.start()
            return
        say("no Go is installed: the recorded releases are replayed")
        parts = [Part("context-fixed", GOOD), Part("context-leak", BAD), Part("context-fixed", FIXED)]
        replay_releases(stage, parts, SERVICE, limit_bytes=LIMIT_BYTES)

    def each_second(self) -> str:
        """Release the bad version, restart it once, and release the fixed one when told, as an operator would."""
        if not self.binaries:
            return "replayed from recordings"
        if not self.rss_when_found and finding_of(SERVICE) is not None:
            self.rss_when_found = self.running[0].rss_bytes
        if self.release == BAD and not self.restarted and self._age > RESTART_SECONDS:
            self.restarted = True
            self._run(BAD)
        if self.release == GOOD and self._age > GOOD_SECONDS:
            self._run(BAD)
        is_told = self.rss_when_found or self._age > TOO_LATE_SECONDS
        if self.release == BAD and self._age > BAD_SECONDS and is_told:
            self._run(FIXED)
        return f"{SERVICE} {self.release} {self.running[0].rss_bytes >> 20} MiB"

    def expectations(self) -> list[Expectation]:
        """Return what Plimsoll must say."""
        live = [
            Expectation("it was raised before the limit was reached", self._is_early),
            Expectation("it shows that latency goes with memory", self._shows_latency),
        ]
        return [
            Expectation("one finding of a heap leak is raised", self._is_one_heap_leak),
            *(live if self.binaries else []),
            Expectation(f"it began in release {BAD}", lambda: self._finding_says("first_release", BAD)),
            Expectation(
                "contexts reached through Consume and (*task).Run are the first suspect, as one",
                self._is_blamed,
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
        latency = finding.evidence.get("latency_correlation")
        if latency is not None:
            print(f"  latency     correlation {latency:.2f} with memory")
        if self.rss_when_found:
            print(f"  found at    {self.rss_when_found >> 20} MiB of {LIMIT_BYTES >> 20} MiB")
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
        if release != self.release:
            self.release, self.since = release, self.stage.elapsed_seconds
            say(f"{SERVICE} {release} is released (async at {COMMITS[release]})")
        else:
            say(f"{SERVICE} {release} is restarted: memory and latency are low again, until the next peak")
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

    @property
    def _age(self) -> float:
        return self.stage.elapsed_seconds - self.since

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
        others = [suspect["function"] for suspect in finding.suspects[1:]]
        return (
            any(name in named[0] for name in GUILTY)
            and any("Consume" in name for name in named)
            and not any("(*task)" in name for name in others)
        )

    def _is_early(self) -> bool:
        return 0 < self.rss_when_found < LIMIT_BYTES

    def _shows_latency(self) -> bool:
        finding = finding_of(SERVICE)
        correlation = finding.evidence.get("latency_correlation") if finding else None
        return correlation is not None and correlation >= LATENCY_CORRELATION

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
    """Return the program of each release, on the real library or, where it cannot be fetched, on its stand-in."""
    built = {release: _build(release, folder, _fetch(COMMITS[release])) for release in COMMITS}
    if all(built.values()):
        return cast("dict[str, Path]", built)
    say(f"the module {LIBRARY} cannot be fetched: its stand-in with the same fault is built")
    for release, commit in COMMITS.items():
        tags = ["-tags", "since_d7b10a2"] if commit == COMMITS[BAD] else []
        program = _build(release, folder, STAND_IN, tags)
        if program is None:
            raise StageFailed(f"the feature store of {release} could not be built")
        built[release] = program
    return cast("dict[str, Path]", built)


def _fetch(commit: str) -> list[list[str]]:
    return [["go", "get", f"{LIBRARY}@{commit}"]]


def _build(
    release: str, folder: Path, library: list[list[str]], tags: list[str] | None = None
) -> Path | None:
    """Return the program of `release`, None if a step fails; `library` are the commands that bring the library."""
    source, program = folder / release, folder / f"{SERVICE}-{release}"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(HERE / "program", source)
    shutil.copytree(INCIDENTS / "gometrics", source / "gometrics")
    steps = [
        ["go", "mod", "init", "plimsoll.example/contextleak"],
        *library,
        ["go", "mod", "tidy"],
        ["go", "build", "-trimpath", *(tags or []), "-o", str(program), "."],
    ]
    for step in steps:
        if subprocess.run(
            step, cwd=source, capture_output=True, check=False, timeout=BUILD_SECONDS
        ).returncode:
            return None
    return program


SCENARIO = ContextLeak
