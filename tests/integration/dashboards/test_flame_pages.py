"""The flame graph, comparison and growth pages: who sees them, and what they say without profiles."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from profiler_server.analysis.models import AgentCommand, Finding
from profiler_server.catalog.models import Instance
from profiler_server.profiles.model import ProfileSelection
from profiler_server.profiles.queries import snapshots
from tests.integration.dashboards.heap import store_heap
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


@pytest.mark.parametrize("same", ["", "&instance=1&base_instance=1", "&label.region=eu&base_label.region=eu"])
def test_the_comparison_takes_the_range_apart_without_a_baseline(
    shop: Shop, observe: Callable[..., Instance], same: str
) -> None:
    observe()
    response = shop.viewer.get(f"/services/checkout/compare/?from=1000000&to=1004000{same}")
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


def test_a_person_pins_a_snapshot_and_lets_it_go(shop: Shop, observe: Callable[..., Instance]) -> None:
    instance = observe()
    store_heap(instance, timezone.now() - timedelta(minutes=5), {"list.append": 1000})
    selection = ProfileSelection(
        shop.project.pk, instance.service_id, timezone.now() - timedelta(hours=1), timezone.now()
    )
    (taken,) = snapshots(selection)
    url, back = "/services/checkout/snapshots/pin/", "/services/checkout/compare/"
    for refused, client in ((403, shop.viewer), (404, shop.stranger)):
        assert client.post(url, {"snapshot": taken.id}).status_code == refused
    assert shop.engineer.post(url, {"snapshot": "12345-1700000000-0"}).status_code == 404
    for _ in range(2):
        answer = shop.engineer.post(url, {"snapshot": taken.id, "next": back}, follow=True)
    assert answer.redirect_chain == [(back, 302)]
    assert f'data-pinned-baseline="{taken.id}"' in answer.content.decode()
    assert "pinned snapshot" in shop.viewer.get("/services/checkout/pictures/").content.decode()
    away = shop.engineer.post(
        url, {"snapshot": taken.id, "action": "unpin", "next": "https://elsewhere.example/"}
    )
    assert away.headers["Location"] == f"/services/checkout/flame/?snapshot={taken.id}"
    assert b"data-pinned" not in shop.viewer.get(back).content


def test_the_sample_type_of_the_address_is_not_taken_for_the_usual_one(
    shop: Shop, observe: Callable[..., Instance]
) -> None:
    store_heap(observe(), timezone.now() - timedelta(minutes=5), {"list.append": 1000})
    for page in ("flame", "compare"):
        content = shop.viewer.get(f"/services/checkout/{page}/?type=inuse_objects").content.decode()
        assert 'data-type="inuse_space"' in content
        assert '<option value="inuse_objects" selected>' in content


SITE = json.dumps([{"function": "list.append", "file": "shop/cache.py", "line": 41}])


def test_a_person_asks_who_holds_a_call_site(shop: Shop, leak: Finding) -> None:
    back = "/services/checkout/growth/?last=6h"
    answer = shop.engineer.post(
        "/services/checkout/growth/holders/", {"site": SITE, "next": back}, follow=True
    )
    assert answer.redirect_chain == [(back, 302)]
    assert b"One instance was asked who holds list.append" in answer.content
    asked = AgentCommand.objects.get()
    assert (asked.kind, asked.arguments["site"], asked.finding) == ("find_holders", json.loads(SITE), leak)
    assert asked.requested_by is not None


def test_asking_who_holds_is_refused_where_it_makes_no_sense(
    shop: Shop, observe: Callable[..., Instance]
) -> None:
    observe()
    url = "/services/checkout/growth/holders/"
    assert shop.viewer.post(url, {"site": SITE}).status_code == 403
    assert shop.stranger.post(url, {"site": SITE}).status_code == 404
    assert shop.engineer.get(url).status_code == 405
    for wrong in ("", "[]", "{}", '[{"function": 1}]', "[1]"):
        assert shop.engineer.post(url, {"site": wrong}).status_code == 409, wrong
    away = shop.engineer.post(url, {"site": SITE, "next": "https://elsewhere.example/"})
    assert away.headers["Location"] == "/services/checkout/growth/"
    Instance.objects.update(language="go")
    said = shop.engineer.post(url, {"site": SITE}, follow=True).content
    assert b"Nobody can tell: no instance of checkout with the Python agent" in said
