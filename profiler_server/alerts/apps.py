"""Django's registration of this room."""

from django.apps import AppConfig


class AlertsApp(AppConfig):
    """See the package's docstring."""

    name = "profiler_server.alerts"
    label = "alerts"
