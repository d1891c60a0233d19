"""Django's PostgreSQL backend, pointed at the embedded server."""
