"""The addresses that agents and foreign clients push to."""

from django.urls import path

from profiler_server.ingest import native, pyroscope

urlpatterns = [
    path("v1/points", native.points),
    path("v1/profiles", native.profiles),
    path("v1/holders", native.holders),
    path("v1/ping", native.ping),
    path("ingest", pyroscope.ingest),
    path("pyroscope/ingest", pyroscope.ingest),
]
