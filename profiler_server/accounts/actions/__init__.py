"""Writes to accounts, one verb a file."""
