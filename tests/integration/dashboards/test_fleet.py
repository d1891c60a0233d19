"""The fleet page, its sparklines, and the way to the first sample."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from profiler_server.accounts.models import ApiToken, Project
from profiler_server.accounts.queries import grant_of
from profiler_server.analysis.models import Finding, FindingStatus
from profiler_server.catalog.models import Instance, Service
from tests.integration.dashboards.shop import Shop

Observe = Callable[..., Instance]


def names(client: Client, path: str = "/") -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200
    return [row.service.name for row in answer.context["rows"]]


def test_a_login_is_asked_for(shop: Shop) -> None:
    answer = Client().get("/")
    assert answer.status_code == 302
    assert answer["Location"] == "/login/?next=/"


def test_findings_come_first_by_time_to_the_limit(shop: Shop, observe: Observe, leak: Finding) -> None:
    observe("audit")
    observe("zebra")
    sooner = Service.objects.get(name="zebra")
    Finding.objects.create(
        project=shop.project, service=sooner, family="heap", diagnosis="heap_leak", started_at=leak.started_at,
        detected_at=leak.detected_at, updated_at=leak.updated_at, verdict="soon",
        forecast_p50_at=timezone.now() + timedelta(minutes=9),
    )  # fmt: skip
    assert names(shop.viewer) == ["zebra", "checkout", "audit"]


def test_another_projects_services_are_not_there(shop: Shop, observe: Observe) -> None:
    observe("checkout")
    observe("vault", project=Project.objects.get(slug="bank"))
    assert names(shop.viewer) == ["checkout"]
    assert names(shop.stranger) == ["vault"]
    assert shop.viewer.get("/?project=bank").status_code == 404


def test_the_filter_works_without_javascript(shop: Shop, observe: Observe) -> None:
    observe("checkout")
    observe("search")
    assert names(shop.viewer, "/?q=SEAR") == ["search"]
    assert names(shop.viewer, "/?q=nothing+like+it") == []


def test_what_a_link_filters_out_can_be_shown_again(shop: Shop, observe: Observe, leak: Finding) -> None:
    observe("search")
    answer = shop.viewer.get("/?q=open")
    assert [row.service.name for row in answer.context["rows"]] == ["checkout"]
    assert answer.content.count(b"<tr data-id=") == 2
    assert answer.content.count(b" hidden>") == 2  # the other service, and the note that none matches
    assert [(each.state, each.words) for each in answer.context["tallies"]] == [
        ("open", "1 open"),
        ("learning", "1 learning"),
    ]


@pytest.mark.parametrize(
    ("status", "word"), [(FindingStatus.ACKNOWLEDGED, "acknowledged"), (FindingStatus.SNOOZED, "snoozed")]
)
def test_the_state_follows_the_findings_life(
    shop: Shop, leak: Finding, status: FindingStatus, word: str
) -> None:
    Finding.objects.filter(pk=leak.pk).update(status=status)
    assert shop.viewer.get("/").context["rows"][0].state == word


def test_a_silent_service_says_so(shop: Shop, observe: Observe) -> None:
    instance = observe()
    Instance.objects.filter(pk=instance.pk).update(last_seen_at=timezone.now() - timedelta(hours=2))
    assert shop.viewer.get("/").context["rows"][0].state == "silent"


def test_sparklines_come_for_the_projects_own_services_only(shop: Shop, observe: Observe) -> None:
    own = observe("checkout").service_id
    foreign = observe("vault", project=Project.objects.get(slug="bank")).service_id
    lines = shop.viewer.get(f"/sparklines/?ids={own},{foreign},x,,999999").json()["lines"]
    assert set(lines) == {str(own)}
    assert lines[str(own)]["memory"].startswith("M")
    assert "checkout" in lines[str(own)]["words"]


def test_an_empty_fleet_shows_three_lines_with_a_token(shop: Shop) -> None:
    answer = shop.admin.get("/")
    assert "Watch the first service" in answer.content.decode()
    page = shop.admin.post("/install/token/", {"name": "production"}).content.decode()
    secret = page.split("PLIMSOLL_TOKEN=")[1].split()[0]
    grant = grant_of(secret)
    assert grant is not None
    assert grant.project_id == shop.project.pk
    assert "http://testserver" in page


def test_only_an_admin_makes_tokens(shop: Shop) -> None:
    assert shop.engineer.post("/install/token/", {"name": "x"}).status_code == 403
    assert not ApiToken.objects.exists()
    assert shop.admin.get("/install/token/").status_code == 405


def test_waiting_ends_with_the_first_sample(shop: Shop, observe: Observe) -> None:
    assert shop.admin.get("/waiting/?known=").json() == {"service": None}
    instance = observe("checkout")
    assert shop.admin.get("/waiting/?known=").json() == {"service": "checkout", "url": "/services/checkout/"}
    assert shop.admin.get(f"/waiting/?known={instance.pk}").json() == {"service": None}


def test_a_thousand_services_are_answered_with_few_queries(shop: Shop, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    Service.objects.bulk_create(Service(project=shop.project, name=f"service-{n:04}") for n in range(1000))
    shop.viewer.get("/")
    with django_assert_max_num_queries(12):
        began = time.perf_counter()
        assert len(names(shop.viewer)) == 1000
    assert time.perf_counter() - began < 5.0
