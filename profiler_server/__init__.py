"""Plimsoll: a continuous memory-profiling server."""

__version__ = "0.1.0"
