"""The addresses of the JSON API."""

from django.urls import URLPattern, path

from profiler_server.api.openapi import document
from profiler_server.api.views import catalog, flame, growth, pprof, tables

SERVICE = "v1/services/<path:name>"

urlpatterns: list[URLPattern] = [
    path("openapi.json", document, name="api-openapi"),
    path("v1/pprof/view", pprof.view, name="api-pprof-view"),
    path("v1/services", catalog.services, name="api-services"),
    path(f"{SERVICE}/series", catalog.series, name="api-series"),
    path(f"{SERVICE}/snapshots", catalog.snapshots, name="api-snapshots"),
    path(f"{SERVICE}/labels", catalog.labels, name="api-labels"),
    path(f"{SERVICE}/flame", flame.flame, name="api-flame"),
    path(f"{SERVICE}/diff", flame.diff, name="api-diff"),
    path(f"{SERVICE}/top", tables.top, name="api-top"),
    path(f"{SERVICE}/callers", tables.callers, name="api-callers"),
    path(f"{SERVICE}/growth", growth.growth, name="api-growth"),
    path(f"{SERVICE}/pprof", pprof.download, name="api-pprof"),
]
