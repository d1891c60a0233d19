"""The native sampler, from the distribution plimsoll-agent-native."""

from __future__ import annotations

from typing import Any, Optional

import plimsoll_agent_native as native


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
        """True while its hooks are in."""
        return native.stats()["hook_state"] == native.HookState.ARMED

    def arm(self) -> None:
        """Put the hooks in, unless the program itself did."""
        if native.stats()["hook_state"] == native.HookState.OFF:
            native.start(self._sample_bytes)
            self._ours = True

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
        if not self.armed:
            return None
        native.hook_numpy()
        return native.snapshot_pprof()

    def find_holders(self, site: Any, *, redact: bool) -> Optional[dict[str, Any]]:
        """Who holds the live objects of ``site``; None where the extension cannot say."""
        search = getattr(native, "find_holders", None)
        if search is None or not self.armed:
            return None
        report: Optional[dict[str, Any]] = search(site, redact=redact)
        return report
