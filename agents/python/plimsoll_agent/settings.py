"""The agent's settings: arguments of ``start()`` first, then ``PLIMSOLL_*`` variables, then defaults."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Mapping, Optional

PREFIX = "PLIMSOLL_"
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})


def _setting(default: Any, text: str, **limits: Any) -> Any:
    return field(default=default, metadata={"help": text, **limits})


@dataclass(frozen=True)
class Settings:
    """Everything that can be set; each field is the variable ``PLIMSOLL_<NAME>``."""

    service: str = _setting("", "Name of the service. Required.")
    url: str = _setting("", "Address of the Plimsoll server, http:// or https://. Required.")
    token: str = _setting("", "Project token.", secret=True)
    enabled: bool = _setting(True, "0 turns the agent off without touching code.")
    point_seconds: float = _setting(10.0, "Seconds between two points.", low=0.1, high=600.0)
    profile_seconds: float = _setting(60.0, "Seconds between two heap profiles.", low=1.0, high=86400.0)
    mode: str = _setting(
        "on_growth",
        "`always`: sample allocations all the time; `on_growth`: only while memory grows.",
        words=("always", "on_growth"),
    )
    sampler: str = _setting(
        "auto",
        "`auto` (native, else the fallback), `native`, `tracemalloc` or `rss` (no call sites).",
        words=("auto", "native", "tracemalloc", "rss"),
    )
    fallback: str = _setting(
        "tracemalloc",
        "What `auto` falls back to where the native sampler is absent.",
        words=("tracemalloc", "rss"),
    )
    frames: int = _setting(16, "Frames kept per call stack by tracemalloc.", low=1, high=64)
    sample_bytes: int = _setting(
        512 * 1024, "Mean bytes between two samples of the native sampler.", low=4096, high=1 << 30
    )
    arm_seconds: float = _setting(
        300.0, "How long `on_growth` samples once memory grows.", low=1.0, high=3600.0
    )
    rest_seconds: float = _setting(
        3300.0, "How long `on_growth` rests before it may sample again.", low=0.0, high=86400.0
    )
    growth_points: int = _setting(60, "Points over which `on_growth` looks for growth.", low=12, high=1000)
    release: str = _setting("", "Release of the service; default: git or the installed package's version.")
    instance: str = _setting("", "Host part of the instance key; default: the host's name.")
    memory_limit_bytes: int = _setting(
        0, "Limit at which the process is killed; default: its control group's.", low=0, high=1 << 50
    )
    labels: str = _setting("", "Extra labels, `key=value,key=value`.")
    holders: bool = _setting(False, "Allow the server to ask who holds growing objects.")
    redact: bool = _setting(False, "Replace attribute and variable names in holder paths by `*`.")
    spool_dir: str = _setting("", "Folder for what could not be sent; default: memory only.")
    spool_bytes: int = _setting(
        4 << 20, "Bound of the spool, in memory and on disk each.", low=0, high=1 << 30
    )
    ca_file: str = _setting("", "PEM file of the authority that signed the server's certificate.")
    instrument: bool = _setting(True, "Count load in known frameworks under `plimsoll-run`.")


def read_settings(arguments: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Return the settings and a list of problems; a bad value falls back to its default.

    ``arguments`` holds what the caller of ``start()`` gave; a value of None counts as not given.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for spec in fields(Settings):
        raw = arguments.get(spec.name)
        if raw is None:
            raw = environment.get(PREFIX + spec.name.upper())
        if raw is None:
            continue
        value, problem = _parse(spec.name, spec.default, raw, spec.metadata)
        if problem is None:
            values[spec.name] = value
        else:
            problems.append(problem)
    settings = Settings(**values)
    missing = [name for name in ("service", "url") if not getattr(settings, name)]
    problems += [f"{PREFIX}{name.upper()} is not set" for name in missing]
    if settings.url and not settings.url.startswith(("http://", "https://")):
        problems.append(f"{PREFIX}URL must begin with http:// or https://")
    return settings, problems


def is_usable(settings: Settings) -> bool:
    """True if there is a service to speak of and a server to speak to."""
    return bool(settings.service) and settings.url.startswith(("http://", "https://"))


def _parse(name: str, default: Any, raw: Any, metadata: Mapping[str, Any]) -> tuple[Any, Optional[str]]:
    variable = PREFIX + name.upper()
    if isinstance(default, bool):
        return _parse_bool(variable, raw)
    if isinstance(default, str):
        words = metadata.get("words")
        text = ",".join(f"{k}={v}" for k, v in raw.items()) if isinstance(raw, Mapping) else str(raw)
        text = text.strip()
        if words and text not in words:
            return None, f"{variable} must be one of {', '.join(words)}"
        return text, None
    try:
        number = type(default)(raw)
    except (TypeError, ValueError, OverflowError):
        return None, f"{variable} must be a number"
    if not metadata["low"] <= number <= metadata["high"]:
        return None, f"{variable} must be between {metadata['low']:g} and {metadata['high']:g}"
    return number, None


def _parse_bool(variable: str, raw: Any) -> tuple[Optional[bool], Optional[str]]:
    if isinstance(raw, bool):
        return raw, None
    word = str(raw).strip().lower()
    if word in TRUE_WORDS:
        return True, None
    if word in FALSE_WORDS:
        return False, None
    return None, f"{variable} must be 1 or 0"


def parse_labels(text: str) -> dict[str, str]:
    """Parse ``key=value,key=value``; pieces without ``=`` are left out."""
    pairs = (piece.partition("=") for piece in text.split(","))
    return {key.strip(): value.strip() for key, sign, value in pairs if sign and key.strip()}


def describe() -> list[tuple[str, str, str]]:
    """Rows (variable, default, help) of the reference table."""
    rows = []
    for spec in fields(Settings):
        default = "" if spec.default is MISSING or spec.default == "" else str(spec.default)
        rows.append((PREFIX + spec.name.upper(), default, spec.metadata["help"]))
    return rows
