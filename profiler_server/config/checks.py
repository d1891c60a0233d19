"""Numbered system checks: `manage.py check` says what is slow or unsafe here, and what to do about it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004

from profiler_server.codecs.compiled import absent_modules


@register(Tags.security, deploy=True)
def production_needs_real_servers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report a production deployment that would run on the embedded servers."""
    problems: list[CheckMessage] = []
    if not settings.ENV.database_url:
        problems.append(
            Error("DATABASE_URL is not set.", hint="Name a PostgreSQL server.", id="plimsoll.E001")
        )
    if not settings.ENV.redis_url:
        problems.append(Error("REDIS_URL is not set.", hint="Name a Redis server.", id="plimsoll.E002"))
    return problems


@register()
def the_compiled_parser_serves(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report that profiles are decoded and stored by the slow twins of the compiled modules."""
    absent = absent_modules()
    if not absent:
        return []
    hint = "Install a C compiler and run `python -m profiler_server.codecs.build_fast`."
    slow = f"Not built: {', '.join(absent)}. Twins in Python serve; profiles are decoded many times slower."
    return [Warning(slow, hint=hint, id="plimsoll.W001")]
