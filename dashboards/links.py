"""Addresses of pages that show a given thing: every one holds all that is needed to see it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

Range = tuple[datetime, datetime]


def service_url(name: str, page: str = "", **params: str | float | Sequence[str] | None) -> str:
    """Return the address of a service's `page` ("", "flame", "compare", "growth") with `params` that are not empty."""
    path = f"/services/{quote(name, safe='')}/" + (f"{page}/" if page else "")
    kept = {key.rstrip("_"): value for key, value in params.items() if value not in (None, "", ())}
    return path + (f"?{urlencode(kept, doseq=True)}" if kept else "")


def return_url(request: HttpRequest, otherwise: str) -> str:
    """Return the page that a form was sent from (its field `next`), or `otherwise` when that is not one of ours."""
    target = request.POST.get("next", "")
    return (
        target if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}) else otherwise
    )


def seconds(moment: datetime) -> str:
    """Return a moment as whole unix seconds, the form in which addresses carry it."""
    return f"{moment.timestamp():.0f}"


def flame_url(name: str, at: Range, *, search: str = "") -> str:
    """Return the flame graph of a service over a range, with a function searched for."""
    return service_url(name, "flame", from_=seconds(at[0]), to=seconds(at[1]), search=search)


def compare_url(name: str, before: Range, after: Range, *, search: str = "") -> str:
    """Return the comparison of two ranges of a service."""
    return service_url(
        name, "compare", base_from=seconds(before[0]), base_to=seconds(before[1]),
        from_=seconds(after[0]), to=seconds(after[1]), search=search,
    )  # fmt: skip


def source_url(template: str, *, file: str, line: int, release: str) -> str:
    """Return the link to a source line by the service's template, "" without one (only http and https count)."""
    if not template.startswith(("https://", "http://")) or not file:
        return ""
    parts = {
        "{file}": quote(file.lstrip("/")),
        "{line}": str(line),
        "{release}": quote(release or "HEAD", safe=""),
    }
    for mark, text in parts.items():
        template = template.replace(mark, text)
    return template
