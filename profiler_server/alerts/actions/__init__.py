"""Writes to the outbox and the routes, one verb a file."""
