"""Starts, stops and re-creates the agent across the life of a process: exit, fork, second start."""

from __future__ import annotations

import atexit
import os
import sys
from typing import Any, Mapping, Optional

from plimsoll_agent.agent import Agent
from plimsoll_agent.custom import CustomSeries
from plimsoll_agent.load import LoadMeter
from plimsoll_agent.samplers import choose_sampler
from plimsoll_agent.settings import Settings, is_usable, read_settings
from plimsoll_agent.speech import VOICE

_FORKSERVER_MARK = "multiprocessing.forkserver"
_IDLE_LOAD = LoadMeter()
_IDLE_CUSTOM = CustomSeries()


class Life:
    """The state of the agent in this process; there is one, ``LIFE``."""

    def __init__(self) -> None:
        self.agent: Optional[Agent] = None
        self._hooked = False
        self._sleeping = False
        self._pid = 0

    def start(self, arguments: Mapping[str, Any], *, sleeping: bool = False) -> None:
        """Start the agent; ``sleeping`` only prepares for forked children to have one."""
        if self.agent is not None:
            VOICE.once("start() was called again; the first call stands")
            return
        settings, problems = read_settings(arguments, os.environ)
        if not settings.enabled:
            return
        if problems:
            VOICE.once("; ".join(problems))
        if not is_usable(settings):
            return
        agent = Agent(settings, choose_sampler(settings))
        self.agent = agent
        self._sleeping = sleeping
        self._pid = os.getpid()
        self._hook()
        if not sleeping:
            agent.armament.begin()
            agent.start()

    def stop(self, seconds: Optional[float] = None) -> None:
        """Stop the agent; waits at most ``seconds``, by default just under one."""
        agent, self.agent = self.agent, None
        if agent is not None:
            agent.stop() if seconds is None else agent.stop(seconds)

    def here(self) -> Optional[Agent]:
        """The agent of this very process.

        uWSGI forks in C without telling Python, so the process number is compared at each use.
        """
        if self.agent is not None and os.getpid() != self._pid:
            _quietly(self._reborn)
        return self.agent

    def _hook(self) -> None:
        if self._hooked:
            return
        self._hooked = True
        atexit.register(_quietly, self.stop)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=lambda: _quietly(self._pause),
                after_in_parent=lambda: _quietly(self._resume),
                after_in_child=lambda: _quietly(self._reborn),
            )

    def _pause(self) -> None:
        if self.agent is not None:
            self.agent.pause()

    def _resume(self) -> None:
        if self.agent is not None and not self._sleeping:
            self.agent.resume()

    def _reborn(self) -> None:
        """In a forked child: an agent of its own, with its own key, counters and thread."""
        parent, self.agent = self.agent, None
        if parent is None:
            return
        self._pid = os.getpid()
        child = Agent(parent.settings, parent.armament.sampler, forked=True)
        parent.abandon()
        self.agent = child
        self._sleeping = False
        child.armament.begin()
        child.start()
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.register_after_fork(self, _finalize)


def _finalize(life: Life) -> None:
    """Say the last words of a multiprocessing child, which ends without ``atexit``.

    Registered for the time after the child has cleared the finalizers it inherited.
    """
    sys.modules["multiprocessing.util"].Finalize(None, _quietly, args=(life.stop,), exitpriority=0)


def _quietly(call: Any) -> None:
    try:
        call()
    except Exception as problem:
        VOICE.say(f"{type(problem).__name__}: {problem}")


LIFE = Life()


def load_meter() -> LoadMeter:
    """The meter of the running agent, or one that is never read."""
    agent = LIFE.here()
    return _IDLE_LOAD if agent is None else agent.load


def custom_series() -> CustomSeries:
    """The series of the running agent, or ones that are never read."""
    agent = LIFE.here()
    return _IDLE_CUSTOM if agent is None else agent.custom


def is_forkserver() -> bool:
    """True in multiprocessing's fork server, which forks workers but is no worker itself."""
    return any(_FORKSERVER_MARK in word for word in _command_line())


def is_attendant() -> bool:
    """True in multiprocessing's resource tracker, which is not part of the service."""
    return any("multiprocessing.resource_tracker" in word for word in _command_line())


def _command_line() -> list[str]:
    words = getattr(sys, "orig_argv", None)
    if words is not None:
        return list(words)
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return file.read(4096).decode("utf-8", "replace").split("\0")
    except OSError:
        return []


__all__ = ["LIFE", "Settings", "custom_series", "is_attendant", "is_forkserver", "load_meter"]
