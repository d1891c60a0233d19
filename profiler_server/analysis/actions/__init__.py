"""Writes to findings, one verb a file."""
