"""Django's registration of this room."""

from django.apps import AppConfig


class AnalysisApp(AppConfig):
    """See the package's docstring."""

    name = "profiler_server.analysis"
    label = "analysis"
