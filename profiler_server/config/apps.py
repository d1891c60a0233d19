"""The app that holds the server's own commands and system checks."""

from django.apps import AppConfig


class ConfigApp(AppConfig):
    """The composition root."""

    name = "profiler_server.config"
    label = "config"

    def ready(self) -> None:
        """Load the Celery application and register the system checks."""
        from profiler_server.config import celery, checks  # noqa: F401, PLC0415  Django is ready only now
