"""A server of its own with a mailbox, from an empty folder, and the judge of what it says."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from examples.stage.browser import Browser
from examples.stage.mailbox import Mailbox
from examples.stage.programs import ROOT, Program, free_port, server

PREFERRED_PORT = 8000
SERVER_SECONDS = 90.0
POLL_SECONDS = 1.0
PROGRESS_SECONDS = 5.0


class StageFailed(Exception):
    """Something did not come up; the message says what and where its log is."""


@dataclass(frozen=True)
class Expectation:
    """One thing that must come true (or, for `stays`, remain true to the end)."""

    text: str
    holds: Callable[[], bool]
    stays: bool = False


class Stage:
    """Everything that a demonstration has started; `stop` stops it all.

    Where a person visits (`is_visited`) the server has the port that people expect, if it is free.
    """

    def __init__(self, name: str, *, is_visited: bool = True) -> None:
        self.folder = ROOT / ".plimsoll" / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.logs = self.folder / "log"
        self.url = f"http://127.0.0.1:{free_port(PREFERRED_PORT if is_visited else 0)}"
        self.mailbox = Mailbox(self.folder / "mail", free_port())
        self.programs: list[Program] = []
        self.begun = time.monotonic()
        self.login = ("", "")
        self.token = ""

    @property
    def agent(self) -> dict[str, str]:
        """The environment that points an agent at this server."""
        return {"PLIMSOLL_URL": self.url, "PLIMSOLL_TOKEN": self.token}

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the stage was made."""
        return time.monotonic() - self.begun

    def open(self) -> None:
        """Bring up the mailbox and the server; raise `StageFailed` when that takes too long."""
        self.mailbox.start()
        say(f"the mailbox listens; mails are kept in {self.mailbox.folder.relative_to(ROOT)}")
        os.environ.update(self._server_environment())
        self.run(server({}, self.logs))
        self._wait_for_server()
        import django  # noqa: PLC0415  its settings are read from the environment made above

        django.setup()

    def run(self, program: Program) -> Program:
        """Start a program and remember to stop it."""
        program.start()
        self.programs.append(program)
        return program

    def browser(self) -> Browser:
        """Return a session that is logged in at the dashboard."""
        browser = Browser(self.url)
        browser.log_in(*self.login)
        return browser

    def stop(self) -> None:
        """Stop everything, the last started first."""
        for program in reversed(self.programs):
            program.stop()
        self.mailbox.stop()

    def tell_addresses(self) -> None:
        """Print where to look and how to log in, and the mails that have arrived."""
        print(f"\n  dashboard   {self.url}\n  login       {self.login[0]} / {self.login[1]}")
        for path, message in self.mailbox.messages():
            print(f"  e-mail      {message['Subject']}\n              {path.relative_to(ROOT)}")
        print(flush=True)

    def check_server(self) -> None:
        """Raise `StageFailed` when the server has ended."""
        if not self.programs[0].running:
            raise StageFailed(f"the server has ended; see {self.logs / 'server.log'}")

    def _server_environment(self) -> Mapping[str, str]:
        return {
            "PLIMSOLL_DATA_DIR": str(self.folder),
            "PLIMSOLL_BIND": self.url.removeprefix("http://"),
            "PLIMSOLL_BASE_URL": self.url,
            "PLIMSOLL_SMTP_PORT": str(self.mailbox.port),
            "PLIMSOLL_EVALUATION_INTERVAL_SECONDS": "5",
            "DJANGO_SETTINGS_MODULE": "profiler_server.config.settings",
        }

    def _wait_for_server(self) -> None:
        deadline = time.monotonic() + SERVER_SECONDS
        first_login = self.folder / "first-login"
        browser = Browser(self.url)
        while time.monotonic() < deadline:
            self.check_server()
            if first_login.exists() and _answers(browser):
                username, password, self.token = first_login.read_text().split()
                self.login = (username, password)
                return
            time.sleep(POLL_SECONDS / 4)
        raise StageFailed(f"the server did not come up; see {self.logs / 'server.log'}")


class Judge:
    """Watches expectations come true, and says what is still being waited for."""

    def __init__(self, stage: Stage, expectations: list[Expectation]) -> None:
        self.stage = stage
        self.expectations = expectations
        self.waiting = [one for one in expectations if not one.stays]

    def wait(self, limit_seconds: float | None, each_second: Callable[[], str]) -> list[str]:
        """Wait until nothing is waited for, or `limit_seconds` have passed; return what is missing.

        `each_second` is called between looks; what it returns is shown with the progress.
        """
        shown = 0.0
        while self.waiting:
            time.sleep(POLL_SECONDS)
            self.stage.check_server()
            status = each_second()
            self.waiting = [one for one in self.waiting if not self._came_true(one)]
            elapsed = self.stage.elapsed_seconds
            if self.waiting and elapsed - shown >= PROGRESS_SECONDS:
                shown = elapsed
                say(f"{elapsed:4.0f} s  {status}; waiting for: {self.waiting[0].text}")
            if limit_seconds is not None and elapsed > limit_seconds:
                break
        return [one.text for one in self.expectations if not one.holds()]

    def _came_true(self, one: Expectation) -> bool:
        if not one.holds():
            return False
        say(f"{self.stage.elapsed_seconds:4.0f} s  yes: {one.text}")
        return True


def say(line: str) -> None:
    """Print one line of progress."""
    print(f"demo: {line}", flush=True)


def verdict(missing: list[str], stage: Stage) -> int:
    """Say what was missing; return the exit code."""
    for text in missing:
        say(f"MISSING: {text}")
    say("everything was seen" if not missing else f"{len(missing)} missing; logs are in {stage.logs}")
    return 1 if missing else 0


def _answers(browser: Browser) -> bool:
    try:
        return browser.status_of("/login/") == 200
    except OSError:
        return False
