"""The product's settings with the addresses of `_bare_urls`."""

from profiler_server.config.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks._bare_urls"
LOGGING["root"]["level"] = "WARNING"  # noqa: F405
