"""`make demo`: start everything, wait for the finding, tell where to look, and stop it all at Ctrl-C."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from types import FrameType

from examples.demo.browser import Browser
from examples.demo.expectations import Expectation, all_expectations, finding_of
from examples.demo.load import Load
from examples.demo.mailbox import Mailbox
from examples.demo.programs import ROOT, SERVICE_LIMIT_BYTES, Program, free_port, replay, server, service

CHECK_SECONDS = 330.0
FOLDER = ROOT / ".plimsoll" / "demo"
PREFERRED_PORT = 8000
SERVER_SECONDS = 90.0
POLL_SECONDS = 1.0
PROGRESS_SECONDS = 5.0
QUIET_SECONDS = 20.0
RECORDINGS = ("context-leak", "context-fixed")
SERVICES = ("checkout", "search")


class DemoFailed(Exception):
    """Something did not come up; the message says what and where its log is."""


class Demo:
    """Everything that runs during the demonstration."""

    def __init__(self) -> None:
        shutil.rmtree(FOLDER, ignore_errors=True)
        self.logs = FOLDER / "log"
        self.url = f"http://127.0.0.1:{free_port(PREFERRED_PORT)}"
        self.mailbox = Mailbox(FOLDER / "mail", free_port())
        self.programs: list[Program] = []
        self.loads: list[Load] = []
        self.begun = time.monotonic()
        self.login = ("", "")

    def start(self) -> None:
        """Bring up the mailbox, the server, the services with their load, and the replays."""
        self.mailbox.start()
        say(f"the mailbox listens; mails are kept in {FOLDER / 'mail'}")
        os.environ.update(self._server_environment())
        self._run(server(os.environ, self.logs))
        token = self._wait_for_server()
        agent = {"PLIMSOLL_URL": self.url, "PLIMSOLL_TOKEN": token}
        for name in SERVICES:
            port = free_port()
            self._run(service(name, port, agent, self.logs))
            self.loads.append(Load(f"http://127.0.0.1:{port}/"))
        for load in self.loads:
            load.start()
        say("two services are up, checkout (leaking) and search (healthy); their load rises and recedes")
        for recording in RECORDINGS:
            self._run(replay(recording, agent, self.logs))
        say("a recorded incident and its fixed release are replayed beside them")

    def wait(self, expectations: list[Expectation], limit_seconds: float | None) -> list[str]:
        """Wait until every expectation holds; return what was missing when time ran out."""
        missing = expectations
        shown = 0.0
        while missing:
            time.sleep(POLL_SECONDS)
            self._keep_services()
            missing = self._note(missing)
            waiting = [one.text for one in missing if not one.stays]
            elapsed = time.monotonic() - self.begun
            if not waiting and elapsed >= QUIET_SECONDS:
                return [one.text for one in expectations if one.stays and not one.holds()]
            if elapsed - shown >= PROGRESS_SECONDS and waiting:
                shown = elapsed
                say(f"{elapsed:4.0f} s  {self._sizes()}; waiting for: {waiting[0]}")
            if limit_seconds is not None and elapsed > limit_seconds:
                return [one.text for one in expectations if not one.holds()]
        return []

    def keep_running(self) -> None:
        """Go on until Ctrl-C."""
        while True:
            time.sleep(POLL_SECONDS)
            self._keep_services()

    def stop(self) -> None:
        """Stop everything that was started."""
        for load in self.loads:
            load.stop()
        for program in reversed(self.programs):
            program.stop()
        self.mailbox.stop()

    def tell(self) -> None:
        """Print the address, the login, the finding and the mail."""
        finding = finding_of("checkout")
        print(f"\n  dashboard   {self.url}\n  login       {self.login[0]} / {self.login[1]}")
        if finding is not None:
            suspect = finding.suspects[0]
            print(f"  finding     {self.url}/findings/{finding.pk}/\n              {finding.verdict}")
            print(f"  suspect     {suspect['function']}  {suspect['file']}:{suspect['line']}")
        for path, message in self.mailbox.messages():
            print(f"  e-mail      {message['Subject']}\n              {path.relative_to(ROOT)}")
        print(flush=True)

    def log_in(self) -> Browser:
        """Return a browser session at the dashboard."""
        browser = Browser(self.url)
        browser.log_in(*self.login)
        return browser

    def _server_environment(self) -> dict[str, str]:
        return {
            "PLIMSOLL_DATA_DIR": str(FOLDER),
            "PLIMSOLL_BIND": self.url.removeprefix("http://"),
            "PLIMSOLL_BASE_URL": self.url,
            "PLIMSOLL_SMTP_PORT": str(self.mailbox.port),
            "PLIMSOLL_EVALUATION_INTERVAL_SECONDS": "5",
            "DJANGO_SETTINGS_MODULE": "profiler_server.config.settings",
        }

    def _run(self, program: Program) -> None:
        program.start()
        self.programs.append(program)

    def _wait_for_server(self) -> str:
        deadline = time.monotonic() + SERVER_SECONDS
        first_login = FOLDER / "first-login"
        browser = Browser(self.url)
        while time.monotonic() < deadline:
            if not self.programs[0].running:
                break
            if first_login.exists() and _answers(browser):
                username, password, token = first_login.read_text().split()
                self.login = (username, password)
                return token
            time.sleep(POLL_SECONDS / 4)
        raise DemoFailed(f"the server did not come up; see {self.logs / 'server.log'}")

    def _keep_services(self) -> None:
        """Do to a service what its orchestrator would: kill it at its limit, and start it again."""
        if not self.programs[0].running:
            raise DemoFailed(f"the server has ended; see {self.logs / 'server.log'}")
        for program in self.programs:
            if program.name not in SERVICES:
                continue
            if program.rss_bytes > SERVICE_LIMIT_BYTES:
                say(f"{program.name} has reached its memory limit and is started again")
                program.stop()
            if not program.running:
                program.start()

    def _note(self, missing: list[Expectation]) -> list[Expectation]:
        left = []
        for one in missing:
            if one.stays or not one.holds():
                left.append(one)
            else:
                say(f"{time.monotonic() - self.begun:4.0f} s  yes: {one.text}")
        return left

    def _sizes(self) -> str:
        services = [program for program in self.programs if program.name in SERVICES]
        return ", ".join(f"{program.name} {program.rss_bytes >> 20} MiB" for program in services)


def say(line: str) -> None:
    """Print one line of progress."""
    print(f"demo: {line}", flush=True)


def main() -> int:
    """Run the demonstration; with `--check`, judge it and return 0 only if everything was seen."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="judge without a person, then stop")
    check = parser.parse_args().check
    signal.signal(signal.SIGTERM, _as_interrupt)
    demo = Demo()
    try:
        demo.start()
        _set_up_django()
        missing = demo.wait(all_expectations(demo.mailbox, demo.log_in()), CHECK_SECONDS if check else None)
        demo.tell()
        if check:
            return _judge(missing)
        say("it runs on; Ctrl-C stops everything")
        demo.keep_running()
    except DemoFailed as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopping")
    finally:
        demo.stop()
    return 0


def _judge(missing: list[str]) -> int:
    for text in missing:
        say(f"MISSING: {text}")
    say("everything was seen" if not missing else f"{len(missing)} missing; logs are in {FOLDER / 'log'}")
    return 1 if missing else 0


def _answers(browser: Browser) -> bool:
    try:
        return browser.status_of("/login/") == 200
    except OSError:
        return False


def _set_up_django() -> None:
    import django  # noqa: PLC0415  its settings are read from the environment made above

    django.setup()


def _as_interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
