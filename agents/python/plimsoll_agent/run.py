"""``plimsoll-run python app.py``: run a program with the agent inside it, without changing the program."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn, Optional, Sequence

from plimsoll_agent.settings import PREFIX, describe
from plimsoll_agent.version import __version__

BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap")
NOT_FOUND = 127


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """Become the given command, with PYTHONPATH and ``PLIMSOLL_*`` set."""
    options = _parser().parse_args(arguments)
    environment = dict(os.environ)
    for name in ("service", "url", "token"):
        value = getattr(options, name)
        if value is not None:
            environment[PREFIX + name.upper()] = value
    for pair in options.set:
        name, _, value = pair.partition("=")
        environment[PREFIX + name.upper()] = value
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [BOOTSTRAP, environment.get("PYTHONPATH")]))
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        _parser().error("a command is missing, for example: plimsoll-run python app.py")
    try:
        os.execvpe(command[0], command, environment)
    except OSError as problem:
        sys.stderr.write(f"plimsoll-run: {command[0]}: {problem.strerror}\n")
        sys.exit(NOT_FOUND)


def _parser() -> argparse.ArgumentParser:
    variables = "\n".join(f"  {name:<26}{text}" for name, _, text in describe())
    parser = argparse.ArgumentParser(
        prog="plimsoll-run",
        description="Run a Python program with the Plimsoll agent inside it.",
        epilog=f"variables:\n{variables}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--service", help="name of the service (PLIMSOLL_SERVICE)")
    parser.add_argument("--url", help="address of the server (PLIMSOLL_URL)")
    parser.add_argument(
        "--token", help="project token (PLIMSOLL_TOKEN; the variable keeps it off the process list)"
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting")
    parser.add_argument("--version", action="version", version=f"plimsoll-agent {__version__}")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the program and its arguments")
    return parser
