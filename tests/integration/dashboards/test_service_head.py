"""The head that a service's four pages share, and what they open on when the service has fallen silent."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from profiler_server.analysis.models import Finding
from profiler_server.catalog.models import Instance
from tests.integration.dashboards.shop import Shop

Observe = Callable[..., Instance]
PAGES = {"": "Overview", "flame/": "Flame graph", "compare/": "Compare", "growth/": "Growth"}
HEAD = re.compile(r'<div class="page-head">.*?</nav>', re.DOTALL)


def read(shop: Shop, page: str, query: str = "") -> str:
    return shop.viewer.get(f"/services/checkout/{page}{query}").content.decode()


def fall_silent(hours: float) -> float:
    """Let everything known of the instances be `hours` older, and return when they were heard of last."""
    earlier = timedelta(hours=hours)
    Instance.objects.update(
        first_seen_at=F("first_seen_at") - earlier, last_seen_at=F("last_seen_at") - earlier
    )
    return Instance.objects.latest("last_seen_at").last_seen_at.timestamp()


def test_all_four_have_the_same_head_but_for_the_page_that_is_open(shop: Shop, leak: Finding) -> None:
    heads = set()
    for page, name in PAGES.items():
        head = HEAD.search(read(shop, page, "?from=1000000&to=1004000"))
        assert head is not None, page
        text = head[0]
        assert f'aria-current="page">{name}</a>' in text
        assert "Heap leak" in text
        text = re.sub(r'<span class="visually-hidden">.*?</span>', "", text).replace(
            ' aria-current="page"', ""
        )
        heads.add(re.sub(r"from=\d+&amp;to=\d+", "", text))
    assert len(heads) == 1


def test_the_comparison_leads_on_with_both_of_its_ranges(shop: Shop, observe: Observe) -> None:
    observe()
    page = read(shop, "compare/", "?base_from=1000000&base_to=1001000&from=1003000&to=1004000")
    assert "/services/checkout/growth/?from=1000000&amp;to=1004000" in page


@pytest.mark.parametrize("page", PAGES)
def test_a_service_that_reports_has_no_note(shop: Shop, observe: Observe, page: str) -> None:
    observe()
    assert "silence" not in read(shop, page)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("hours", [0.5, 2.0, 11.0, 300.0])
def test_a_silent_service_opens_on_its_last_data_and_says_so(
    shop: Shop, observe: Observe, page: str, hours: float
) -> None:
    observe()
    last = fall_silent(hours)
    answer = shop.viewer.get(f"/services/checkout/{page}")
    assert "has not reported since" in answer.content.decode()
    assert '<span class="badge warn">Silent</span>' in answer.content.decode()
    period = answer.context["page"].period if page == "" else answer.context["question"].period
    assert last - 5 <= period.end < last + 300
    assert period.start < last


@pytest.mark.parametrize("page", PAGES)
def test_a_range_without_data_leads_to_the_last_data(shop: Shop, observe: Observe, page: str) -> None:
    observe()
    fall_silent(11)
    text = read(shop, page, "?last=1h")
    assert "Nothing was received in this range" in text
    assert f'<a href="/services/checkout/{page}">Show the last data</a>' in text


@pytest.mark.parametrize("query", ["", "?last=24h", "?last=7d"])
def test_now_is_the_newest_data_and_not_an_empty_range_after_it(
    shop: Shop, observe: Observe, query: str
) -> None:
    observe()
    last = fall_silent(11)
    answer = shop.viewer.get(f"/services/checkout/compare/{query}")
    now, before = answer.context["question"].period, answer.context["baseline"].period
    assert now.end == pytest.approx(last, abs=1)
    assert before.end <= now.start < last
    assert now.end <= timezone.now().timestamp() - 10 * 3600
