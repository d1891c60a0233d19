"""A mailbox that the server's mails really go to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.alerts.mailbox import Mailbox


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    box = Mailbox()
    box.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
    settings.EMAIL_USE_TLS, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = False, "", ""
    settings.EMAIL_TIMEOUT = 5
    yield box
    box.stop()
