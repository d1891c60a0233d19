"""How templates write times, bytes, rates and shares, and what they know of the reader's preferences."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from dashboards.preferences import THEME_COOKIE, THEMES
from dashboards.undo import taken_offer
from dashboards.zones import UTC_ZONE, zone_choice, zone_of
from profiler_server.analysis.advice import diagnosis_name
from profiler_server.analysis.models import Family, Finding
from profiler_server.core import units

register = template.Library()
NOW_SECONDS = 5.0
KEPT = ("project", "tz")


@register.filter
def theme(request: HttpRequest | str) -> str:
    """Return "light", "dark" or "system"."""
    chosen = request.COOKIES.get(THEME_COOKIE, "") if isinstance(request, HttpRequest) else ""
    return chosen if chosen in THEMES else "system"


@register.filter(name="zone_choice")
def zone_choice_filter(request: HttpRequest | str) -> str:
    """Return "utc" or "local"."""
    return zone_choice(request) if isinstance(request, HttpRequest) else "utc"


@register.filter
def zone_name(request: HttpRequest | str) -> str:
    """Return the name of the zone in which the page shows times."""
    return zone_of(request).key if isinstance(request, HttpRequest) else "UTC"


@register.simple_tag(takes_context=True)
def when(context: template.Context, at: datetime | float | None, style: str = "minute") -> str:
    """Return a `<time>` in the reader's zone; `style` is minute, second, day or ago."""
    moment = datetime.fromtimestamp(at, UTC) if isinstance(at, (int, float)) else at
    if moment is None:
        return units.NOTHING
    request = context.get("request")
    zone = zone_of(request) if isinstance(request, HttpRequest) else UTC_ZONE
    full = f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S} {zone.key}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), full, written(moment, zone, style)
    )


def written(moment: datetime, zone: ZoneInfo, style: str) -> str:
    """Return the moment as people write it: without the year when it is this one."""
    local, now = moment.astimezone(zone), timezone.now().astimezone(zone)
    if style == "ago":
        return relative((moment - now).total_seconds())
    if style == "day":
        return f"{local:%-d %b %Y}"
    clock = f"{local:%H:%M:%S}" if style == "second" else f"{local:%H:%M}"
    if local.date() == now.date():
        return clock
    return f"{local:%-d %b} {clock}" if local.year == now.year else f"{local:%-d %b %Y} {clock}"


def relative(seconds: float) -> str:
    """Return "3 h ago", "in 20 min" or "now"."""
    if abs(seconds) < NOW_SECONDS:
        return "now"
    text = units.format_duration(abs(seconds))
    return f"{text} ago" if seconds < 0 else f"in {text}"


@register.filter
def bytes_text(size: float | None) -> str:
    """Return 1536 as "1.5 KiB"."""
    return units.format_bytes(size)


@register.filter
def growth_text(bytes_per_hour: float | None) -> str:
    """Return "+12.3 MiB/h"."""
    return units.format_growth(bytes_per_hour)


@register.filter
def share_text(share: float | None) -> str:
    """Return 0.42 as "42 %"."""
    return units.format_share(share)


@register.filter
def count_text(count: float | None) -> str:
    """Return 48211 as "48.2 k"."""
    return units.format_count(count)


@register.filter
def duration_text(seconds: float | None) -> str:
    """Return 12000 as "3 h 20 min"."""
    return units.format_duration(seconds)


@register.filter
def diagnosis(name: str) -> str:
    """Return a diagnosis as a heading: "Heap leak"."""
    return diagnosis_name(name)


@register.simple_tag(takes_context=True)
def kept_fields(context: template.Context) -> str:
    """Return hidden fields for what a link set beside the form: the project and the time zone."""
    request = context.get("request")
    asked = request.GET if isinstance(request, HttpRequest) else {}
    fields = ((name, asked.get(name, "")) for name in KEPT)
    return format_html_join(
        "", '<input type="hidden" name="{}" value="{}">', ((n, v) for n, v in fields if v)
    )


@register.simple_tag(takes_context=True)
def undo_offer(context: template.Context) -> dict[str, Any] | None:
    """Return what can be taken back on this page, once."""
    request = context.get("request")
    return taken_offer(request) if isinstance(request, HttpRequest) else None


@register.filter
def finding_growth(found: Finding) -> str:
    """Return how fast a finding grows: bytes per hour, or a count per hour for resources."""
    if found.family == Family.RESOURCE:
        return f"{units.format_count(found.growth_bytes_per_hour, signed=True)}/h"
    return units.format_growth(found.growth_bytes_per_hour)
