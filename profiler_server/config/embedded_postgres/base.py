"""The ordinary PostgreSQL backend; its first connection starts the embedded server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base

from profiler_server.config import embedded


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL at the socket of the embedded server of `DATA_DIR`."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg's parameters, the server's socket as their host."""
        self.settings_dict["HOST"] = embedded.postgres_socket_dir(Path(self.settings_dict["DATA_DIR"]))
        return super().get_connection_params()
