"""How the tables of a flame graph write sample values in their unit."""

from __future__ import annotations

from django import template

from profiler_server.core import units

register = template.Library()


@register.filter
def value(amount: float | None, unit: str) -> str:
    """Return a sample value such as "1.5 MiB"."""
    return units.format_value(amount, unit)


@register.filter
def signed_value(amount: float | None, unit: str) -> str:
    """Return a change of a sample value, growth with a plus."""
    return units.format_value(amount, unit, signed=True)


@register.filter
def spaced(name: str) -> str:
    """Return "inuse_space" as "inuse space"."""
    return name.replace("_", " ")


@register.filter
def short_name(name: str) -> str:
    """Return a function's name without its package's path."""
    tail = name.rpartition("/")[2]
    return tail or name


@register.filter
def path_end(place: str) -> str:
    """Return the last two parts of a path."""
    return "/".join(place.split("/")[-2:])
