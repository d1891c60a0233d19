"""Django's registration of this room."""

from django.apps import AppConfig


class ProfilesApp(AppConfig):
    """See the package's docstring."""

    name = "profiler_server.profiles"
    label = "profiles"
