"""The agent's settings: arguments of ``start()`` first, then ``PLIMSOLL_*`` variables, then defaults."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional

PREFIX = "PLIMSOLL_"
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})


class Settings(NamedTuple):
    """Everything that can be set; each field is the variable ``PLIMSOLL_<NAME>`` and has a row in ABOUT.

    A NamedTuple, not a dataclass: importing dataclasses brings inspect and ast along, into every service.
    """

    service: str = ""
    url: str = ""
    token: str = ""
    enabled: bool = True
    point_seconds: float = 10.0
    profile_seconds: float = 60.0
    mode: str = "on_growth"
    sampler: str = "auto"
    fallback: str = "tracemalloc"
    frames: int = 16
    sample_bytes: int = 512 * 1024
    arm_seconds: float = 300.0
    rest_seconds: float = 3300.0
    growth_points: int = 60
    release: str = ""
    instance: str = ""
    memory_limit_bytes: int = 0
    labels: str = ""
    holders: bool = False
    redact: bool = False
    spool_dir: str = ""
    spool_bytes: int = 4 << 20
    ca_file: str = ""
    instrument: bool = True


class About(NamedTuple):
    """What a setting means and what it may be: a range of numbers, or one of some words."""

    help: str
    low: float = 0.0
    high: float = 0.0
    words: tuple[str, ...] = ()


ABOUT: Mapping[str, About] = {
    "service": About("Name of the service. Required."),
    "url": About("Address of the Plimsoll server, http:// or https://. Required."),
    "token": About("Project token."),
    "enabled": About("0 turns the agent off without touching code."),
    "point_seconds": About("Seconds between two points.", 0.1, 600.0),
    "profile_seconds": About("Seconds between two heap profiles.", 1.0, 86400.0),
    "mode": About(
        "`always`: sample allocations all the time; `on_growth`: only while memory grows.",
        words=("always", "on_growth"),
    ),
    "sampler": About(
        "`auto` (native, else the fallback), `native`, `tracemalloc` or `rss` (no call sites).",
        words=("auto", "native", "tracemalloc", "rss"),
    ),
    "fallback": About(
        "What `auto` falls back to where the native sampler is absent.", words=("tracemalloc", "rss")
    ),
    "frames": About("Frames kept per call stack by tracemalloc.", 1, 64),
    "sample_bytes": About("Mean bytes between two samples of the native sampler.", 4096, 1 << 30),
    "arm_seconds": About("How long `on_growth` samples once memory grows.", 1.0, 3600.0),
    "rest_seconds": About("How long `on_growth` rests before it may sample again.", 0.0, 86400.0),
    "growth_points": About("Points over which `on_growth` looks for growth.", 12, 1000),
    "release": About("Release of the service; default: git or the installed package's version."),
    "instance": About("Host part of the instance key; default: the host's name."),
    "memory_limit_bytes": About(
        "Limit at which the process is killed; default: its control group's.", 0, 1 << 50
    ),
    "labels": About("Extra labels, `key=value,key=value`."),
    "holders": About("Allow the server to ask who holds growing objects."),
    "redact": About("Replace attribute and variable names in holder paths by `*`."),
    "spool_dir": About("Folder for what could not be sent; default: memory only."),
    "spool_bytes": About("Bound of the spool, in memory and on disk each.", 0, 1 << 30),
    "ca_file": About("PEM file of the authority that signed the server's certificate."),
    "instrument": About("Count load in known frameworks under `plimsoll-run`."),
}


def read_settings(arguments: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Return the settings and a list of problems; a bad value falls back to its default.

    ``arguments`` holds what the caller of ``start()`` gave; a value of None counts as not given.
    """
    values: dict[str, Any] = {}
    problems = [f"{name} is not a setting" for name in arguments if name not in ABOUT]
    defaults = Settings()._asdict()
    for name, about in ABOUT.items():
        raw = arguments.get(name)
        if raw is None:
            raw = environment.get(PREFIX + name.upper())
        if raw is None:
            continue
        value, problem = _parse(PREFIX + name.upper(), defaults[name], raw, about)
        if problem is None:
            values[name] = value
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


def _parse(variable: str, default: Any, raw: Any, about: About) -> tuple[Any, Optional[str]]:
    """The value in the type of its default, or a sentence on what is wrong with it."""
    if isinstance(default, bool):
        return _parse_bool(variable, raw)
    if isinstance(default, str):
        text = ",".join(f"{k}={v}" for k, v in raw.items()) if isinstance(raw, Mapping) else str(raw)
        text = text.strip()
        if about.words and text not in about.words:
            return None, f"{variable} must be one of {', '.join(about.words)}"
        return text, None
    try:
        number = type(default)(raw)
    except (TypeError, ValueError, OverflowError):
        return None, f"{variable} must be a number"
    if not about.low <= number <= about.high:
        return None, f"{variable} must be between {about.low:g} and {about.high:g}"
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
    defaults = Settings()._asdict()
    shown = {name: "" if default == "" else str(default) for name, default in defaults.items()}
    return [(PREFIX + name.upper(), shown[name], about.help) for name, about in ABOUT.items()]
