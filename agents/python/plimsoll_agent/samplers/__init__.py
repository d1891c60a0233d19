"""The seam where allocation samplers plug in: native, tracemalloc, or none at all."""

from __future__ import annotations

from typing import Optional, Protocol

from plimsoll_agent.settings import Settings
from plimsoll_agent.speech import VOICE


class Sampler(Protocol):
    """What the agent asks of a sampler; every method is called from the agent's thread."""

    name: str

    @property
    def armed(self) -> bool:
        """True while allocations are being sampled."""

    def arm(self) -> None:
        """Begin to sample."""

    def disarm(self) -> None:
        """Stop sampling and give the memory back."""

    def live_bytes(self) -> Optional[float]:
        """Bytes in use as sampled since arming, None if not armed or not known cheaply."""

    def own_bytes(self) -> float:
        """Memory that the sampler itself holds."""

    def encode(self, at: float) -> Optional[bytes]:
        """Return the present heap profile as gzip'd pprof, None if there is nothing to tell."""


def choose_sampler(settings: Settings) -> Sampler:
    """Return the sampler that the settings ask for, saying so once where it is not the native one."""
    from plimsoll_agent.samplers.absent import AbsentSampler

    if settings.sampler in {"auto", "native"}:
        native = _native(settings)
        if native is not None:
            return native
    wanted = settings.fallback if settings.sampler == "auto" else settings.sampler
    if wanted == "tracemalloc":
        from plimsoll_agent.samplers.traced import TracedSampler

        if settings.sampler == "auto":
            VOICE.once(
                "no native sampler, so call sites come from tracemalloc, which slows allocation several times "
                "while it samples; for production install plimsoll-agent[native] or set PLIMSOLL_FALLBACK=rss"
            )
        return TracedSampler(settings.frames)
    if settings.sampler in {"auto", "native"}:
        VOICE.once(
            "no native sampler: memory is watched without call sites; install plimsoll-agent[native] to get them"
        )
    return AbsentSampler()


def _native(settings: Settings) -> Optional[Sampler]:
    try:
        from plimsoll_agent.samplers.native import NativeSampler

        return NativeSampler(settings.sample_bytes)
    except ModuleNotFoundError:
        return None
    except Exception as problem:
        VOICE.once(f"the native sampler refuses this interpreter: {problem}")
        return None
