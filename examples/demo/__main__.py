"""`make demo`: start everything, wait for the finding, tell where to look, and stop it all at Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from types import FrameType

from examples.demo.expectations import all_expectations, finding_of
from examples.stage.load import Load
from examples.stage.programs import Program, free_port, python_service, replay
from examples.stage.stage import POLL_SECONDS, Judge, Stage, StageFailed, say, verdict

CHECK_SECONDS = 330.0
RECORDINGS = ("context-leak", "context-fixed")
RELEASES = {"checkout": "2.4.0", "search": "1.9.3"}
SERVICE_LIMIT_BYTES = 400 << 20
TIME_SCALE = 240.0


class Demo:
    """The stage with two services under load and two recordings replayed beside them."""

    def __init__(self) -> None:
        self.stage = Stage("demo")
        self.services: list[Program] = []
        self.loads: list[Load] = []

    def start(self) -> None:
        """Bring up the server, the services with their load, and the replays."""
        self.stage.open()
        for name in RELEASES:
            port = free_port()
            program = python_service(
                name,
                f"examples.demo.services.{name}",
                ["--port", str(port)],
                self._agent(name),
                self.stage.logs,
            )
            self.services.append(self.stage.run(program))
            self.loads.append(Load(f"http://127.0.0.1:{port}/"))
            self.loads[-1].start()
        say("two services are up, checkout (leaking) and search (healthy); their load rises and recedes")
        for recording in RECORDINGS:
            self.stage.run(replay(recording, self.stage.agent, self.stage.logs))
        say("a recorded incident and its fixed release are replayed beside them")

    def keep_services(self) -> str:
        """Do to a service what its orchestrator would: end it at its limit, start it again; return the sizes."""
        for program in self.services:
            if program.rss_bytes > SERVICE_LIMIT_BYTES:
                say(f"{program.name} has reached its memory limit and is started again")
                program.stop()
            if not program.running:
                program.start()
        return ", ".join(f"{program.name} {program.rss_bytes >> 20} MiB" for program in self.services)

    def tell(self) -> None:
        """Print the finding, its guilty frame, and where to look."""
        finding = finding_of("checkout")
        if finding is not None and finding.suspects:
            suspect = finding.suspects[0]
            print(f"\n  finding     {self.stage.url}/findings/{finding.pk}/\n              {finding.verdict}")
            print(f"  suspect     {suspect['function']}  {suspect['file']}:{suspect['line']}", end="")
        self.stage.tell_addresses()

    def run_on(self) -> None:
        """Go on until Ctrl-C."""
        while True:
            time.sleep(POLL_SECONDS)
            self.stage.check_server()
            self.keep_services()

    def stop(self) -> None:
        """Stop everything that was started."""
        for load in self.loads:
            load.stop()
        self.stage.stop()

    def _agent(self, name: str) -> dict[str, str]:
        return {
            **self.stage.agent,
            "PLIMSOLL_RELEASE": RELEASES[name],
            "PLIMSOLL_MEMORY_LIMIT_BYTES": str(SERVICE_LIMIT_BYTES),
            "PLIMSOLL_POINT_SECONDS": "1",
            "PLIMSOLL_PROFILE_SECONDS": "5",
            "PLIMSOLL_MODE": "always",
            "PLIMSOLL_SAMPLE_BYTES": "65536",
            "PLIMSOLL_LABELS": f"time_scale={TIME_SCALE:g}",
        }


def main() -> int:
    """Run the demonstration; with `--check`, judge it and return 0 only if everything was seen."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="judge without a person, then stop")
    check = parser.parse_args().check
    signal.signal(signal.SIGTERM, _as_interrupt)
    demo = Demo()
    try:
        demo.start()
        judge = Judge(demo.stage, all_expectations(demo.stage.mailbox, demo.stage.browser()))
        missing = judge.wait(CHECK_SECONDS if check else None, demo.keep_services)
        demo.tell()
        if check:
            return verdict(missing, demo.stage)
        say("it runs on; Ctrl-C stops everything")
        demo.run_on()
    except StageFailed as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopping")
    finally:
        demo.stop()
    return 0


def _as_interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
