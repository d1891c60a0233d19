"""Who holds what grows: a slope per call site with the sampler's own noise, accused with false discovery controlled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control, norm

from profiler_server.core.leak.config import DEFAULT_CONFIG, DetectorConfig
from profiler_server.core.leak.frames import guilty_index, same_type
from profiler_server.core.leak.model import Member, SiteShare, Suspect
from profiler_server.core.leak.window import HOUR, FloatArray, ServiceWindow, SiteTable
from profiler_server.core.profile import Frame

MIN_SNAPSHOTS = 2
MIN_CONFIRMING = 9
LATE_SITE_SHARE = 0.6
KEPT_SHARE = 0.85
MAX_SUSPECTS = 10
MAX_PATH = 24
MAX_MEMBERS = 6
KIN_Z = 2.0
SPOKESMAN_SHARE = 0.5
MIN_SHARE = 0.01
START_SHARE = 0.1


@dataclass(frozen=True)
class Attribution:
    """Suspects, the guiltiest first, and how much of the growth they explain together (None without profiles)."""

    suspects: tuple[Suspect, ...]
    share: SiteShare | None


@dataclass(frozen=True)
class SiteSlopes:
    """Growth of every stack of one process life: bytes per hour and its standard error, f64[n_stacks]."""

    table: SiteTable
    slope: FloatArray
    error: FloatArray


def site_slopes(table: SiteTable, time_scale: float) -> SiteSlopes | None:
    """Fit every stack's in-use bytes by a line in time; None with fewer than MIN_SNAPSHOTS snapshots.

    A profiler that samples every R bytes sees V in-use bytes with variance about R·V (a compound Poisson), so the
    error of a slope is known before any residual is seen; over-dispersion, where residuals are larger than that,
    widens it (quasi-Poisson).
    """
    age = table.ts - table.started_at
    keep = age >= START_SHARE * (age[-1] if len(age) else 0.0)
    if keep.sum() < MIN_SNAPSHOTS:
        keep[:] = True
    ts, values = table.ts[keep], table.inuse_bytes[:, keep]
    if len(ts) < MIN_SNAPSHOTS:
        return None
    hours = (ts - ts.mean()) * time_scale / HOUR
    spread = float(hours @ hours)
    if spread <= 0:
        return None
    slope = values @ hours / spread
    mean = values.mean(axis=1)
    residual = values - mean[:, None] - slope[:, None] * hours
    grain = max(table.sampling_interval_bytes, 64.0)
    expected = grain * (mean + grain)
    freedom = max(len(ts) - 2, 1)
    # Few snapshots say little about dispersion: shrink it towards that of all sites together.
    own = (residual**2).sum(axis=1) / expected
    dispersion = np.maximum((own + 4.0) / (freedom + 4.0), 1.0)
    return SiteSlopes(table, slope, np.sqrt(dispersion * expected / spread))


def attribute(
    window: ServiceWindow,
    growth_per_hour: float,
    instances: Sequence[tuple[str, float]],
    config: DetectorConfig = DEFAULT_CONFIG,
) -> Attribution:
    """Return the suspects for growth of `growth_per_hour` (detector's clock) in the process lives `instances`."""
    wanted = {(name, round(start)) for name, start in instances}
    tables = [t for t in window.sites if (t.instance, round(t.started_at)) in wanted] or list(window.sites)
    fitted = [s for s in (site_slopes(t, window.time_scale) for t in tables) if s is not None]
    if not fitted:
        return Attribution((), None)
    slopes, errors, flats, lives = _pool(fitted)
    stacks = list(slopes)
    z = np.array([slopes[s] / np.sqrt(errors[s]) for s in stacks])
    accused = false_discovery_control(np.clip(norm.sf(z), 1e-300, 1.0)) <= config.site_false_discovery_rate
    guilty = {s for s, a in zip(stacks, accused, strict=True) if a and slopes[s] > 0}
    explained = sum(slopes[s] for s in guilty) / lives
    likely = {s for s, score in zip(stacks, z, strict=True) if score >= KIN_Z}
    suspects = _rank(guilty | _kin(likely, guilty, window.language), slopes, flats, lives, window)
    share = SiteShare(
        explained=float(explained / growth_per_hour) if growth_per_hour > 0 else 0.0,
        growing=len(guilty),
        tested=len(stacks),
        false_discovery_rate=config.site_false_discovery_rate,
    )
    return Attribution(suspects, share)


def sites_confirm(
    window: ServiceWindow,
    growth_per_hour: float,
    instances: Sequence[tuple[str, float]],
    config: DetectorConfig = DEFAULT_CONFIG,
) -> bool:
    """Whether call sites alone tell that `growth_per_hour` (detector's clock) is a leak.

    The accused sites must explain `config.site_share_confirms` of the growth, climb in the last part of the snapshots
    as they did before, and give nothing back.
    """
    wanted = {(name, round(start)) for name, start in instances}
    tables = [
        t for t in window.sites if (t.instance, round(t.started_at)) in wanted and len(t.ts) >= MIN_CONFIRMING
    ]
    explained = 0.0
    for table in tables:
        fitted = site_slopes(table, window.time_scale)
        if fitted is None:
            return False
        p = norm.sf(fitted.slope / fitted.error)
        accused = (false_discovery_control(np.clip(p, 1e-300, 1.0)) <= config.site_false_discovery_rate) & (
            p < 1e-4
        )
        total = table.inuse_bytes[accused].sum(axis=0)
        k = len(total) // 3
        first, middle, last = (float(np.median(part)) for part in (total[:k], total[k : 2 * k], total[-k:]))
        steady = last - middle >= LATE_SITE_SHARE * (last - first) / 2
        if not steady or float(total[-1]) < KEPT_SHARE * float(total.max()):
            return False
        explained += float(fitted.slope[accused].sum())
    return bool(tables) and explained / len(tables) >= config.site_share_confirms * growth_per_hour


Stack = tuple[Frame, ...]
Place = tuple[str, str]


def _pool(
    fitted: Sequence[SiteSlopes],
) -> tuple[dict[Stack, float], dict[Stack, float], dict[Stack, float], int]:
    """Add slopes, variances and last values of equal stacks over process lives."""
    slopes: dict[Stack, float] = defaultdict(float)
    variances: dict[Stack, float] = defaultdict(float)
    flats: dict[Stack, float] = defaultdict(float)
    for s in fitted:
        for i, stack in enumerate(s.table.stacks):
            slopes[stack] += float(s.slope[i])
            variances[stack] += float(s.error[i]) ** 2
            flats[stack] += float(s.table.inuse_bytes[i, -1])
    return slopes, variances, flats, len(fitted)


def _kin(likely: set[Stack], guilty: set[Stack], language: str) -> set[Stack]:
    """Return the `likely` stacks whose place is of one type with a guilty one: it takes less to believe them."""
    places = {_place(stack, language) for stack in guilty if stack}
    return {
        s for s in likely - guilty if s and any(same_type(_place(s, language), place) for place in places)
    }


def _place(stack: Stack, language: str) -> Place:
    frame = stack[guilty_index(stack, language)]
    return frame.function, frame.file


def _rank(
    guilty: set[Stack],
    slopes: dict[Stack, float],
    flats: dict[Stack, float],
    lives: int,
    window: ServiceWindow,
) -> tuple[Suspect, ...]:
    """Group stacks by the frame to fix and rank the groups by growth."""
    grouped: dict[Place, list[Stack]] = defaultdict(list)
    for stack in guilty:
        if stack:
            grouped[_place(stack, window.language)].append(stack)
    total = sum(max(slopes[s], 0.0) for s in guilty) or 1.0
    found = []
    for places in _merge_stems(grouped, slopes, window.language):
        stacks = [stack for place in places for stack in grouped[place]]
        best = _spokesman([grouped[place] for place in places], slopes)
        at = guilty_index(best, window.language)
        growth = sum(slopes[s] for s in stacks)
        found.append(
            Suspect(
                function=best[at].function,
                file=best[at].file,
                line=best[at].line,
                path=tuple(f.function for f in best[at + 1 : at + 1 + MAX_PATH]),
                below=tuple(f.function for f in best[:at]),
                growth_bytes_per_hour=growth / lives * window.time_scale,
                share=growth / total,
                flat_bytes=sum(flats[s] for s in stacks) / lives,
                members=_members([grouped[place] for place in places], slopes, total, window.language),
            )
        )
    found.sort(key=lambda s: -s.growth_bytes_per_hour)
    return tuple(s for s in found[:MAX_SUSPECTS] if s.share >= MIN_SHARE)


def _spokesman(places: Sequence[Sequence[Stack]], slopes: dict[Stack, float]) -> Stack:
    """Return the stack that tells a group's story best: of the places that grow much, the one with most callers.

    A goroutine's own stack ends where it was started, so it grows without saying for whom.
    """
    growth = [sum(slopes[s] for s in stacks) for stacks in places]
    best = [
        max(stacks, key=lambda s: slopes[s])
        for stacks, grown in zip(places, growth, strict=True)
        if grown >= SPOKESMAN_SHARE * max(growth)
    ]
    return max(best, key=len)


def _members(
    places: Sequence[Sequence[Stack]], slopes: dict[Stack, float], total: float, language: str
) -> tuple[Member, ...]:
    """Return each place with its own share of `total`, none where there is one place only."""
    if len(places) < 2:
        return ()
    members = []
    for stacks in places[:MAX_MEMBERS]:
        best = max(stacks, key=lambda s: slopes[s])
        frame = best[guilty_index(best, language)]
        members.append(Member(frame.function, frame.file, frame.line, sum(slopes[s] for s in stacks) / total))
    return tuple(members)


def _merge_stems(
    grouped: dict[Place, list[Stack]], slopes: dict[Stack, float], language: str
) -> list[list[Place]]:
    """Join places that tell one story: one package's that call each other, one type's methods in one file.

    `a.(*task).run` under `a.(*task).Run` is the same story as `a.(*task).Run` by itself; so is `a.(*task).run` that
    was started as a goroutine, where the stack no longer says by whom. The place that grows most comes first.
    """
    order = sorted(grouped, key=lambda key: -sum(slopes[s] for s in grouped[key]))
    taken: set[Place] = set()
    merged = []
    for key in order:
        if key in taken:
            continue
        taken.add(key)
        places = [key]
        above = {(f.function, f.file) for s in grouped[key] for f in s}
        for other in order:
            if other in taken:
                continue
            call_each_other = other in above or any(
                (f.function, f.file) == key for s in grouped[other] for f in s
            )
            if same_type(key, other) or (call_each_other and _one_package(key, other, language)):
                taken.add(other)
                places.append(other)
        merged.append(places)
    return merged


def _one_package(one: Place, other: Place, language: str) -> bool:
    """Whether two places are of one package: a folder of Go, a file elsewhere."""
    if language != "go":
        return one[1] == other[1] and bool(one[1].rsplit("/", 1)[0])
    folder = one[1].rsplit("/", 1)[0]
    return bool(folder) and other[1].rsplit("/", 1)[0] == folder
