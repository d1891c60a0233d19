"""Which process lives could leak together: all, those since a release, one replica, one wave of restarts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from profiler_server.core.leak.history import TIME, LifeHistory
from profiler_server.core.leak.segments import ChannelData
from profiler_server.core.leak.window import HOUR

MAX_RELEASE_GROUPS = 4
MAX_REPLICA_GROUPS = 8
SHOWN_SHARE = 0.15
"""From this share on a warm-up would have been seen, had there been one."""
SLOW_WARM_UP_HOURS = 8.0


@dataclass(frozen=True)
class Group:
    """Segments that would share a leak; `kind` is all, release or replica; `prior` is its share of the belief.

    `others` are the processes of earlier releases (of a replica: the other replicas) as (age when first seen, hours
    watched): what they did after their starts is what those of the group are expected to do.
    """

    kind: str
    name: str
    members: tuple[int, ...]
    prior: float
    since: float | None = None
    others: tuple[tuple[float, float], ...] = ()

    def shown(self, tau: float) -> float:
        """Return which share of a warm-up of `tau` hours the best watched of the others would have shown."""
        return max(
            (math.exp(-age / tau) * -math.expm1(-hours / tau) for age, hours in self.others), default=0.0
        )

    @property
    def compared(self) -> bool:
        """Whether slow warm-ups would have been seen in the others."""
        return self.shown(SLOW_WARM_UP_HOURS) >= SHOWN_SHARE


def release_order(lives: Sequence[LifeHistory]) -> list[tuple[str, float]]:
    """Return (version, when it was first seen running) of every version, in that order."""
    first: dict[str, float] = {}
    for life in lives:
        if life.version is not None:
            first[life.version] = min(
                first.get(life.version, float("inf")), max(life.started_at, life.first_ts)
            )
    return sorted(first.items(), key=lambda item: item[1])


def _watched(lives: Iterable[LifeHistory], clock_scale: float) -> tuple[tuple[float, float], ...]:
    """Return (age when first seen, hours watched) of each life."""
    return tuple(
        (max(float(life.blocks[0, TIME]) - life.started_at * clock_scale / HOUR, 0.0), life.observed_hours)
        for life in lives
    )


def groups_of(data: ChannelData, lives: Sequence[LifeHistory], clock_scale: float = 1.0) -> list[Group]:
    """Return the groups worth testing; a group that equals an earlier one is left out."""
    segments = data.segments
    everything = tuple(range(len(segments)))
    found = [Group("all", "all", everything, 0.6)]
    seen = {everything}
    releases = release_order(lives)
    later = releases[1:][-MAX_RELEASE_GROUPS:]
    for version, start in later:
        names = {name for name, at in releases if at >= start}
        members = tuple(i for i in everything if lives[segments[i].life].version in names)
        if members and members not in seen:
            seen.add(members)
            inside = {segments[i].life for i in members}
            outside = {segments[i].life for i in everything} - inside
            others = _watched((lives[i] for i in outside), clock_scale)
            prior = 0.25 / len(later)
            found.append(Group("release", version, members, prior, since=start, others=others))
    replicas = sorted({lives[s.life].instance for s in segments})
    if 1 < len(replicas) <= MAX_REPLICA_GROUPS:
        for name in replicas:
            members = tuple(i for i in everything if lives[segments[i].life].instance == name)
            if members not in seen:
                seen.add(members)
                siblings = {segments[i].life for i in everything if lives[segments[i].life].instance != name}
                others = _watched((lives[i] for i in siblings), clock_scale)
                found.append(Group("replica", name, members, 0.1 / len(replicas), others=others))
    return found


def newest_release(lives: Sequence[LifeHistory]) -> str | None:
    """Return the version of the life that started last, None where there is none."""
    if not lives:
        return None
    return max(lives, key=lambda life: (life.started_at, life.first_ts)).version
