"""Garbage under load with MADV_FREE: resident size stays high, nothing leaks; then the release with the cure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.demo.expectations import finding_of, word_on
from examples.incidents.releases import Part, replay_releases
from examples.incidents.scenario import GO_LOAD_OPTIONS, build_go, go_available, go_program
from examples.stage.load import Load
from examples.stage.programs import Program, free_port, sidecar
from examples.stage.stage import Expectation, Stage, say

if TYPE_CHECKING:
    from profiler_server.analysis.models import Finding

SERVICE = "search-index"
LIMIT_BYTES = 368 << 20
RECORDED_LIMIT_BYTES = 400 << 20
CURE_AFTER_SECONDS, TOO_LATE_SECONDS = 120.0, 240.0
SETTLE_SECONDS = 90.0
CLIENTS = 24
BURST_SECONDS, LULL_SECONDS = 3.0, 17.0
GIVEN_BACK_SHARE = 0.8
TIME_SCALE = 240.0
FRAGMENTATION_BYTES = 16 << 20
LIVE_SHARE = 0.7
REPLAY_SPEED = 600.0


class RuntimeRetention:
    """The search service, first with `madvdontneed=0`, later with `madvdontneed=1`; without Go from recordings."""

    limit_seconds = 480.0

    def __init__(self) -> None:
        self.loads: list[Load] = []
        self.program: Program | None = None
        self.sidecar: Program | None = None
        self.peaks: dict[str, int] = {}
        self.lows: dict[str, int] = {}
        self.release = ""
        self.said = ""
        self.warning = ""

    def start(self, stage: Stage) -> None:
        """Build the program, run it with the fault, and load it; without Go, replay the two recorded releases."""
        self.stage = stage
        self.live = go_available()
        if not self.live:
            say("no Go is installed: the two recorded releases are replayed")
            parts = [Part("madvfree", "v1"), Part("madvdontneed", "v2")]
            replay_releases(stage, parts, SERVICE, limit_bytes=RECORDED_LIMIT_BYTES, speed=REPLAY_SPEED)
            return
        self.binary = build_go("runtime_retention/program", stage.folder / "bin")
        self.port = free_port()
        self._run("v1", "madvdontneed=0")
        self.begun = stage.elapsed_seconds
        say(f"{SERVICE} v1 runs with GODEBUG=madvdontneed=0; its load rises and recedes")

    def each_second(self) -> str:
        """Release the cure when its time has come; return the size now."""
        self._listen()
        if not self.live:
            return "replayed from recordings"
        assert self.program is not None
        size = self.program.rss_bytes
        self._keep_load()
        if self.stage.elapsed_seconds - self.since > BURST_SECONDS + LULL_SECONDS:  # past the first peak
            self.lows[self.release] = min(size, self.lows.get(self.release, size))
        self.peaks[self.release] = max(size, self.peaks.get(self.release, 0))
        passed = self.stage.elapsed_seconds - self.begun
        is_told = bool(self.said and self.warning) or passed > TOO_LATE_SECONDS
        if self.release == "v1" and passed > CURE_AFTER_SECONDS and is_told:
            self._run("v2", "madvdontneed=1")
            say("released v2, the same program with GODEBUG=madvdontneed=1")
        return f"{SERVICE} {self.release} {size >> 20} MiB"

    def expectations(self) -> list[Expectation]:
        """Return what Plimsoll must say."""
        return [
            Expectation("the growth is called runtime retention", self._is_retention),
            Expectation("the setting that cures it is named", self._names_cure),
            Expectation("it says that nothing leaks", self._says_no_leak),
            Expectation(
                "the waterfall shows it: little fragmentation, much released", self._shows_arithmetic
            ),
            Expectation("it warns of the limit all the same", self._warns_of_limit),
            Expectation("the warning ends by itself, with the release that ended it", self._is_cured),
            *(
                [Expectation("v2 gives its memory back: less resident than v1", self._is_smaller)]
                if self.live
                else []
            ),
        ]

    def tell(self) -> None:
        """Print the sentences, the arithmetic and the sizes."""
        print(f"\n  verdict     {self.said or 'nothing about runtime retention'}")
        print(f"  warning     {self.warning or 'none'}")
        for name, size in self._layers().items():
            print(f"  {size / 2**20:9.0f} MiB {name}")
        print(f"  picture     {self.stage.url}/services/{SERVICE}/")
        for release, low in self.lows.items():
            peak = self.peaks[release]
            print(
                f"  {release}          {peak >> 20} MiB resident at its peak, {low >> 20} MiB when load receded"
            )

    def stop(self) -> None:
        """Stop the load."""
        for load in self.loads:
            load.stop()
        self.loads = []

    def _keep_load(self) -> None:
        """Let all clients ask for a while, then none of them for twice as long."""
        passed = (self.stage.elapsed_seconds - self.begun) % (BURST_SECONDS + LULL_SECONDS)
        if passed < BURST_SECONDS and not self.loads:
            self.loads = [Load(f"http://127.0.0.1:{self.port}/") for _ in range(CLIENTS)]
            for load in self.loads:
                load.start()
        elif passed >= BURST_SECONDS:
            self.stop()

    def _run(self, release: str, godebug: str) -> None:
        for old in (self.sidecar, self.program):
            if old is not None:
                old.stop()
        self.release, self.since = release, self.stage.elapsed_seconds
        self.program = self.stage.run(
            go_program(f"{SERVICE}-{release}", self.binary, self.port, self.stage.logs, GODEBUG=godebug)
        )
        arguments = [
            "scrape", "--target", f"http://127.0.0.1:{self.port}/debug/pprof", "--service", SERVICE,
            "--release", release, "--memory-limit-bytes", str(LIMIT_BYTES), "--point-seconds", "1",
            "--profile-seconds", "5", "--label", f"time_scale={TIME_SCALE:g}",
            "--metrics-url", f"http://127.0.0.1:{self.port}/metrics",
            *GO_LOAD_OPTIONS,
        ]  # fmt: skip
        self.sidecar = self.stage.run(
            sidecar(f"sidecar-{release}", arguments, self.stage.agent, self.stage.logs)
        )

    def _listen(self) -> None:
        diagnosis, sentence = word_on(SERVICE)
        if diagnosis == "runtime_retention" and sentence != self.said:
            self.said = sentence
            say(f"Plimsoll says: {sentence}")
        warning = self._warning()
        if warning is not None and not self.warning:
            self.warning = warning.verdict
            say(f"Plimsoll warns: {self.warning}")

    def _warning(self) -> Finding | None:
        finding = finding_of(SERVICE)
        return finding if finding is not None and finding.family == "retention" else None

    def _is_retention(self) -> bool:
        return bool(self.said)

    def _names_cure(self) -> bool:
        return "madvdontneed=1" in self.said

    def _says_no_leak(self) -> bool:
        return "no leak" in self.said.lower()

    def _layers(self) -> dict[str, float]:
        """Return what the waterfall of the service page says of v1 when it retains most, bytes by layer."""
        import numpy as np  # noqa: PLC0415

        from dashboards.service_memory import service_memory  # noqa: PLC0415  Django is set up by now
        from profiler_server.catalog.models import Instance  # noqa: PLC0415

        first = (
            Instance.objects.filter(service__name=SERVICE)
            .select_related("service")
            .order_by("started_at")
            .first()
        )
        if first is None or first.last_seen_at <= first.first_seen_at:
            return {}
        start, end = first.first_seen_at.timestamp(), first.last_seen_at.timestamp()
        fall = service_memory(first.service, start, end, instance_ids=[first.pk]).waterfall
        if not np.isfinite(fall.rss_bytes).any():
            return {}
        sizes = {layer.name: layer.size_bytes for layer in fall.layers}
        at = int(np.nanargmax(sizes["runtime_idle"] + sizes["released"]))
        return {"rss": float(fall.rss_bytes[at])} | {name: float(size[at]) for name, size in sizes.items()}

    def _shows_arithmetic(self) -> bool:
        layers = self._layers()
        if not layers:
            return False
        live_share = layers["live_heap"] / layers["rss"]
        retained = layers["runtime_idle"] + layers["released"]
        fragmented = layers["fragmentation"]
        return live_share < LIVE_SHARE and fragmented < FRAGMENTATION_BYTES < retained

    def _warns_of_limit(self) -> bool:
        mails = [message["Subject"] for _, message in self.stage.mailbox.messages()]
        return bool(self.warning) and any(SERVICE in subject for subject in mails)

    def _is_cured(self) -> bool:
        warning = self._warning()
        return warning is not None and warning.status == "resolved" and warning.cured_by_release == "v2"

    def _is_smaller(self) -> bool:
        settled = self.release == "v2" and self.stage.elapsed_seconds - self.since > SETTLE_SECONDS
        return settled and "v2" in self.lows and self.lows["v2"] < GIVEN_BACK_SHARE * self.lows["v1"]


SCENARIO = RuntimeRetention
