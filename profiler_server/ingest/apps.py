"""Django's registration of this room."""

from django.apps import AppConfig


class IngestApp(AppConfig):
    """See the package's docstring."""

    name = "profiler_server.ingest"
    label = "ingest"
