"""`make incident-N`: live through one incident and say at the end what Plimsoll said."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
from types import FrameType
from typing import cast

from examples.incidents.scenario import Scenario
from examples.stage.stage import POLL_SECONDS, Judge, Stage, StageFailed, say, verdict

NAMES = {1: "context_leak", 2: "runtime_retention", 3: "parser_buffer", 4: "extra_40ms"}


def main() -> int:
    """Run the incident; with `--check`, return 0 only if Plimsoll said what it must."""
    parser = argparse.ArgumentParser(prog="make incident-N", description=__doc__)
    parser.add_argument("number", type=int, choices=sorted(NAMES))
    parser.add_argument("--check", action="store_true", help="judge without a person, then stop")
    parser.add_argument("--folder", help="the data's folder below .plimsoll (default: incident-N)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _as_interrupt)
    stage = Stage(options.folder or f"incident-{options.number}", is_visited=not options.check)
    module = importlib.import_module(f"examples.incidents.{NAMES[options.number]}.scenario")
    scenario = cast("Scenario", module.SCENARIO())
    try:
        stage.open()
        scenario.start(stage)
        missing = Judge(stage, scenario.expectations()).wait(scenario.limit_seconds, scenario.each_second)
        scenario.tell()
        stage.tell_addresses()
        if options.check:
            return verdict(missing, stage)
        for text in missing:
            say(f"not seen: {text}")
        say("the server runs on; Ctrl-C stops everything")
        while True:
            time.sleep(POLL_SECONDS)
            stage.check_server()
    except StageFailed as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopping")
    finally:
        scenario.stop()
        stage.stop()
    return 0


def _as_interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
