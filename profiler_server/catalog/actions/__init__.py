"""Writes to the catalog, one verb a file."""
