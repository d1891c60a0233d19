"""Django's registration of this room."""

from django.apps import AppConfig


class AccountsApp(AppConfig):
    """See the package's docstring."""

    name = "profiler_server.accounts"
    label = "accounts"
