"""Django's registration of this room."""

from django.apps import AppConfig


class CatalogApp(AppConfig):
    """See the package's docstring."""

    name = "profiler_server.catalog"
    label = "catalog"
