"""The one place that states the sidecar's version."""

__version__ = "0.1.0"

AGENT_NAME = f"plimsoll-sidecar/{__version__}"
