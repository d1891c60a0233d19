"""Which process lives could leak together: all, those since a release, one replica, one wave of restarts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler_server.core.leak.history import LifeHistory
from profiler_server.core.leak.segments import ChannelData

MAX_RELEASE_GROUPS = 4
MAX_REPLICA_GROUPS = 8


@dataclass(frozen=True)
class Group:
    """Segments that would share a leak; `kind` is all, release or replica; `prior` is its share of the belief."""

    kind: str
    name: str
    members: tuple[int, ...]
    prior: float
    since: float | None = None


def release_order(lives: Sequence[LifeHistory]) -> list[tuple[str, float]]:
    """Return (version, when it was first seen running) of every version, in that order."""
    first: dict[str, float] = {}
    for life in lives:
        if life.version is not None:
            first[life.version] = min(
                first.get(life.version, float("inf")), max(life.started_at, life.first_ts)
            )
    return sorted(first.items(), key=lambda item: item[1])


def groups_of(data: ChannelData, lives: Sequence[LifeHistory]) -> list[Group]:
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
            found.append(Group("release", version, members, 0.25 / len(later), since=start))
    replicas = sorted({lives[s.life].instance for s in segments})
    if 1 < len(replicas) <= MAX_REPLICA_GROUPS:
        for name in replicas:
            members = tuple(i for i in everything if lives[segments[i].life].instance == name)
            if members not in seen:
                seen.add(members)
                found.append(Group("replica", name, members, 0.1 / len(replicas)))
    return found


def guilty_release(group: Group, lives: Sequence[LifeHistory]) -> str | None:
    """Return the first release that grows, None where no release without growth was seen before it."""
    releases = release_order(lives)
    if len(releases) < 2:
        return None
    if group.kind == "release":
        return group.name
    return None


def newest_release(lives: Sequence[LifeHistory]) -> str | None:
    """Return the version of the life that started last, None where there is none."""
    if not lives:
        return None
    return max(lives, key=lambda life: (life.started_at, life.first_ts)).version
