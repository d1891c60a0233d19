"""Starts the agent in an interpreter that ``plimsoll-run`` launched, or a descendant of it."""

from __future__ import annotations

import os

from plimsoll_agent.lifecycle import LIFE, is_attendant, is_forkserver
from plimsoll_agent.settings import read_settings


def boot() -> None:
    """Start by the environment alone; multiprocessing's attendants are not part of the service."""
    if is_attendant():
        return
    LIFE.start({}, sleeping=is_forkserver())
    if LIFE.agent is not None and read_settings({}, os.environ)[0].instrument:
        from plimsoll_agent.instrument import install

        install()
