"""What the demonstration must show, each as a question to the running system."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from examples.stage.browser import Browser
from examples.stage.mailbox import Mailbox
from examples.stage.stage import Expectation

if TYPE_CHECKING:
    from profiler_server.analysis.models import Finding

GUILTY_LIVE = ("remember_order",)
GUILTY_RECORDED = ("grab/async", "context.")


def finding_of(service: str) -> Finding | None:
    """Return the newest finding of a service."""
    from profiler_server.analysis.models import Finding  # noqa: PLC0415  Django is set up by now

    return Finding.objects.filter(service__name=service).order_by("-detected_at").first()


def word_on(service: str) -> tuple[str, str]:
    """Return the diagnosis and the sentence that the service's page shows now; empty before it is looked at."""
    from profiler_server.analysis.models import ServiceWatch  # noqa: PLC0415  Django is set up by now

    watch = ServiceWatch.objects.filter(service__name=service).first()
    return (watch.diagnosis, watch.sentence) if watch else ("", "")


def first_suspect_is(service: str, guilty: Iterable[str]) -> bool:
    """Return whether the first suspect of the service's finding is one of the `guilty` functions."""
    finding = finding_of(service)
    if finding is None or not finding.suspects:
        return False
    return any(name in finding.suspects[0]["function"] for name in guilty)


def is_found(service: str) -> bool:
    """Return whether the service has a finding that calls it a leak of the heap."""
    finding = finding_of(service)
    return finding is not None and finding.diagnosis == "heap_leak"


def mail_names(mailbox: Mailbox, service: str) -> bool:
    """Return whether a mail about the service has arrived, with its picture inside."""
    for _, message in mailbox.messages():
        pictures = [part for part in message.walk() if part.get_content_type() == "image/png"]
        if service in message["Subject"] and pictures:
            return True
    return False


def pages_answer(browser: Browser, service: str) -> bool:
    """Return whether every page about a service with a finding answers."""
    finding = finding_of(service)
    if finding is None:
        return False
    own = [f"/services/{service}/{page}" for page in ("", "flame/", "compare/", "growth/")]
    return all(browser.status_of(path) == 200 for path in ["/", *own, f"/findings/{finding.pk}/"])


def all_expectations(mailbox: Mailbox, browser: Browser) -> list[Expectation]:
    """Return everything that `CHECK=1` judges, in the order in which it comes true."""
    recorded = "svc-context-leak"
    return [
        Expectation("the recorded incident is found", lambda: is_found(recorded)),
        Expectation(
            "its first suspect is the task library", lambda: first_suspect_is(recorded, GUILTY_RECORDED)
        ),
        Expectation("the leaking checkout service is found", lambda: is_found("checkout")),
        Expectation("its first suspect is remember_order", lambda: first_suspect_is("checkout", GUILTY_LIVE)),
        Expectation("an e-mail with a chart names checkout", lambda: mail_names(mailbox, "checkout")),
        Expectation("every page answers", lambda: pages_answer(browser, "checkout")),
        Expectation(
            "the healthy search service is not flagged", lambda: finding_of("search") is None, stays=True
        ),
        Expectation(
            "the recording of the fixed release is not flagged",
            lambda: finding_of("svc-context-fixed") is None,
            stays=True,
        ),
    ]
