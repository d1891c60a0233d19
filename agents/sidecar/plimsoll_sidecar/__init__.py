"""The Plimsoll sidecar: profiles and counters of processes that cannot carry the agent, and recorded traces."""

from plimsoll_sidecar.version import __version__

__all__ = ["__version__"]
