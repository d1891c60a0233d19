"""The product's addresses and, beside them, a view that does nothing: the reference of `benchmarks.ingest_http`."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    """Read the body and say hello."""
    return JsonResponse({"bytes": len(request.body)})


urlpatterns = [path("bare", bare), path("", include("profiler_server.config.urls"))]
