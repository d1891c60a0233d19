"""The one reader of the environment: every setting with its name, type, default and meaning."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})


class InvalidEnvironment(Exception):
    """Some settings in the environment cannot be used; the message lists every one of them."""


def setting(name: str, default: Any, help_text: str, *, secret: bool = False) -> Any:
    """Declare a field that is read from the variable `name` (or, for secrets, from the file in `name_FILE`)."""
    return field(default=default, metadata={"name": name, "help": help_text, "secret": secret})


@dataclass(frozen=True)
class Env:
    """All settings of the server. The reference page of settings is generated from these fields."""

    data_dir: Path = setting(
        "PLIMSOLL_DATA_DIR", Path(".plimsoll"), "Folder of the embedded PostgreSQL, Redis and secrets."
    )
    database_url: str = setting(
        "DATABASE_URL",
        "",
        "PostgreSQL to use, as postgres://user:password@host:port/name. Empty: the embedded one.",
        secret=True,
    )
    redis_url: str = setting(
        "REDIS_URL",
        "",
        "Redis for the queue and the cache, as redis://host:port/0. Empty: the embedded one.",
        secret=True,
    )
    broker_url: str = setting(
        "CELERY_BROKER_URL",
        "",
        "Celery's broker when it is not REDIS_URL, for example amqp://… for RabbitMQ.",
        secret=True,
    )
    secret_key: str = setting(
        "SECRET_KEY",
        "",
        "Key that signs sessions. Empty: one is made and kept in the data folder.",
        secret=True,
    )
    debug: bool = setting("PLIMSOLL_DEBUG", False, "Show tracebacks in the browser. Never in production.")
    allowed_hosts: tuple[str, ...] = setting(
        "PLIMSOLL_ALLOWED_HOSTS",
        ("localhost", "127.0.0.1", "[::1]"),
        "Host names that the server answers to.",
    )
    base_url: str = setting(
        "PLIMSOLL_BASE_URL",
        "http://127.0.0.1:8000",
        "Public address of the server, used in links that leave it.",
    )
    bind: str = setting("PLIMSOLL_BIND", "127.0.0.1:8000", "Address and port that the web server listens on.")
    behind_tls: bool = setting(
        "PLIMSOLL_BEHIND_TLS", False, "A proxy terminates TLS: redirect to https, secure cookies, HSTS."
    )
    web_workers: int = setting("PLIMSOLL_WEB_WORKERS", 2, "Web worker processes.")
    web_threads: int = setting("PLIMSOLL_WEB_THREADS", 8, "Threads in each web worker.")
    task_workers: int = setting("PLIMSOLL_TASK_WORKERS", 2, "Celery worker processes.")
    smtp_host: str = setting(
        "PLIMSOLL_SMTP_HOST", "127.0.0.1", "Host of the SMTP server that sends the alerts."
    )
    smtp_port: int = setting("PLIMSOLL_SMTP_PORT", 25, "Port of the SMTP server.")
    smtp_user: str = setting("PLIMSOLL_SMTP_USER", "", "User name at the SMTP server.")
    smtp_password: str = setting("PLIMSOLL_SMTP_PASSWORD", "", "Password at the SMTP server.", secret=True)
    smtp_starttls: bool = setting("PLIMSOLL_SMTP_STARTTLS", False, "Speak STARTTLS to the SMTP server.")
    mail_from: str = setting("PLIMSOLL_MAIL_FROM", "plimsoll@localhost", "Sender of the alerts.")
    admin_email: str = setting(
        "PLIMSOLL_ADMIN_EMAIL",
        "admin@localhost",
        "Address of the first admin; alerts without a route go to admins.",
    )
    evaluation_interval_seconds: float = setting(
        "PLIMSOLL_EVALUATION_INTERVAL_SECONDS", 300.0, "How often each service is examined for leaks."
    )
    time_scale: float = setting(
        "PLIMSOLL_TIME_SCALE",
        1.0,
        "How many seconds of a service's life pass in one second; above 1 for demonstrations.",
    )
    max_profile_bytes: int = setting(
        "PLIMSOLL_MAX_PROFILE_BYTES", 16 << 20, "Largest profile body that is accepted, as sent."
    )
    max_unpacked_bytes: int = setting(
        "PLIMSOLL_MAX_UNPACKED_BYTES", 128 << 20, "Largest size that a compressed body may unpack to."
    )
    max_points_bytes: int = setting("PLIMSOLL_MAX_POINTS_BYTES", 4 << 20, "Largest body of points, as sent.")
    requests_per_minute: int = setting(
        "PLIMSOLL_REQUESTS_PER_MINUTE", 60_000, "Requests that one token may send in a minute."
    )
    retention_days: int = setting(
        "PLIMSOLL_RETENTION_DAYS", 30, "Days that profiles and raw points are kept."
    )
    rollup_retention_days: int = setting(
        "PLIMSOLL_ROLLUP_RETENTION_DAYS", 400, "Days that roll-ups and downsampled points are kept."
    )

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Env:
        """Read every setting from `variables` (default: the process's); raise one error that lists all problems."""
        source = os.environ if variables is None else variables
        values: dict[str, Any] = {}
        problems: list[str] = []
        for declared in dataclasses.fields(cls):
            try:
                raw = _raw_value(source, declared.metadata["name"], secret=declared.metadata["secret"])
                if raw is not None:
                    values[declared.name] = _PARSERS[type(declared.default)](raw)
            except (ValueError, OSError) as error:
                problems.append(f"{declared.metadata['name']}: {error}")
        if problems:
            raise InvalidEnvironment("These settings cannot be used:\n  " + "\n  ".join(problems))
        return cls(**values)


def _raw_value(source: Mapping[str, str], name: str, *, secret: bool) -> str | None:
    if secret and source.get(f"{name}_FILE"):
        return Path(source[f"{name}_FILE"]).read_text().strip()
    return source.get(name)


def _parse_bool(raw: str) -> bool:
    word = raw.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError(f"{raw!r} is not yes or no")


def _parse_list(raw: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in raw.split(",") if part.strip())


_PARSERS: dict[type, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _parse_bool,
    tuple: _parse_list,
}
_PARSERS[type(Path())] = Path
