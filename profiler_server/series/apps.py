"""Django's registration of this room."""

from django.apps import AppConfig


class SeriesApp(AppConfig):
    """See the package's docstring."""

    name = "profiler_server.series"
    label = "series"
