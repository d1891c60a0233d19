"""The service page, its pictures and their twins as tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from profiler_server.accounts.models import Membership, Project
from profiler_server.analysis.models import Finding
from profiler_server.catalog.models import Instance, Marker
from tests.integration.dashboards.shop import Shop

Observe = Callable[..., Instance]
PATH = "/services/checkout/"


def test_the_page_has_its_head_its_instances_and_a_way_to_every_picture(shop: Shop, observe: Observe) -> None:
    instance = observe()
    answer = shop.viewer.get(PATH)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "host:1" in page
    assert f'data-instance="{instance.pk}"' in page
    assert "/services/checkout/tables/?from=" in page
    assert "release v1" in page


def test_pictures_carry_memory_load_latency_and_layers(shop: Shop, observe: Observe) -> None:
    observe()
    found = shop.viewer.get(PATH + "pictures/").json()
    assert {trace["name"] for trace in found["timeline"]["data"]} == {
        "events",
        "RSS",
        "live heap",
        "requests",
        "p99",
    }
    assert found["scatter"]["data"][-1]["name"] == "measured"
    titles = [layer["title"] for layer in found["waterfall"]["layout"]["meta"]["layers"]]
    assert titles[0] == "Live heap"
    assert [line["path"][0] for line in found["instances"]] == ["M"]


def test_markers_and_findings_are_on_the_axis(shop: Shop, leak: Finding) -> None:
    Marker.objects.create(
        project=shop.project, service=leak.service, at=datetime.now(UTC), kind="deploy", version="v2"
    )
    events = shop.viewer.get(PATH + "pictures/?last=6h").json()["timeline"]["data"][0]["text"]
    assert "Deploy · v2" in events
    assert "Heap leak: growth began" in events


def test_many_instances_become_a_band(shop: Shop, observe: Observe) -> None:
    for number in range(10):
        observe(key=f"host:{number}", rss_bytes=1e8 * (number + 1))
    found = shop.viewer.get(PATH + "pictures/").json()
    traces = [trace["name"] for trace in found["timeline"]["data"]]
    assert "RSS, median and range of 10" in traces
    assert "RSS, median and range of 10 low" in traces
    assert len(found["instances"]) == 10


def test_one_instance_can_be_chosen(shop: Shop, observe: Observe) -> None:
    first, second = observe(key="host:1"), observe(key="host:2")
    found = shop.viewer.get(f"{PATH}pictures/?instance={second.pk}").json()
    assert [line["instance_id"] for line in found["instances"]] == [second.pk]
    chosen = shop.viewer.get(f"{PATH}?instance={second.pk}")
    assert "Show all instances" in chosen.content.decode()
    assert f"instance={second.pk}&amp;base_instance={second.pk}" in chosen.content.decode(), (
        "leads on to Compare"
    )
    both = {row.instance.pk: row.toggle_url for row in chosen.context["page"].instances}
    assert both[second.pk].count("instance=") == 0
    assert both[first.pk].count("instance=") == 2
    assert f"/services/checkout/?last=6h&amp;instance={second.pk}" in chosen.content.decode()


def test_lines_name_their_instances_in_few_characters(shop: Shop, observe: Observe) -> None:
    for key in ("checkout-7d9f8b6c5d-x2x9q-and-more", "host:2"):
        observe(key=key)
    traces = shop.viewer.get(f"{PATH}pictures/").json()["timeline"]["data"]
    named = {trace["hovertemplate"].rpartition(" · ")[2] for trace in traces if trace["name"] == "RSS"}
    assert named == {"7d9f8b6c…-and-more", "host:2"}


def test_further_series_are_offered_and_drawn(shop: Shop, observe: Observe) -> None:
    observe(**{"audio.rate": 45.0})
    assert 'value="audio.rate"' in shop.viewer.get(PATH).content.decode()
    traces = shop.viewer.get(PATH + "pictures/?series=audio.rate").json()["timeline"]["data"]
    assert "audio.rate" in {trace["name"] for trace in traces}


def test_a_range_without_data_is_empty_and_no_error(shop: Shop, observe: Observe) -> None:
    observe()
    found = shop.viewer.get(PATH + "pictures/?from=1700000000&to=1700003600").json()
    assert found["scatter"] is None
    assert found["waterfall"] is None
    assert found["instances"] == []


def test_the_tables_say_what_the_pictures_say(shop: Shop, observe: Observe) -> None:
    observe()
    page = shop.viewer.get(PATH + "tables/").content.decode()
    assert "300 MiB" in page
    assert "10.0/s" in page
    assert "Live heap" in page


@pytest.mark.parametrize("part", ["", "pictures/", "tables/", "latest/"])
def test_another_projects_service_is_not_found(shop: Shop, observe: Observe, part: str) -> None:
    observe()
    assert shop.stranger.get(PATH + part).status_code == 404
    assert Client().get(PATH + part).status_code == 302


def test_a_service_of_another_project_of_mine_is_pointed_at(shop: Shop, observe: Observe) -> None:
    bank = Project.objects.get(slug="bank")
    observe("vault", project=bank)
    Membership.objects.create(project=bank, user=shop.admin_user, role="viewer")
    assert b"There is one in Bank" in shop.admin.get("/services/vault/?project=shop").content
    assert b"There is one in" not in shop.viewer.get("/services/vault/").content


@pytest.mark.parametrize("query", ["last=x", "from=9&to=3", "from=zz", "instance=abc&series=%00"])
def test_what_cannot_be_read_is_said_or_ignored_never_a_crash(
    shop: Shop, observe: Observe, query: str
) -> None:
    observe()
    for part in ("", "pictures/", "tables/"):
        assert shop.viewer.get(f"{PATH}{part}?{query}").status_code in {200, 422}


def test_only_reading_is_possible(shop: Shop, observe: Observe) -> None:
    observe()
    assert shop.admin.post(PATH).status_code == 405


def test_times_are_written_in_the_readers_zone(shop: Shop, observe: Observe) -> None:
    observe()
    utc = shop.viewer.get(f"{PATH}?tz=UTC").context["page"].input_end
    tokyo = shop.viewer.get(f"{PATH}?tz=Asia/Tokyo").context["page"].input_end
    difference = datetime.fromisoformat(tokyo) - datetime.fromisoformat(utc)
    assert 8.9 * 3600 < difference.total_seconds() < 9.1 * 3600


def test_a_page_carries_the_strict_policy(shop: Shop, observe: Observe) -> None:
    observe()
    policy = shop.viewer.get(PATH)["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
