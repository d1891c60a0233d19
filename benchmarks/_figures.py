"""How a figure is printed beside its target."""

from __future__ import annotations


def at_most(what: str, value: float, target: float, unit: str) -> str:
    """Return one line on a figure that must not be above `target`."""
    return f"{what}: {value:,.4g} {unit} (target ≤ {target:,g}: {'met' if value <= target else 'NOT MET'})"


def at_least(what: str, value: float, target: float, unit: str) -> str:
    """Return one line on a figure that must not be below `target`."""
    return f"{what}: {value:,.4g} {unit} (target ≥ {target:,g}: {'met' if value >= target else 'NOT MET'})"
