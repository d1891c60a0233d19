"""One process's agent: a thread that measures, sends and obeys, and never lets anything out."""

from __future__ import annotations

import contextlib
import time
from time import monotonic
from typing import Any, Optional

from plimsoll_agent.armament import Armament
from plimsoll_agent.commands import Command, CommandGate
from plimsoll_agent.custom import CustomSeries
from plimsoll_agent.door import Door
from plimsoll_agent.identity import Identity, identify
from plimsoll_agent.load import LoadMeter
from plimsoll_agent.messenger import Messenger
from plimsoll_agent.originals import Signal, original, start_thread
from plimsoll_agent.proc import ProcessFiles
from plimsoll_agent.samplers import Sampler
from plimsoll_agent.settings import Settings
from plimsoll_agent.speech import VOICE
from plimsoll_agent.spool import Spool
from plimsoll_agent.waterfall import Waterfall

LAST_WORDS_SECONDS = 0.6
EXIT_SECONDS = 0.9
PAUSE_SECONDS = 0.02
CENSUS_SECONDS = 60.0
_GO_ON, _PAUSE, _END = "go on", "pause", "end"


class Agent:
    """Measures this process from ``start`` to ``stop``; a forked child gets an Agent of its own."""

    def __init__(self, settings: Settings, sampler: Sampler, *, forked: bool = False) -> None:
        self.settings = settings
        self.load = LoadMeter()
        self.custom = CustomSeries()
        self.armament = Armament(settings, sampler)
        self._forked = forked
        self._identity: Optional[Identity] = None
        self._waterfall: Optional[Waterfall] = None
        self._gate = CommandGate()
        self._orders: list[Command] = []
        self._holders: Any = None
        self._stop = Signal()
        self._done = Signal()
        self._own_rss = 0.0
        self._cpu_seconds = 0.0
        self._kills: Optional[float] = None
        self._census_at = 0.0
        self._running = False
        self._lock: Any = original("_thread", "RLock")()
        self._paused = False
        self._next_point = monotonic() + settings.point_seconds
        door = Door(settings.url, settings.token, ca_file=settings.ca_file)
        self._messenger = Messenger(
            door,
            Spool(settings.spool_bytes, settings.spool_dir),
            interval=settings.point_seconds,
            heard=self._hear,
        )

    def start(self) -> None:
        """Start the agent's thread; what it has measured so far is kept if it ran before."""
        self._stop, self._done = Signal(), Signal()
        self._paused = False
        self._running = True
        done = self._done
        start_thread(lambda: self._run(done))

    def stop(self, seconds: float = EXIT_SECONDS) -> bool:
        """End the thread, sending what is left; true if it ended within ``seconds``."""
        self._stop.set()
        ended = self._done.wait(seconds)
        if not ended and self._identity is not None:
            with contextlib.suppress(Exception):  # the thread may still be at work on the same queue
                self._messenger.keep(self._identity)
        return ended

    def pause(self, seconds: float = PAUSE_SECONDS) -> None:
        """End the thread for the moment of a fork, if it can be had within ``seconds``.

        A process that forks with a second thread alive is warned by Python 3.12 and later; and a thread
        that is asleep holds no lock that the child would miss.
        """
        if self._running:
            self._paused = True
            self._stop.set()
            self._done.wait(seconds)

    def resume(self) -> None:
        """Start the thread again after ``pause``; one that was too busy to end is told to go on."""
        with self._lock:
            if not self._paused:
                return
            if self._running:
                self._paused = False
                self._stop = Signal()
            else:
                self.start()

    def abandon(self) -> None:
        """Give back, in a forked child, what the parent's agent had opened."""
        if self._waterfall is not None:
            self._waterfall.stop()

    def _run(self, done: Signal) -> None:
        """The thread; ``done`` is its own, the agent's may be a successor's by the time it ends."""
        try:
            verdict = _GO_ON
            while verdict == _GO_ON:
                verdict = self._wait(self._stop)
                if verdict == _GO_ON:
                    self._tick()
                    self._next_point = max(self._next_point + self.settings.point_seconds, monotonic())
            if verdict == _END:
                self._last_words()
        except Exception as problem:
            VOICE.say(f"the agent has stopped: {type(problem).__name__}: {problem}")
        finally:
            self._cpu_seconds += time.thread_time()
            done.set()

    def _wait(self, stop: Signal) -> str:
        """Wait for the next point; what to do then. A stop that ``resume`` has withdrawn does not count."""
        if not stop.wait(self._next_point - monotonic()):
            return _GO_ON
        with self._lock:
            if stop is not self._stop:
                return _GO_ON
            self._running = False
            return _PAUSE if self._paused else _END

    def _prepare(self) -> Waterfall:
        """Open the counters at the first point: a child that lives for a moment never does."""
        before = ProcessFiles()
        rss_before = before.memory().get("rss_bytes", 0.0)
        waterfall = Waterfall()
        waterfall.start()
        self._messenger.spool.adopt()
        self._own_rss = max(0.0, waterfall.files.memory().get("rss_bytes", 0.0) - rss_before)
        before.close()
        return waterfall

    def _tick(self) -> None:
        """One point, and what is due with it; a failure costs this turn only."""
        try:
            now, at = monotonic(), time.time()
            identity = self._who()
            columns = self._measure(now)
            self._messenger.points.add(at, columns)
            self._note_kills(columns, at)
            self._messenger.push(identity, now)
            self._obey(identity)
            self.armament.observe(columns, now)
            self._send_due_profile(identity, now, at)
            if self.settings.holders and now >= self._census_at:
                self._census_at = now + CENSUS_SECONDS
                self._holder_search().note()
        except Exception as problem:
            VOICE.say(f"a turn of the agent failed: {type(problem).__name__}: {problem}")

    def _who(self) -> Identity:
        if self._identity is None:
            self._identity = identify(self.settings, forked=self._forked)
        return self._identity

    def _measure(self, now: float) -> dict[str, float]:
        if self._waterfall is None:
            self._waterfall = self._prepare()
        columns = self._waterfall.read(now)
        columns.update(self.load.take())
        columns.update(self.custom.take())
        live = self.armament.whole_life_bytes()
        if live is not None:
            columns["heap_live_bytes"] = live
        columns["agent_cpu_seconds"] = round(self._cpu_seconds + time.thread_time(), 4)
        columns["agent_rss_bytes"] = self._own_rss + self._messenger.spool.bytes + self.armament.own_bytes()
        return columns

    def _note_kills(self, columns: dict[str, float], at: float) -> None:
        """Mark kills in the control group; forked workers leave it to their parent, which saw them too."""
        kills = columns.get("cgroup_oom_kills")
        if kills is None:
            return
        before, self._kills = self._kills, kills
        if before is not None and kills > before and not self._forked:
            count = int(kills - before)
            self._messenger.points.mark(at, "oom", f"{count} killed for want of memory in this control group")

    def _send_due_profile(self, identity: Identity, now: float, at: float) -> None:
        body = self.armament.profile_if_due(now, at)
        if body is not None:
            self._messenger.send_profile(identity, at, body, now)

    def _hear(self, said: dict[str, Any]) -> None:
        """Keep the server's admitted commands for the end of this turn."""
        self._orders.extend(self._gate.admit(said, monotonic()))

    def _obey(self, identity: Identity) -> None:
        orders, self._orders = self._orders, []
        for order in orders:
            if order.kind == "arm_sampler":
                self.armament.arm_for(order.seconds, monotonic())
            elif order.kind == "send_profile":
                self.armament.want_profile()
                self._messenger.points.add(time.time(), self._rollup())
            elif self.settings.holders:
                self._find_holders(order, identity)

    def _rollup(self) -> dict[str, float]:
        return {} if self._waterfall is None else self._waterfall.read_rollup(monotonic())

    def _holder_search(self) -> Any:
        """Made at first use: most services never allow the question."""
        if self._holders is None:
            from plimsoll_agent.holders import HolderSearch

            self._holders = HolderSearch(self.armament.sampler, redact=self.settings.redact)
        return self._holders

    def _find_holders(self, order: Command, identity: Identity) -> None:
        VOICE.once(
            "the server asked who holds growing objects; type names and counts are sent (PLIMSOLL_HOLDERS=1)"
        )
        report = self._holder_search().search(order.site)
        if report is not None:
            report.update({"instance": identity.as_json(), "command_id": order.id, "ts": time.time()})
            self._messenger.send_holders(report, monotonic())

    def _last_words(self) -> None:
        """One more point if this process ever spoke, the rest to the disk spool."""
        if self._waterfall is None:
            return
        if self._identity is not None:
            now = monotonic()
            self._messenger.points.add(time.time(), self._measure(now))
            if not self._messenger.push(self._identity, now, seconds=LAST_WORDS_SECONDS):
                self._messenger.keep(self._identity)
        self._waterfall.stop()
        self.armament.disarm()
