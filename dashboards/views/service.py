"""The service: memory against load and latency on one time axis, its instances, and what its memory is made of."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from dashboards.scope import Scope, scoped
from dashboards.service_page import ServiceAddress, pictures, service_page, tables


@gzip_page
@require_GET
@scoped
def service(request: HttpRequest, scope: Scope, name: str) -> HttpResponse:
    """Show one service; its pictures are fetched."""
    address = ServiceAddress.of(request, scope, name)
    return render(request, "dashboards/service.html", {"nav": "fleet", "page": service_page(scope, address)})


@gzip_page
@require_GET
@scoped
def service_pictures(request: HttpRequest, scope: Scope, name: str) -> HttpResponse:
    """Return the figures of the page's address as JSON."""
    return HttpResponse(
        pictures(scope, ServiceAddress.of(request, scope, name)), content_type="application/json"
    )


@gzip_page
@require_GET
@scoped
def service_tables(request: HttpRequest, scope: Scope, name: str) -> HttpResponse:
    """Show the same data as tables: what the pictures say, without pictures or JavaScript."""
    address = ServiceAddress.of(request, scope, name)
    context = {"nav": "fleet", "page": service_page(scope, address), "tables": tables(scope, address)}
    return render(request, "dashboards/service_tables.html", context)


@require_GET
@scoped
def service_latest(request: HttpRequest, scope: Scope, name: str) -> JsonResponse:
    """Say when the service was heard of last, so that a page which follows the present can redraw."""
    address = ServiceAddress.of(request, scope, name)
    return JsonResponse({"last": address.data[1] if address.data else None})
