"""The real Redis that the integration tests share, and a clean slate in the caches of this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import cache

from profiler_server.analysis.actions.deliver_commands import WAITING
from profiler_server.catalog.actions.observe_instance import forget_instances
from profiler_server.config import embedded
from profiler_server.ingest.rates import RATES
from profiler_server.ingest.tokens import GRANTS


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """Start the embedded Redis unless the environment names one; its address."""
    if settings.ENV.redis_url:
        yield settings.ENV.redis_url
        return
    process = embedded.start_redis(settings.ENV.data_dir)
    yield settings.REDIS_URL
    process.terminate()
    process.wait(10)


@pytest.fixture
def clean_caches(redis_server: str) -> Iterator[None]:
    """Forget what this process and Redis remember: rows of an earlier test are gone from the database."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    cache.clear()
    GRANTS.clear()
    RATES.clear()
    WAITING.forget()
    forget_instances()
