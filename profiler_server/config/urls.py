"""Which room answers which address."""

from django.urls import include, path

urlpatterns = [
    path("", include("profiler_server.ingest.urls")),
    path("api/", include("profiler_server.api.urls")),
    path("", include("dashboards.urls")),
]
