"""Mail by SMTP: text and HTML, with the picture of memory against load inline."""

from __future__ import annotations

import smtplib
from email.mime.image import MIMEImage
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.utils import timezone

from profiler_server.accounts.models import Project
from profiler_server.alerts import words
from profiler_server.alerts.chart import draw_chart
from profiler_server.alerts.chart_data import chart_data
from profiler_server.alerts.models import Notification, NotificationKind
from profiler_server.analysis.queries import holder_reports
from profiler_server.analysis.wording import growth_text
from profiler_server.core.units import format_share

SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
CHART_NAME = "memory.png"
MAX_HOLDERS = 3
FIRST_PERMANENT_CODE = 500


class Unreachable(Exception):
    """The mail server could not be reached or asks to come back later."""


class Refused(Exception):
    """The mail server will never take this message for this recipient."""


class _MailWithPicture(EmailMultiAlternatives):
    """A mail whose attachments belong to its HTML."""

    mixed_subtype = "related"


def send_notification(notification: Notification) -> None:
    """Hand the notification to the mail server; raises `Unreachable` or `Refused`."""
    message = build_message(notification)
    try:
        message.connection = get_connection(SMTP_BACKEND)
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        raise _refusal(error) from error
    except smtplib.SMTPResponseException as error:
        kind = Refused if _is_permanent(error) else Unreachable
        raise kind(f"{error.smtp_code} {_plain(error.smtp_error)}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise Unreachable(f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} — {error}") from error


def build_message(notification: Notification) -> EmailMultiAlternatives:
    """Return the mail of a notification, whole."""
    if notification.kind == NotificationKind.TEST:
        return _build(notification, "test", _test_context(notification), None)
    context, picture = _finding_context(notification)
    return _build(notification, "finding", context, picture)


def _build(
    notification: Notification, template: str, context: dict[str, Any], picture: bytes | None
) -> EmailMultiAlternatives:
    message = _MailWithPicture(
        subject=context["subject"],
        body=render_to_string(f"alerts/{template}.txt", context).strip() + "\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[notification.recipient],
        headers={
            "Message-ID": f"<{notification.message_id}@plimsoll>",
            "Auto-Submitted": "auto-generated",
            "X-Plimsoll-Kind": notification.kind,
        },
    )
    message.attach_alternative(render_to_string(f"alerts/{template}.html", context), "text/html")
    if picture is not None:
        image = MIMEImage(picture, "png")
        image.add_header("Content-ID", f"<{context['chart_cid']}>")
        image.add_header("Content-Disposition", "inline", filename=CHART_NAME)
        message.attach(image)
    return message


def _test_context(notification: Notification) -> dict[str, Any]:
    project = Project.objects.get(pk=notification.project_id)
    return {
        "subject": f"[Plimsoll] A test for {project.name}",
        "project": project.name,
        "recipient": notification.recipient,
        "base_url": settings.ENV.base_url,
    }


def _finding_context(notification: Notification) -> tuple[dict[str, Any], bytes | None]:
    found, now = notification.finding, timezone.now()
    if found is None:
        raise ValueError("A notification of this kind needs its finding.")
    picture = draw_chart(chart_data(found))
    context = {
        "subject": words.subject_of(found, notification.kind, now=now),
        "verdict": words.headline(found, notification.kind),
        "facts": words.facts_of(found, now=now),
        "suspects": words.suspects_of(found),
        "holders": _holders(notification),
        "steps": () if notification.kind == NotificationKind.RESOLVED else words.steps_of(found),
        "comparison_url": words.comparison_url(found, settings.ENV.base_url),
        "finding_url": words.finding_url(found, settings.ENV.base_url),
        "service": found.service.name,
        "project": Project.objects.get(pk=notification.project_id).name,
        "recipient": notification.recipient,
        "chart_cid": f"chart.{notification.message_id}@plimsoll" if picture else "",
        "chart_alt": f"Memory of {found.service.name} against its load: {growth_text(found)}",
    }
    return context, picture


def _holders(notification: Notification) -> list[dict[str, str]]:
    reports = holder_reports(notification.project_id, finding_id=notification.finding_id)
    paths = reports[0].paths if reports else []
    return [{"path": p["path"], "share": format_share(p["share"])} for p in paths[:MAX_HOLDERS]]


def _refusal(error: smtplib.SMTPRecipientsRefused) -> Exception:
    code, reason = next(iter(error.recipients.values()), (0, b""))
    kind = Refused if code >= FIRST_PERMANENT_CODE else Unreachable
    return kind(f"{code} {_plain(reason)}")


def _is_permanent(error: smtplib.SMTPResponseException) -> bool:
    """Return whether trying again is useless; a refused login may be mended by an admin, so it is not."""
    return error.smtp_code >= FIRST_PERMANENT_CODE and not isinstance(
        error, (smtplib.SMTPAuthenticationError, smtplib.SMTPHeloError, smtplib.SMTPConnectError)
    )


def _plain(reason: bytes | str) -> str:
    return reason.decode(errors="replace") if isinstance(reason, bytes) else reason
