"""What a mail says, and how it is built."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import numpy as np
import pytest

from profiler_server.alerts.actions.change_routes import add_route
from profiler_server.alerts.actions.send_due_notifications import send_due_notifications
from profiler_server.analysis.models import Finding, HolderReport
from profiler_server.core.points import PointBatch
from profiler_server.series.actions.store_points import store_points
from tests.integration.alerts.mailbox import Mailbox
from tests.integration.analysis.findings import NOW, a_finding, a_live_instance, a_service

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n"


def sent(mailbox: Mailbox, **changes: Any) -> tuple[EmailMessage, Finding]:
    """Return the mail of a finding whose service has three hours of points."""
    service = a_service(name=changes.pop("name", "checkout"))
    add_route(service.project_id, "ops@example.com", service_id=service.pk)
    instance = a_live_instance(service)
    ts = np.arange(NOW.timestamp() - 3.5 * 3600, NOW.timestamp(), 60.0)
    store_points(
        instance,
        PointBatch(ts, {"rss_bytes": 2e8 + np.arange(len(ts)) * 1e6, "requests": np.full(len(ts), 40.0)}),
    )
    found = a_finding(service, **changes)
    HolderReport.objects.create(
        project_id=service.project_id, service=service, instance=instance, finding=found, at=NOW, method="census",
        paths=[{"path": "module shop.cache → RESULTS: dict (48,211 entries)", "share": 0.93, "objects": 1, "bytes": 2}],
        digest=b"x",
    )  # fmt: skip
    send_due_notifications()
    return mailbox.messages[-1], found


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_the_subject_names_service_growth_and_time_left(mailbox: Mailbox) -> None:
    message, _ = sent(mailbox)
    subject = str(message["Subject"])
    assert subject.startswith("[Plimsoll] checkout leaks +48.0 MiB/h, limit in ")
    assert "\n" not in subject


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_it_alone_is_enough(mailbox: Mailbox, kind: str) -> None:
    message, found = sent(mailbox)
    text = body(message, kind)
    for expected in (
        "checkout leaks 48 MiB/h in remember_order.",
        "+48.0 MiB/h",
        "1.8 KiB",
        "512 MiB on ",
        found.forecast_p50_at.strftime("%d %b %Y %H:%M UTC"),
        "remember_order",
        "/srv/shop/orders.py:42",
        "94 %",
        "2.4.0",
        "module shop.cache → RESULTS: dict (48,211 entries)",
        "Look at what keeps its objects",
        f"http://127.0.0.1:8000/findings/{found.pk}/?project={found.project.slug}",
        f"http://127.0.0.1:8000/services/checkout/compare/?project={found.project.slug}",
    ):
        assert expected in text, expected


def test_the_picture_is_inline(mailbox: Mailbox) -> None:
    message, _ = sent(mailbox)
    assert message.get_content_type() == "multipart/related"
    (picture,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content_disposition() == "inline"
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in body(message, "html")
    content = picture.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content.startswith(PNG)
    assert len(content) < 60_000


def test_without_points_there_is_a_mail_without_a_picture(mailbox: Mailbox) -> None:
    service = a_service()
    add_route(service.project_id, "ops@example.com")
    a_finding(service)
    send_due_notifications()
    assert "cid:" not in body(mailbox.messages[0], "html")


def test_names_from_outside_are_escaped(mailbox: Mailbox) -> None:
    message, _ = sent(mailbox, name="a<b>&\r\nBcc: x@example.com", verdict="<script>alert(1)</script>")
    assert "<script>" not in body(message, "html")
    assert "&lt;script&gt;" in body(message, "html")
    assert message["Bcc"] is None


def test_a_resource_leak_counts_things(mailbox: Mailbox) -> None:
    message, _ = sent(
        mailbox, family="resource", diagnosis="resource_leak", growth_bytes_per_hour=1200.0, growth_low=1000.0,
        growth_high=1400.0, evidence={"signal": "goroutines"}, forecast_p50_at=None, limit_bytes=None,
    )  # fmt: skip
    assert "+1.2 k goroutines/h" in str(message["Subject"])


def test_retained_memory_is_not_said_to_grow(mailbox: Mailbox) -> None:
    parts = {"heap": 1e8, "rss": 3e8}
    evidence = {"signal": "heap", "limit_share": 0.97, "waterfall": parts, "latency_correlation": 0.9}
    message, _ = sent(
        mailbox, family="retention", diagnosis="fragmentation", growth_bytes_per_hour=None, growth_low=None,
        growth_high=None, bytes_per_request=None, forecast_p50_at=None, limit_bytes=300 << 20, evidence=evidence,
    )  # fmt: skip
    text = body(message, "plain")
    for words in ("Near its limit since", "what is in use does not grow", "Resident: 286 MiB, 3.0 times"):
        assert words in text, words
    for words in ("Growing since", "Latency", "beyond the forecast"):
        assert words not in text, words


def test_dates_are_absolute_and_in_utc(mailbox: Mailbox) -> None:
    at = datetime.now(UTC) + timedelta(hours=4)
    message, _ = sent(mailbox, forecast_p50_at=at)
    assert at.strftime("%a %d %b %Y %H:%M UTC") in body(message, "plain")


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_suspect_of_several_places_names_them(mailbox: Mailbox, kind: str) -> None:
    places = [("async.(*task).Run", 0.54), ("async.(*task).run", 0.46)]
    members = [
        {"function": f"github.com/grab/{name}", "file": "a.go", "line": 1, "share": share}
        for name, share in places
    ]
    suspect = {"function": "github.com/grab/async.(*task).Run", "file": "a.go", "line": 1, "path": ["Consume"],
               "share": 1.0, "growth_bytes_per_hour": 4e6, "members": members}  # fmt: skip
    message, _ = sent(mailbox, suspects=[suspect])
    assert "several places together: async.(*task).Run 54 %, async.(*task).run 46 %" in body(message, kind)
