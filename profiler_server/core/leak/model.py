"""The words of a verdict: what leak detection says, why, and what it carries from run to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from profiler_server.core.leak.history import LifeHistory, life_key
from profiler_server.core.leak.window import (
    DAY,
    HOUR,
    FloatArray,
    InstanceSeries,
    Marker,
    ServiceWindow,
    SiteTable,
)

__all__ = [
    "DAY",
    "HOUR",
    "Alternative",
    "Diagnosis",
    "Evaluation",
    "Evidence",
    "FloatArray",
    "FloorLine",
    "InstanceSeries",
    "LeakState",
    "LifeHistory",
    "LoadCurve",
    "LookedAt",
    "Marker",
    "Member",
    "ServiceWindow",
    "SiteShare",
    "SiteTable",
    "Slope",
    "Suspect",
    "Verdict",
]

Verdict = Literal["leak", "healthy", "insufficient_data"]
Diagnosis = Literal[
    "heap_leak",
    "native_leak",
    "resource_leak",
    "fragmentation",
    "runtime_retention",
    "warm_up",
    "load_following",
    "step",
    "high_water",
    "spikes",
    "none",
]
OLDER_ALTERNATIVES = {"nothing but load": "load", "a warm-up that will level off": "warm_up"}
"""What alternatives were called when they were stored in words."""
STATE_FORMAT = 2
OLDER_FORMATS = (1,)
"""Formats whose blocks are of another make: their findings go on, their points are read again."""


@dataclass(frozen=True)
class Member:
    """One of the places that tell a suspect's story together, with its own share of the growth."""

    function: str
    file: str
    line: int
    share: float


@dataclass(frozen=True)
class Suspect:
    """A place in the code that a person would fix, and how much of the growth passes through it.

    `path` are its callers, nearest first; `below` the runtime frames it called, leaf first; `flat_bytes` what is in use
    through it at the end of the window. Where several places tell one story, it is the one that grows most and
    `members` are all of them, itself first; a place by itself has none.
    """

    function: str
    file: str
    line: int
    path: tuple[str, ...]
    below: tuple[str, ...]
    growth_bytes_per_hour: float
    share: float
    flat_bytes: float
    members: tuple[Member, ...] = ()

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Suspect:
        """Rebuild a suspect from its plain JSON values."""
        members = tuple(Member(**member) for member in stored.get("members", ()))
        return cls(
            **{**stored, "path": tuple(stored["path"]), "below": tuple(stored["below"]), "members": members}
        )


@dataclass(frozen=True)
class Slope:
    """Growth with its interval (bytes, or units, per hour of the window's clock), all other terms held still."""

    per_hour: float
    low: float
    high: float
    standard_error: float


@dataclass(frozen=True)
class Alternative:
    """An innocent explanation, and how it stands against steady growth.

    `name` is "load" (nothing but load) or "warm_up" (it will level off); `margin` the log Bayes factor of growth
    against it: above nought it is rejected. A warm-up levels off over `settles_hours` as the clock on the wall goes,
    counted in `settles_by` ("hours", or "requests" at the usual load).
    """

    name: str
    rejected: bool
    margin: float
    settles_hours: float | None = None
    settles_by: str = ""

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Alternative:
        """Rebuild one; what an older version wrote in words is left out."""
        name = str(stored["name"])
        known = ("rejected", "margin", "settles_hours", "settles_by")
        return cls(OLDER_ALTERNATIVES.get(name, name), **{key: stored[key] for key in known if key in stored})


@dataclass(frozen=True)
class LookedAt:
    """Another signal that was judged beside the one a verdict rests on; `held_by` is the gate that holds it back."""

    signal: str
    log_odds: float
    held_by: str | None


@dataclass(frozen=True)
class LoadCurve:
    """The floor as a function of the load as fitted: both f64[k] as lists, and the lag that fitted best."""

    load_per_second: tuple[float, ...]
    floor_bytes: tuple[float, ...]
    lag_seconds: float
    correlation: float


@dataclass(frozen=True)
class FloorLine:
    """The floor that was tested: one (ts, value, fitted) point per block of one process life."""

    instance: str
    started_at: float
    version: str | None
    ts: tuple[float, ...]
    value: tuple[float, ...]
    fitted: tuple[float, ...]


@dataclass(frozen=True)
class SiteShare:
    """How much of the floor's growth the growing call sites explain, and how many sites were tested."""

    explained: float
    growing: int
    tested: int
    false_discovery_rate: float


@dataclass(frozen=True)
class Evidence:
    """Why the verdict is what it is, in names and numbers; stored with the finding, put into words where it is shown.

    `waterfall` are the newest bytes of every part of the memory of the process seen last, `waterfall_before` the same
    where its history begins. `held_by` is the gate that holds the verdict back (None: it stands), `others` what else
    was judged.
    """

    signal: str
    floor: tuple[FloorLine, ...]
    slope: Slope | None
    load: LoadCurve | None
    alternatives: tuple[Alternative, ...]
    sites: SiteShare | None
    log_evidence: float
    log_threshold: float
    replicas_growing: int
    replicas: int
    lives: int
    latency_correlation: float | None
    waterfall: dict[str, float]
    undecided_until: float | None
    held_by: str | None = None
    others: tuple[LookedAt, ...] = ()
    waterfall_before: dict[str, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Evidence:
        """Rebuild what `dataclasses.asdict` wrote, with lists for tuples."""
        plain = dict(stored)
        plain["floor"] = tuple(
            FloorLine(**{**line, **{k: tuple(line[k]) for k in ("ts", "value", "fitted")}})
            for line in stored["floor"]
        )
        plain.pop("notes", None)  # sentences, which an older version wrote
        plain["alternatives"] = tuple(Alternative.from_json(other) for other in stored["alternatives"])
        plain["others"] = tuple(LookedAt(**other) for other in stored.get("others") or ())
        for name, kind in (("slope", Slope), ("sites", SiteShare)):
            plain[name] = None if stored[name] is None else kind(**stored[name])
        load = stored["load"]
        curves = ("load_per_second", "floor_bytes")
        plain["load"] = None if load is None else LoadCurve(**{**load, **{k: tuple(load[k]) for k in curves}})
        return cls(**plain)


@dataclass
class LeakState:
    """What one evaluation hands to the next; JSON by `to_json`, back by `from_json`.

    While a finding is open `channel` and `rate` (units per hour of the detector's clock) are what it rests on,
    `version` is the newest release that grew when it was raised and `calm` counts evaluations in a row that saw no
    growth any more; processes that were over by `ignore_before` belong to a leak that has ended.
    `log_e` is the log e-value with which a leak is claimed, or was when the open finding was made (None: no claim).
    `lives` are the histories in blocks, by instance and start; `last` is the last full evaluation without its state,
    `odds` the log odds of every channel that it judged (None: nothing has been judged yet).
    """

    evaluated_at: float | None = None
    suspected_at: float | None = None
    detected_at: float | None = None
    diagnosis: str | None = None
    version: str | None = None
    channel: str | None = None
    rate: float = 0.0
    calm: int = 0
    ignore_before: float | None = None
    log_e: float | None = None
    lives: dict[str, LifeHistory] = field(default_factory=dict)
    odds: dict[str, float] | None = None
    last: Evaluation | None = None

    @property
    def wants_sites(self) -> bool:
        """Whether the next evaluation would use call sites: something is growing and needs a name."""
        return self.suspected_at is not None or self.detected_at is not None

    def read_from(self, instance: str, started_at: float) -> float | None:
        """Return the ts (seconds) after which points of a process life are still needed; None: all of its points."""
        return max((life.read_until for life in self._parts(instance, started_at)), default=None)

    def has_read(self, instance: str, started_at: float, last_ts: float) -> bool:
        """Return whether all blocks of a process life whose last point was at `last_ts` (seconds) were complete."""
        parts = self._parts(instance, started_at)
        if not parts or self.evaluated_at is None:
            return False
        return self.evaluated_at - last_ts >= max(life.block_seconds for life in parts)

    def _parts(self, instance: str, started_at: float) -> list[LifeHistory]:
        """Return the histories of one process: one, or one for each release that was switched on inside it."""
        key = life_key(instance, started_at)
        return [life for name, life in self.lives.items() if name == key or name.startswith(f"{key}#")]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values only."""
        return {
            "format": STATE_FORMAT,
            "evaluated_at": self.evaluated_at,
            "suspected_at": self.suspected_at,
            "detected_at": self.detected_at,
            "diagnosis": self.diagnosis,
            "version": self.version,
            "channel": self.channel,
            "rate": self.rate,
            "calm": self.calm,
            "ignore_before": self.ignore_before,
            "log_e": self.log_e,
            "lives": {key: life.to_json() for key, life in self.lives.items()},
            "odds": self.odds,
            "last": None if self.last is None else self.last.to_json(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> LeakState:
        """Rebuild a state; nothing stored, or an unknown format, gives a fresh one, an older one its finding."""
        if not stored or stored.get("format") not in (STATE_FORMAT, *OLDER_FORMATS):
            return cls()
        known = stored["lives"] if stored["format"] == STATE_FORMAT else {}
        return cls(
            evaluated_at=stored["evaluated_at"],
            suspected_at=stored["suspected_at"],
            detected_at=stored["detected_at"],
            diagnosis=stored["diagnosis"],
            version=stored["version"],
            channel=stored["channel"],
            rate=stored["rate"],
            calm=stored["calm"],
            ignore_before=stored["ignore_before"],
            log_e=stored.get("log_e"),
            lives={key: LifeHistory.from_json(life) for key, life in known.items()},
            odds=stored.get("odds"),
            last=None if stored["last"] is None else Evaluation.from_json(stored["last"]),
        )


@dataclass(frozen=True)
class Evaluation:
    """One verdict. Times are unix seconds, growth is bytes (or units) per hour of one process.

    `detected_at` is when the open finding was first made (None: nothing is open); `resolved_at` and
    `cured_by_version` are set once when an open finding's growth has ended. `forecast` is (p10, p50, p90) of reaching
    the limit, made at `forecast_at`; None without a limit or when it lies beyond the forecast's horizon.
    """

    verdict: Verdict
    diagnosis: Diagnosis
    detected_at: float | None
    started_at: float | None
    growth_bytes_per_hour: float | None
    growth_low: float | None
    growth_high: float | None
    bytes_per_request: float | None
    forecast: tuple[float, float, float] | None
    forecast_at: float | None
    version: str | None
    cured_by_version: str | None
    resolved_at: float | None
    suspects: tuple[Suspect, ...]
    evidence: Evidence | None
    sentence: str
    state: LeakState

    def evidence_json(self) -> dict[str, Any] | None:
        """Return the evidence as plain JSON values."""
        return None if self.evidence is None else asdict(self.evidence)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the state as plain JSON values."""
        return asdict(replace(self, state=LeakState()))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Evaluation:
        """Rebuild what `to_json` wrote, with an empty state."""
        plain = dict(stored)
        plain["state"] = LeakState()
        plain["suspects"] = tuple(Suspect.from_json(suspect) for suspect in stored["suspects"])
        plain["forecast"] = None if stored["forecast"] is None else tuple(stored["forecast"])
        plain["evidence"] = None if stored["evidence"] is None else Evidence.from_json(stored["evidence"])
        return cls(**plain)
