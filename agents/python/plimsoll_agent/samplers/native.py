"""The native sampler, from the distribution plimsoll-agent-native."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import plimsoll_agent_native as native

from plimsoll_agent.speech import VOICE


class NativeSampler:
    """plimsoll_agent_native behind the seam; raises where it refuses the interpreter."""

    name = "native"

    def __init__(self, sample_bytes: int) -> None:
        if not native.supported():
            raise RuntimeError("this interpreter's layouts are not known to plimsoll-agent-native")
        self._sample_bytes = sample_bytes
        self._ours = False

    @property
    def armed(self) -> bool:
        """True while its hooks are in, or another profiler that left has taken them out with its own."""
        return native.stats()["hook_state"] in {native.HookState.ARMED, native.HookState.DISPLACED}

    def arm(self) -> None:
        """Put the hooks in, unless the program itself did."""
        if native.stats()["hook_state"] == native.HookState.OFF:
            native.start(self._sample_bytes)
            self._ours = True
        self._is_sampling()

    def disarm(self) -> None:
        """Take the hooks out if they are ours, and forget what was sampled."""
        if self._ours:
            self._ours = False
            native.stop()

    def live_bytes(self) -> Optional[float]:
        """Not told: the allocators' own counters know the total without a sampling error."""
        return None

    def own_bytes(self) -> float:
        """Memory of its tables."""
        return float(native.stats().get("own_bytes", 0))

    def encode(self, at: float) -> Optional[bytes]:
        """The profile as the extension writes it; ``at`` is not needed, it takes its own time."""
        if not self._is_sampling():
            return None
        native.hook_numpy()
        return native.snapshot_pprof()

    def find_holders(self, site: Sequence[tuple[str, str, int]], *, redact: bool) -> Optional[dict[str, Any]]:
        """Who holds the live objects of ``site`` (leaf first); None where no sampled object has it."""
        if not self._is_sampling():
            return None
        report = native.find_holders(site, redact=_redacted if redact else None)
        if report["method"] == "none":
            return None
        kept = ("method", "pause_ms", "unexplained_share", "note", "paths")
        return {name: value for name, value in report.items() if name in kept}

    def _is_sampling(self) -> bool:
        """Puts hooks back that another profiler took out: what it held back is lost, what comes is seen."""
        if native.stats()["hook_state"] == native.HookState.DISPLACED:
            VOICE.once("another profiler that was stopped took the sampler's hooks out; they are back")
            native.resume()
        return self.armed

    def note_containers(self) -> None:
        """Let the extension remember how long the big containers are, so that it can tell growth."""
        native.census()


def _redacted(name: str) -> str:
    return "*" if name else name
