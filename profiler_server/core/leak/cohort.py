"""Which process lives could leak together: all, those since a release, one replica, one wave of restarts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler_server.core.leak.history import TIME, LifeHistory
from profiler_server.core.leak.segments import ChannelData
from profiler_server.core.leak.window import HOUR

MAX_RELEASE_GROUPS = 4
MAX_REPLICA_GROUPS = 8
START_SEEN_HOURS = 1.0


@dataclass(frozen=True)
class Group:
    """Segments that would share a leak; `kind` is all, release or replica; `prior` is its share of the belief.

    `compared`: processes of earlier releases were watched from their starts for as long as those of this one have run,
    so that what every process does after its start is known.
    """

    kind: str
    name: str
    members: tuple[int, ...]
    prior: float
    since: float | None = None
    compared: bool = False


def release_order(lives: Sequence[LifeHistory]) -> list[tuple[str, float]]:
    """Return (version, when it was first seen running) of every version, in that order."""
    first: dict[str, float] = {}
    for life in lives:
        if life.version is not None:
            first[life.version] = min(
                first.get(life.version, float("inf")), max(life.started_at, life.first_ts)
            )
    return sorted(first.items(), key=lambda item: item[1])


def _watched(life: LifeHistory, clock_scale: float) -> float:
    """Return for how many hours a life was watched from its start on, 0 if its start was not seen."""
    born = life.started_at * clock_scale / HOUR
    seen_start = float(life.blocks[0, TIME]) - born <= START_SEEN_HOURS
    return float(life.blocks[-1, TIME]) - born if seen_start else 0.0


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
            elder = max((_watched(lives[i], clock_scale) for i in outside), default=0.0)
            compared = elder >= max(lives[i].observed_hours for i in inside)
            prior = 0.25 / len(later)
            found.append(Group("release", version, members, prior, since=start, compared=compared))
    replicas = sorted({lives[s.life].instance for s in segments})
    if 1 < len(replicas) <= MAX_REPLICA_GROUPS:
        for name in replicas:
            members = tuple(i for i in everything if lives[segments[i].life].instance == name)
            if members not in seen:
                seen.add(members)
                found.append(Group("replica", name, members, 0.1 / len(replicas)))
    return found


def newest_release(lives: Sequence[LifeHistory]) -> str | None:
    """Return the version of the life that started last, None where there is none."""
    if not lives:
        return None
    return max(lives, key=lambda life: (life.started_at, life.first_ts)).version
