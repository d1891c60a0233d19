"""The finding's page and its life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from profiler_server.accounts.models import Membership
from profiler_server.analysis.models import Finding, HolderReport
from profiler_server.catalog.models import Instance, Release
from tests.integration.dashboards.shop import Shop

MIB = 1 << 20


def change(client: Client, finding: Finding, **fields: str) -> int:
    return client.post(f"/findings/{finding.pk}/change/", fields).status_code


def read(client: Client, finding: Finding) -> str:
    return client.get(f"/findings/{finding.pk}/").content.decode()


def test_it_says_what_since_when_how_fast_until_when_and_where(shop: Shop, leak: Finding) -> None:
    page = read(shop.viewer, leak)
    expected = [
        "50 MiB an hour", "+50.0 MiB/h", "+40.0 MiB/h to +60.0 MiB/h", "2.0 KiB per request", "limit of 512 MiB",
        "shop.cache.put", "shop/cache.py:41", "93 %", "it rose while load fell", "correlation 0.80 with memory",
        "first release in which it grows", "What to do next",
    ]  # fmt: skip
    for words in expected:
        assert words in page, words


def test_it_leads_to_the_flame_graph_and_the_comparison_with_the_suspect_searched_for(
    shop: Shop, leak: Finding
) -> None:
    page = read(shop.viewer, leak)
    assert "/services/checkout/flame/?from=" in page
    assert "search=shop.cache.put" in page
    assert "/services/checkout/compare/?base_from=" in page


def test_the_picture_has_its_numbers_as_a_table(shop: Shop, leak: Finding) -> None:
    page = read(shop.viewer, leak)
    assert 'id="floor-figure"' in page
    assert page.count("<td>host:1</td>") == 60


def test_a_finding_without_evidence_suspects_or_forecast_is_still_a_page(shop: Shop, leak: Finding) -> None:
    Finding.objects.filter(pk=leak.pk).update(
        evidence={}, suspects=[], forecast_p10_at=None, forecast_p50_at=None, forecast_p90_at=None, limit_bytes=None,
        growth_bytes_per_hour=None, growth_low=None, growth_high=None, diagnosis="fragmentation", family="retention",
    )  # fmt: skip
    page = read(shop.viewer, leak)
    assert "no leak in the code" in page
    assert "no memory limit is known" in page


def report_holder(leak: Finding, path: str) -> None:
    HolderReport.objects.create(
        project=leak.project, service=leak.service, instance=Instance.objects.get(), finding=leak, at=datetime.now(UTC),
        method="snapshot", site=[], digest=b"1", paths=[{"path": path, "share": 0.93, "objects": 412}],
    )  # fmt: skip


def test_the_holder_path_is_shown(shop: Shop, leak: Finding) -> None:
    report_holder(leak, "module shop.cache → RESULTS: dict (48,211 entries)")
    assert "module shop.cache → RESULTS: dict (48,211 entries)" in read(shop.viewer, leak)


def test_what_comes_from_a_service_is_escaped(shop: Shop, leak: Finding) -> None:
    Finding.objects.filter(pk=leak.pk).update(
        verdict="<script>1</script>", suspects=[{"function": "<b>", "file": "x", "line": 1, "path": ["<i>"]}]
    )
    page = read(shop.viewer, leak)
    assert "<script>1" not in page
    assert "<b>" not in page
    assert "<i>" not in page


def test_its_life(shop: Shop, leak: Finding) -> None:
    steps = [
        ({"action": "acknowledge"}, "acknowledged"),
        ({"action": "snooze", "for": "8h"}, "snoozed"),
        ({"action": "comment", "text": "looked at the cache"}, "snoozed"),
        ({"action": "resolve"}, "resolved"),
        ({"action": "reopen"}, "open"),
    ]
    for fields, status in steps:
        assert change(shop.engineer, leak, **fields) == 302
        leak.refresh_from_db()
        assert leak.status == status, fields
    page = read(shop.engineer, leak)
    assert "looked at the cache" in page
    assert "<strong>Reopened</strong> by eve" in page


def test_it_is_assigned_to_members_only(shop: Shop, leak: Finding) -> None:
    vera = Membership.objects.get(user__username="vera").user_id
    sam = Membership.objects.get(user__username="sam").user_id
    assert change(shop.engineer, leak, action="assign", assignee=str(vera)) == 302
    assert "with vera" in read(shop.viewer, leak)
    assert change(shop.engineer, leak, action="assign", assignee=str(sam)) == 404
    assert change(shop.engineer, leak, action="assign", assignee="") == 302
    leak.refresh_from_db()
    assert leak.assignee_id is None


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"for": "release"}, 302),
        ({"for": "worse", "worse_percent": "50"}, 302),
        ({"for": "until", "until": "2099-01-01T10:00"}, 302),
        ({"for": "until", "until": "2001-01-01T10:00"}, 409),
        ({"for": "until", "until": "whenever"}, 422),
        ({"for": "worse", "worse_percent": "much"}, 409),
        ({}, 409),
    ],
)
def test_a_snooze_says_what_ends_it(shop: Shop, leak: Finding, fields: dict[str, str], status: int) -> None:
    assert change(shop.engineer, leak, action="snooze", **fields) == status


def test_a_change_of_what_was_changed_meanwhile_is_refused(shop: Shop, leak: Finding) -> None:
    seen = str(leak.version)
    assert change(shop.engineer, leak, action="resolve", version=seen) == 302
    assert change(shop.admin, leak, action="reopen", version=seen) == 409


def test_a_viewer_sees_and_does_not_act(shop: Shop, leak: Finding) -> None:
    assert "Acknowledge</button>" not in read(shop.viewer, leak)
    assert change(shop.viewer, leak, action="resolve") == 403
    leak.refresh_from_db()
    assert leak.is_open


def test_another_projects_finding_is_not_found(shop: Shop, leak: Finding) -> None:
    assert shop.stranger.get(f"/findings/{leak.pk}/").status_code == 404
    assert change(shop.stranger, leak, action="resolve") == 404


def test_unknown_actions_and_methods_are_refused(shop: Shop, leak: Finding) -> None:
    assert change(shop.engineer, leak, action="explode") == 409
    assert shop.engineer.get(f"/findings/{leak.pk}/change/").status_code == 405
    assert shop.engineer.post(f"/findings/{leak.pk}/").status_code == 405


def test_the_list_holds_open_ones_first(shop: Shop, leak: Finding) -> None:
    Finding.objects.create(
        project=shop.project, service=leak.service, family="native", diagnosis="native_leak", status="resolved",
        started_at=leak.started_at, detected_at=leak.detected_at + timedelta(minutes=5), updated_at=leak.updated_at,
        resolved_at=datetime.now(UTC), verdict="gone",
    )  # fmt: skip
    Finding.objects.create(
        project=shop.project, service=leak.service, family="resource", diagnosis="resource_leak", status="snoozed",
        started_at=leak.started_at, detected_at=leak.detected_at, updated_at=leak.updated_at, verdict="17 threads",
    )  # fmt: skip

    def listed(address: str) -> list[str]:
        return [row.diagnosis for row in shop.viewer.get(f"/findings/{address}").context["page"].rows]

    assert listed("") == ["heap_leak", "resource_leak", "native_leak"]
    assert listed("?state=unresolved") == ["heap_leak", "resource_leak"]
    assert listed("?state=resolved") == ["native_leak"]
    assert listed("?q=THREADS+check") == ["resource_leak"]
    assert listed("?state=nonsense&q=nothing+of+it") == []
    page = shop.viewer.get("/findings/?tz=Asia/Tokyo&q=threads").content.decode()
    assert 'href="?tz=Asia%2FTokyo&amp;q=threads&amp;state=snoozed"' in page
    assert '<input type="hidden" name="tz" value="Asia/Tokyo">' in page
    assert b"None of the 3 findings is meant" in shop.viewer.get("/findings/?q=nothing").content
    assert not shop.stranger.get("/findings/").context["page"].rows


def test_a_snooze_until_another_release_names_the_one_that_runs(shop: Shop, leak: Finding) -> None:
    assert 'name="release" value="v1"' in read(shop.engineer, leak)
    assert change(shop.engineer, leak, action="snooze", **{"for": "release", "release": "v1"}) == 302
    assert "until a release other than v1 runs" in read(shop.viewer, leak)


def test_latency_that_rises_with_memory_stands_beside_the_verdict(shop: Shop, leak: Finding) -> None:
    verdict = read(shop.viewer, leak).split('aria-label="Verdict"')[1].split("</section>")[0]
    assert "rises with memory" in verdict
    assert "correlation 0.80 with memory" in verdict


def test_a_resolved_finding_names_the_release_that_cured_it(shop: Shop, leak: Finding) -> None:
    now = datetime.now(UTC)
    Release.objects.create(
        project=shop.project, service=leak.service, version="v2", first_seen_at=now, last_seen_at=now
    )
    Finding.objects.filter(pk=leak.pk).update(status="resolved", resolved_at=now, cured_by_release="v2")
    page = read(shop.viewer, leak)
    assert "Release v2, which runs since" in page
    assert "cured it. It grew in release v1." in page
    assert "See both releases on the time axis" in page
    assert '<span class="badge plain ok">cured it</span>' in page


@pytest.mark.parametrize(
    ("diagnosis", "family"),
    [("runtime_retention", "retention"), ("fragmentation", "retention"), ("native_leak", "native")],
)
def test_memory_outside_the_live_heap_is_reckoned_up(
    shop: Shop, leak: Finding, observe: Callable[..., Instance], diagnosis: str, family: str
) -> None:
    observe(heap_inuse_bytes=206.0 * MIB, heap_idle_bytes=80.0 * MIB, heap_released_bytes=60.0 * MIB)
    Finding.objects.filter(pk=leak.pk).update(diagnosis=diagnosis, family=family, suspects=[])
    page = read(shop.viewer, leak)
    for words in (
        "HeapInuse − HeapAlloc",
        "206 MiB − 200 MiB = <strong>6.0 MiB",
        "80.0 MiB − 60.0 MiB = <strong>20.0",
    ):
        assert words in page, words
    assert "is still resident" in page
    assert '<details class="sums" open>' in page
    steps = page[page.index("What to do next") :].split("</section>")[0]
    assert steps.count("<li>") >= 3


def test_the_layers_kept_with_the_finding_are_shown_when_its_points_are_gone(
    shop: Shop, leak: Finding
) -> None:
    Finding.objects.filter(pk=leak.pk).update(
        started_at=datetime(2025, 1, 1, tzinfo=UTC), detected_at=datetime(2025, 1, 2, tzinfo=UTC),
        updated_at=datetime(2025, 1, 2, tzinfo=UTC),
    )  # fmt: skip
    assert "238 MiB" in read(shop.viewer, leak)


def test_a_group_of_call_sites_shows_its_members(shop: Shop, leak: Finding) -> None:
    members = [
        {"function": "shop.cache.put", "file": "shop/cache.py", "line": 41, "share": 0.6},
        {"function": "shop.cache.Put", "file": "shop/cache.py", "line": 12, "share": 0.33},
    ]
    Finding.objects.filter(pk=leak.pk).update(suspects=[leak.suspects[0] | {"members": members}])
    page = read(shop.viewer, leak)
    assert page.count('<ol class="suspects">') == 1
    for words in ("shop.cache.Put", "shop/cache.py:12", "33 %", "60 %"):
        assert words in page, words


def test_counted_things_are_said_as_counts(shop: Shop, leak: Finding) -> None:
    Finding.objects.filter(pk=leak.pk).update(
        diagnosis="resource_leak", family="resource", suspects=[], growth_bytes_per_hour=40.0, growth_low=31.0,
        growth_high=48.0, bytes_per_request=0.012, evidence=leak.evidence | {"signal": "goroutines"},
    )  # fmt: skip
    page = read(shop.viewer, leak)
    for words in ("+40 goroutines/h", "+31/h to +48/h", "1 per 83 requests", "is not memory of the heap"):
        assert words in page, words
    assert "lies beyond the forecast" not in page  # its memory limit is none of goroutines
    assert "Who holds it" not in page


def test_retained_memory_has_its_layers_for_a_picture_and_does_not_grow(
    shop: Shop, leak: Finding, observe: Callable[..., Instance]
) -> None:
    observe(heap_inuse_bytes=206.0 * MIB, native_free_bytes=40.0 * MIB, heap_idle_bytes=30.0 * MIB)
    Finding.objects.filter(pk=leak.pk).update(
        diagnosis="fragmentation", family="retention", suspects=[], growth_bytes_per_hour=None, growth_low=None,
        growth_high=None, forecast_p10_at=None, forecast_p50_at=None, forecast_p90_at=None,
        evidence=leak.evidence | {"signal": "heap", "limit_share": 0.97, "size_bytes": 497.0 * MIB},
    )  # fmt: skip
    page = read(shop.engineer, leak)
    for words in ("Near its limit since", "497 MiB of 512 MiB", "what is in use does not grow", "Why it is no leak",
                  "layers-figure", "near its limit", "A leak of what is in use"):  # fmt: skip
        assert words in page, words
    for words in (
        "growth began",
        "odds of lasting growth",
        "beyond the forecast",
        "floor-figure",
        "What grows",
    ):
        assert words not in page, words
    assert 'value="worse"' not in page
    worse = {"for": "worse", "worse_percent": "50"}
    assert change(shop.engineer, leak, action="snooze", **worse) == 409, "it would never end"


def test_only_what_grows_is_reckoned_where_one_replica_of_many_does(
    shop: Shop, leak: Finding, observe: Callable[..., Instance]
) -> None:
    observe(key="host:2", rss_bytes=100.0 * MIB, heap_live_bytes=60.0 * MIB)
    rising = leak.evidence["floor"][0]
    flat = rising | {"instance": "host:2", "fitted": [rising["fitted"][0]] * len(rising["fitted"])}
    Finding.objects.filter(pk=leak.pk).update(
        family="native", diagnosis="native_leak",
        evidence=leak.evidence | {"floor": [rising, flat], "replicas": 2, "replicas_growing": 1},
    )  # fmt: skip
    page = read(shop.viewer, leak)
    assert "Of host:1 alone" in page
    assert '<td class="num">300 MiB</td>' in page


def test_the_holder_stands_beside_the_verdict(shop: Shop, leak: Finding) -> None:
    report_holder(leak, "module shop.cache → RESULTS")
    verdict = read(shop.viewer, leak).split('aria-label="Verdict"')[1].split("</section>")[0]
    assert "module shop.cache → RESULTS" in verdict
    assert "93 % of its objects" in verdict


def test_a_snooze_until_a_local_time_is_noted_in_utc(shop: Shop, leak: Finding) -> None:
    shop.engineer.cookies["zone_name"] = "Europe/Berlin"
    assert (
        change(shop.engineer, leak, action="snooze", **{"for": "until", "until": "2099-01-01T10:00"}) == 302
    )
    assert leak.events.get(kind="snoozed").text == "until 2099-01-01 09:00 UTC"


def test_a_heap_leak_without_profiles_says_how_to_get_its_line(shop: Shop, leak: Finding) -> None:
    Finding.objects.filter(pk=leak.pk).update(suspects=[])
    page = read(shop.viewer, leak)
    assert page.count("no heap profile of its time is stored") == 2
    assert "Open the comparison</a>" not in page
    assert "No call site is named yet: send heap profiles" in page


def test_a_change_goes_back_to_the_page_as_it_was_shown(shop: Shop, leak: Finding) -> None:
    page = shop.engineer.get(f"/findings/{leak.pk}/?tz=Asia/Tokyo").content.decode()
    assert page.count(f'action="/findings/{leak.pk}/change/?tz=Asia%2FTokyo"') >= 4
    answer = shop.engineer.post(f"/findings/{leak.pk}/change/?tz=Asia%2FTokyo", {"action": "acknowledge"})
    assert answer.headers["Location"] == f"/findings/{leak.pk}/?tz=Asia%2FTokyo"
