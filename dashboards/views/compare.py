"""Two selections of a service's profiles side by side."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboards.asked import compared_questions, united
from dashboards.flame_context import finding_preset, label_chips, page_context, pinned_offered
from dashboards.flame_rows import compared_rows
from dashboards.scope import Scope, scoped


@require_GET
@scoped
def compare(request: HttpRequest, scope: Scope, name: str) -> HttpResponse:
    """Show the page; its table works without JavaScript, the graph is fetched by it."""
    current, baseline = compared_questions(request, scope, name)
    rows = compared_rows(current.selection, baseline.selection, current.asked.granularity)
    context = page_context(current, "compare", query=request.GET, whole=united(current, baseline)) | {
        "baseline": baseline,
        "base_labels": label_chips(request.GET, baseline.asked, prefix="base_"),
        "base_instances": [str(pk) for pk in baseline.asked.instance_ids or ()],
        "rows": rows,
        "pinned": pinned_offered(current.service, scope.zone),
        "diff": True,
        "finding": finding_preset(current.service),
    }
    return render(request, "dashboards/compare.html", context)
