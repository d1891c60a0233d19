"""The small comparison on a finding's page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from profiler_server.analysis.models import Finding
from profiler_server.catalog.models import Instance, Service
from tests.integration.dashboards.heap import store_heap
from tests.integration.dashboards.shop import Shop

MIB = 1 << 20


def read(shop: Shop, finding: Finding) -> str:
    return shop.viewer.get(f"/findings/{finding.pk}/").content.decode()


@pytest.fixture
def profiled(leak: Finding) -> Finding:
    """A finding between whose ranges `put` grows most, `log` a little, `load` not, and `rest` shrinks."""
    instance = Instance.objects.get()
    now = datetime.now(UTC)
    before = {"put": 10 * MIB, "log": 4 * MIB, "load": 20 * MIB, "rest": 6 * MIB}
    after = {"put": 50 * MIB, "log": 6 * MIB, "load": 20 * MIB, "rest": 4 * MIB}
    for minutes, sizes in ((59, before), (57, before), (5, after), (1, after)):
        store_heap(instance, now - timedelta(minutes=minutes), sizes)
    return leak


def test_the_functions_that_grew_most_come_first_with_bytes_before_and_now(
    shop: Shop, profiled: Finding
) -> None:
    Service.objects.update(source_url_template="https://git.example.org/{release}/{file}#L{line}")
    page = read(shop, profiled)
    table = page[page.index('<table class="grown">') :].split("</table>")[0]
    assert re.findall(r'title="(\w+)"', table) == ["put", "log"]
    cells = re.findall(r'<td class="num">(?:<strong>)?([^<]+)<', table)
    assert cells == ["10.0 MiB", "50.0 MiB", "+40.0 MiB", "4.0 MiB", "6.0 MiB", "+2.0 MiB"]
    assert "all functions 40.0 MiB → 80.0 MiB" in page
    assert 'href="https://git.example.org/v1/shop/put.py#L41"' in table


def test_the_bar_has_its_numbers_beside_it_and_needs_no_script(shop: Shop, profiled: Finding) -> None:
    comparison = shop.viewer.get(f"/findings/{profiled.pk}/").context["report"].comparison
    assert (comparison.rows[0].bar_before, comparison.rows[0].bar_growth) == (12.5, 50.0)
    assert 'aria-hidden="true"><rect class="bar-before" width="12.5"' in read(shop, profiled)


def test_a_button_opens_the_whole_comparison_of_the_same_ranges(shop: Shop, profiled: Finding) -> None:
    report = shop.viewer.get(f"/findings/{profiled.pk}/").context["report"]
    assert report.comparison.url == report.compare
    page = read(shop, profiled)
    assert ">Open the comparison</a>" in page
    assert ">See all of it as a flame graph</a>" in page
    assert shop.viewer.get(report.compare).status_code == 200


def test_without_profiles_it_says_so(shop: Shop, leak: Finding) -> None:
    assert "No profile of the two ranges is stored." in read(shop, leak)


def test_a_heap_that_does_not_grow_points_to_the_memory_outside(shop: Shop, leak: Finding) -> None:
    instance, now = Instance.objects.get(), datetime.now(UTC)
    for minutes in (58, 2):
        store_heap(instance, now - timedelta(minutes=minutes), {"put": 10 * MIB})
    Finding.objects.filter(pk=leak.pk).update(family="native", diagnosis="native_leak", suspects=[])
    page = read(shop, leak)
    assert "holds noticeably more than before" in page
    assert "What grows is outside of it" in page
