"""Writes to this room, one verb a file."""
