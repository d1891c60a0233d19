"""A parser that keeps small pieces of large responses until it is killed; its Python twin names the holder."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

from examples.demo.expectations import finding_of
from examples.incidents.releases import Part, replay_releases
from examples.incidents.scenario import GO_LOAD_OPTIONS, build_go, go_available, go_program
from examples.stage.programs import Program, free_port, python_service, sidecar
from examples.stage.stage import Expectation, Stage, say

GO_SERVICE = "metrics-collector"
PYTHON_SERVICE = "metrics-collector-py"
LIMIT_BYTES = {GO_SERVICE: 256 << 20, PYTHON_SERVICE: 192 << 20}
RECORDED_LIMIT_BYTES = 640 << 20
TIME_SCALE = 240.0
SEEN_LATELY = timedelta(minutes=1)  # when a process was last seen is noted a few times a minute
PARSERS = ("parseContainerMetricsResponse", "parse_container_metrics_response", "response", "fetch")


class ParserBuffer:
    """The collector and its Python twin, each killed at its limit; without Go the first is replayed."""

    limit_seconds = 480.0

    def __init__(self) -> None:
        self.kills = 0
        self.killed: list[Program] = []

    def start(self, stage: Stage) -> None:
        """Build and start both, and the sidecar that watches the first; without Go, replay the first's recording."""
        self.stage = stage
        if go_available():
            self._start_go()
        else:
            say(f"no Go is installed: the recording of {GO_SERVICE} is replayed")
            parts = [Part("parser-keeps-buffer", "v7")]
            replay_releases(stage, parts, GO_SERVICE, limit_bytes=RECORDED_LIMIT_BYTES)
        self._start_python()
        limits = " and ".join(f"{one.name} at {LIMIT_BYTES[one.name] >> 20} MiB" for one in self.killed)
        say(f"they fetch and parse, and are killed: {limits}")

    def _start_go(self) -> None:
        stage, port = self.stage, free_port()
        binary = build_go("parser_buffer/program", stage.folder / "bin")
        self.killed.append(stage.run(go_program(GO_SERVICE, binary, port, stage.logs)))
        arguments = [
            "scrape", "--target", f"http://127.0.0.1:{port}/debug/pprof", "--service", GO_SERVICE,
            "--release", "v7", "--memory-limit-bytes", str(LIMIT_BYTES[GO_SERVICE]), "--point-seconds", "1",
            "--profile-seconds", "5", "--label", f"time_scale={TIME_SCALE:g}",
            *GO_LOAD_OPTIONS,
        ]  # fmt: skip
        stage.run(sidecar("sidecar", arguments, stage.agent, stage.logs))

    def _start_python(self) -> None:
        stage = self.stage
        environment = {
            **stage.agent,
            "PLIMSOLL_RELEASE": "v7",
            "PLIMSOLL_MEMORY_LIMIT_BYTES": str(LIMIT_BYTES[PYTHON_SERVICE]),
            "PLIMSOLL_POINT_SECONDS": "1",
            "PLIMSOLL_PROFILE_SECONDS": "5",
            "PLIMSOLL_MODE": "always",
            "PLIMSOLL_SAMPLE_BYTES": "65536",
            "PLIMSOLL_HOLDERS": "1",
            "PLIMSOLL_LABELS": f"time_scale={TIME_SCALE:g}",
        }
        module = "examples.incidents.parser_buffer.collector"
        self.killed.append(stage.run(python_service(PYTHON_SERVICE, module, [], environment, stage.logs)))

    def each_second(self) -> str:
        """Kill what has reached its limit, as the kernel would, and start it again."""
        for program in self.killed:
            if program.rss_bytes > LIMIT_BYTES[program.name]:
                self.kills += 1
                say(f"{program.name} has reached its limit: killed and started again")
                program.kill()
            if not program.running:
                program.start()
        return ", ".join(f"{program.name} {program.rss_bytes >> 20} MiB" for program in self.killed)

    def expectations(self) -> list[Expectation]:
        """Return what Plimsoll must say."""
        names = [program.name for program in self.killed]
        return [
            Expectation(f"a heap leak is found in {GO_SERVICE}", lambda: _is_heap_leak(GO_SERVICE)),
            Expectation("its first suspect is on the parser's path", lambda: _parser_first(GO_SERVICE)),
            Expectation(f"a heap leak is found in {PYTHON_SERVICE}", lambda: _is_heap_leak(PYTHON_SERVICE)),
            Expectation("the holder is named: REGISTRY", lambda: "REGISTRY" in _holder_paths()),
            *(Expectation(f"the kill of {one} is seen", partial(_kill_is_seen, one)) for one in names),
            *(
                Expectation(
                    f"the last snapshots before it are kept ({one})", partial(_snapshots_are_kept, one)
                )
                for one in names
            ),
        ]

    def tell(self) -> None:
        """Print the findings and the holder."""
        for service in (GO_SERVICE, PYTHON_SERVICE):
            finding = finding_of(service)
            if finding is not None:
                suspect = (
                    finding.suspects[0] if finding.suspects else {"function": "none", "file": "", "line": 0}
                )
                place = f"{suspect['function']} {Path(str(suspect['file'])).name}:{suspect['line']}"
                print(
                    f"\n  finding     {self.stage.url}/findings/{finding.pk}/\n              {finding.verdict}"
                )
                print(f"  suspect     {place}")
        print(f"  holder      {_holder_paths() or 'not found'}\n  kills       {self.kills}")

    def stop(self) -> None:
        """Nothing beside the stage."""


def _is_heap_leak(service: str) -> bool:
    finding = finding_of(service)
    return finding is not None and finding.diagnosis == "heap_leak"


def _parser_first(service: str) -> bool:
    finding = finding_of(service)
    if finding is None or not finding.suspects:
        return False
    first = finding.suspects[0]
    return any(name in text for name in PARSERS for text in (first["function"], *first["path"][:3]))


def _holder_paths() -> str:
    from profiler_server.analysis.models import HolderReport  # noqa: PLC0415  Django is set up by now

    report = HolderReport.objects.filter(service__name=PYTHON_SERVICE).order_by("-at").first()
    return "; ".join(path["path"] for path in report.paths[:2]) if report else ""


def _kill_is_seen(service: str) -> bool:
    from profiler_server.catalog.models import Marker  # noqa: PLC0415  Django is set up by now

    return Marker.objects.filter(service__name=service, kind__in=["oom", "exit"]).exists()


def _snapshots_are_kept(service: str) -> bool:
    from profiler_server.catalog.models import Instance  # noqa: PLC0415  Django is set up by now
    from profiler_server.profiles.queries import ProfileSelection, snapshots  # noqa: PLC0415

    first = Instance.objects.filter(service__name=service).order_by("started_at").first()
    if first is None or first.last_seen_at <= first.first_seen_at:
        return False
    life = ProfileSelection(
        first.project_id,
        first.service_id,
        first.first_seen_at,
        first.last_seen_at + SEEN_LATELY,
        instance_ids=(first.pk,),
    )
    return any(reason in ("oom", "restart") for one in snapshots(life) for reason in one.reasons)


SCENARIO = ParserBuffer
