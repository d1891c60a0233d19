"""When the sampler is armed and when its profiles go out: always, or only while memory grows."""

from __future__ import annotations

from typing import Optional

from plimsoll_agent.growth import GrowthWatch
from plimsoll_agent.samplers import Sampler
from plimsoll_agent.settings import Settings


class Armament:
    """Holds the sampler; all times are monotonic seconds unless said otherwise."""

    def __init__(self, settings: Settings, sampler: Sampler) -> None:
        self.sampler = sampler
        self._always = settings.mode == "always"
        self._settings = settings
        self._watch = GrowthWatch(settings.growth_points)
        self._armed_until = 0.0
        self._rest_until = 0.0
        self._profile_at: Optional[float] = None
        self._wanted = False

    def begin(self) -> None:
        """Arm at once in the mode ``always``; called in the host's thread, as early as can be."""
        if self._always:
            self.sampler.arm()

    def observe(self, columns: dict[str, float], now: float) -> None:
        """Look at one point's columns; in the mode ``on_growth`` arm when memory grows."""
        if self._always or self._armed_until:
            return
        self._watch.observe(columns)
        if now >= self._rest_until and self._watch.grows():
            self.arm_for(self._settings.arm_seconds, now)

    def arm_for(self, seconds: float, now: float) -> None:
        """Sample for ``seconds``; does nothing where sampling goes on already, or has just been ended.

        Only the native sampler, which costs next to nothing, is armed again before it has rested.
        """
        resting = now < self._rest_until and self.sampler.name != "native"
        if self._always or self._armed_until or resting:
            return
        self.sampler.arm()
        self._armed_until = now + seconds
        self._profile_at = now + min(self._settings.profile_seconds, seconds / 2.0)

    def want_profile(self) -> None:
        """Send a profile at the next turn, if there is one to send."""
        self._wanted = True

    def whole_life_bytes(self) -> Optional[float]:
        """Live bytes by the sampler if it has sampled since the process began, else None.

        A sampler that was armed later knows only what was allocated since: reported as the live heap it
        would look like a leak.
        """
        return self.sampler.live_bytes() if self._always else None

    def own_bytes(self) -> float:
        """Memory that the sampler holds."""
        return self.sampler.own_bytes()

    def profile_if_due(self, now: float, at: float) -> Optional[bytes]:
        """Encode a profile if one is due at ``now``; ``at`` is the same moment in unix seconds."""
        over = bool(self._armed_until) and now >= self._armed_until
        if not self.sampler.armed:
            self._wanted = False
            if over:  # someone else switched it off: its time is over all the same
                self._rest(now)
            return None
        if self._profile_at is None:
            self._profile_at = now + self._settings.profile_seconds
        if not (over or self._wanted or now >= self._profile_at - self._settings.point_seconds / 2.0):
            return None
        body = self.sampler.encode(at)
        self._wanted = False
        self._profile_at = now + self._settings.profile_seconds
        if over:
            self._rest(now)
        return body

    def disarm(self) -> None:
        """Switch sampling off."""
        self.sampler.disarm()

    def _rest(self, now: float) -> None:
        self.sampler.disarm()
        self._armed_until = 0.0
        self._rest_until = now + self._settings.rest_seconds
        self._watch.forget()
