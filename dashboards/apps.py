"""Django's registration of this room."""

from django.apps import AppConfig


class DashboardsApp(AppConfig):
    """See the package's docstring."""

    name = "dashboards"
