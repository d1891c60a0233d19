"""Django's registration of this room."""

from django.apps import AppConfig


class ApiApp(AppConfig):
    """See the package's docstring."""

    name = "profiler_server.api"
    label = "api"
