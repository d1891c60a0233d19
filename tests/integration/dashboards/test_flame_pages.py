"""The flame graph, comparison and growth pages: who sees them, and what they say without profiles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from profiler_server.catalog.models import Instance
from tests.integration.dashboards.shop import Shop

PAGES = ("flame", "compare", "growth")


@pytest.mark.parametrize("page", PAGES)
def test_a_viewer_may_look(shop: Shop, observe: Callable[..., Instance], page: str) -> None:
    observe()
    response = shop.viewer.get(f"/services/checkout/{page}/")
    assert response.status_code == 200
    assert b"has sent no profile yet" in response.content


@pytest.mark.parametrize("page", PAGES)
def test_nobody_is_asked_to_log_in(shop: Shop, observe: Callable[..., Instance], page: str) -> None:
    observe()
    response = Client().get(f"/services/checkout/{page}/")
    assert response.status_code == 302
    assert "/login/" in response.headers["Location"]


@pytest.mark.parametrize("page", PAGES)
def test_another_projects_service_does_not_exist(
    shop: Shop, observe: Callable[..., Instance], page: str
) -> None:
    observe()
    assert shop.stranger.get(f"/services/checkout/{page}/").status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_wrong_method(shop: Shop, observe: Callable[..., Instance], page: str) -> None:
    observe()
    assert shop.viewer.post(f"/services/checkout/{page}/").status_code == 405


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("query", ["from=2&to=1", "from=soon", "granularity=word", "instance=web"])
def test_an_address_that_makes_no_sense_says_so(
    shop: Shop, observe: Callable[..., Instance], page: str, query: str
) -> None:
    observe()
    response = shop.viewer.get(f"/services/checkout/{page}/?{query}")
    assert response.status_code in {415, 422}
    assert b"<h1" in response.content


def test_the_comparison_takes_the_range_apart_without_a_baseline(
    shop: Shop, observe: Callable[..., Instance]
) -> None:
    observe()
    response = shop.viewer.get("/services/checkout/compare/?from=1000000&to=1004000")
    assert (
        b'data-from="1003000" data-to="1004000" data-base-from="1000000" data-base-to="1001000"'
        in response.content
    )


def test_a_range_alone_is_compared_with_the_one_before(shop: Shop, observe: Callable[..., Instance]) -> None:
    observe()
    response = shop.viewer.get("/services/checkout/compare/?from=1000000&to=1004000&base_release=v1")
    assert (
        b'data-from="1000000" data-to="1004000" data-base-from="996000" data-base-to="1000000"'
        in response.content
    )
