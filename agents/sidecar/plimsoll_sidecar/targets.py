"""What to scrape: targets from the command line or a configuration file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Mapping, Optional
from urllib.parse import urlsplit

from plimsoll_agent.settings import parse_labels

from plimsoll_sidecar.load import LoadMapping

MAX_TARGETS = 200
_SERVER_KEYS: tuple[str, ...] = ("url", "token")
LOAD_KEYS = {
    "requests_metric": "requests",
    "errors_metric": "errors",
    "latency_metric": "latency",
    "p50_metric": "p50",
    "p99_metric": "p99",
}


class BadConfiguration(ValueError):
    """A target cannot be scraped as configured; the message says which and why."""


@dataclass(frozen=True)
class Target:
    """One process to scrape; ``url`` is its pprof folder, for Go ``http://host:port/debug/pprof``."""

    url: str
    service: str
    release: str = ""
    release_var: str = ""
    language: str = "go"
    pid: int = 0
    memory_limit_bytes: int = 0
    point_seconds: float = 10.0
    profile_seconds: float = 60.0
    profile_path: str = "heap"
    metrics_url: str = ""
    vars_url: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    load: LoadMapping = field(default_factory=LoadMapping)

    @property
    def base(self) -> str:
        """Scheme and authority of the target."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def port(self) -> int:
        """TCP port of the target."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def host(self) -> str:
        """Host name of the target."""
        return urlsplit(self.url).hostname or ""

    def check(self) -> "Target":
        """Return self; raise BadConfiguration if it cannot be scraped."""
        if not self.url.startswith(("http://", "https://")) or not self.host:
            raise BadConfiguration(f"target {self.url!r} must be an http:// or https:// address")
        if not self.service:
            raise BadConfiguration(f"target {self.url} needs a service name")
        if self.point_seconds <= 0 or self.profile_seconds <= 0:
            raise BadConfiguration(f"target {self.url}: intervals must be more than 0 seconds")
        try:
            self.load.check()
        except ValueError as problem:
            raise BadConfiguration(f"target {self.url}: {problem}") from problem
        return self


def target_from(table: Mapping[str, Any], defaults: Optional[Target] = None) -> Target:
    """Build a target from a table of names and values; unknown names are an error."""
    known = {spec.name: spec for spec in fields(Target)}
    values: dict[str, Any] = {}
    load = dict(defaults.load.__dict__) if defaults else {}
    for name, value in table.items():
        if name in LOAD_KEYS:
            load[LOAD_KEYS[name]] = str(value)
        elif name == "gauges":
            load["gauges"] = tuple((str(key), str(metric)) for key, metric in dict(value).items())
        elif name == "labels":
            values["labels"] = dict(value) if isinstance(value, Mapping) else parse_labels(str(value))
        elif name in known and name != "load":
            values[name] = _convert(name, value, known[name].default)
        else:
            raise BadConfiguration(f"unknown setting {name!r} of a target")
    values["load"] = LoadMapping(**load)
    base = defaults if defaults is not None else Target("", "")
    return replace(base, **values).check()


def _convert(name: str, value: Any, default: Any) -> Any:
    try:
        return type(default)(value) if isinstance(default, (int, float)) else str(value)
    except (TypeError, ValueError) as problem:
        raise BadConfiguration(f"{name}: {value!r} is not a number") from problem


def read_config(path: Path) -> tuple[list[Target], dict[str, str]]:
    """Targets (tables ``[[target]]``) and the top-level ``url`` and ``token`` of a TOML or JSON file."""
    try:
        table = _parse(path)
    except (OSError, ValueError) as problem:
        raise BadConfiguration(f"{path}: {problem}") from problem
    rows = table.get("target", [])
    if not isinstance(rows, list) or not rows or len(rows) > MAX_TARGETS:
        raise BadConfiguration(f"{path}: between 1 and {MAX_TARGETS} tables [[target]] are needed")
    server: dict[str, str] = {name: str(table[name]) for name in _SERVER_KEYS if name in table}
    return [target_from(row) for row in rows], server


def _parse(path: Path) -> dict[str, Any]:
    if path.suffix == ".json":
        table = json.loads(path.read_text(encoding="utf-8"))
    else:
        try:
            import tomllib  # noqa: PLC0415 - exists from Python 3.11 on; JSON needs no such thing
        except ModuleNotFoundError as problem:
            raise ValueError("TOML needs Python 3.11; give a .json file") from problem
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    if not isinstance(table, dict):
        raise ValueError("must be a table")
    return table
