"""The command line of the server: `python manage.py help` lists its commands."""

import os
import sys


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "profiler_server.config.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415  Django must see the variable first

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
