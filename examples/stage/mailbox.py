"""A real SMTP listener that keeps what it is sent as files."""

from __future__ import annotations

import logging
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

MAILS_AT_MOST = 500


class Mailbox:
    """Listens on loopback; every message becomes a numbered `.eml` file in `folder`."""

    def __init__(self, folder: Path, port: int) -> None:
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port
        self._controller = Controller(self, hostname="127.0.0.1", port=port)

    def start(self) -> None:
        """Begin to listen."""
        self._controller.start()

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        """Keep one message."""
        count = len(list(self.folder.glob("*.eml")))
        if count >= MAILS_AT_MOST:
            return "452 the mailbox is full"
        (self.folder / f"{count + 1:03}.eml").write_bytes(envelope.content)
        return "250 kept"

    def messages(self) -> list[tuple[Path, EmailMessage]]:
        """Return what has arrived, oldest first."""
        return [
            (path, message_from_bytes(path.read_bytes(), policy=policy.default))
            for path in sorted(self.folder.glob("*.eml"))
        ]
