"""The agent's thread around forks: it ends for the moment, and whatever the timing there is one again after."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from plimsoll_agent.agent import Agent
from plimsoll_agent.samplers.absent import AbsentSampler
from plimsoll_agent.settings import Settings


def an_agent() -> Agent:
    return Agent(Settings(service="s", url="http://127.0.0.1:9", point_seconds=0.1), AbsentSampler())


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def settle(count: int) -> None:
    deadline = time.monotonic() + 60
    while threads() != count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() == count


def test_paused_there_is_no_thread_and_resumed_there_is_one() -> None:
    before = threads()
    agent = an_agent()
    agent.start()
    for _ in range(20):
        agent.pause(seconds=60.0)
        settle(before)
        agent.resume()
        agent.resume()
        settle(before + 1)
    assert agent.stop(60.0)
    settle(before)


def test_a_thread_too_busy_to_pause_goes_on() -> None:
    """Pauses that are not waited for, from several threads at once, never leave none or two."""
    before = threads()
    agent = an_agent()
    agent.start()

    def hurry() -> None:
        for _ in range(200):
            agent.pause(seconds=0.0)
            agent.resume()

    hurried = [threading.Thread(target=hurry) for _ in range(4)]
    for thread in hurried:
        thread.start()
    for thread in hurried:
        thread.join()
    settle(before + 1)
    points, deadline = agent._next_point, time.monotonic() + 60
    while agent._next_point <= points and time.monotonic() < deadline:
        time.sleep(0.01)
    assert agent._next_point > points
    assert agent.stop(60.0)
    settle(before)
