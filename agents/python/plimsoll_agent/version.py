"""The one place that states the agent's version."""

__version__ = "0.1.0"

AGENT_NAME = f"plimsoll-python/{__version__}"
