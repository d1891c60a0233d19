"""Thousands of damaged pushes against every door: each gets an answer below 500 in the one form, and nothing breaks."""

from __future__ import annotations

import json
import random
import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.ingest.pushes import Agent, a_heap_profile, a_points_form

PUSHES = 400
ALLOWED = {200, 400, 401, 408, 413, 415, 422}
WORDS = [
    "\x00",
    "\ud800",
    "x" * 5000,
    "{}",
    "nan",
    "inf",
    "-1",
    "1e308",
    "é😀",
    "../..",
    "%00",
    "' OR 1=1 --",
    "now-1h",
    "",
]


def damaged(body: bytes, dice: random.Random) -> bytes:
    data = bytearray(body)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        kind = dice.random()
        if kind < 0.4 and data:
            data[at % len(data)] = dice.randrange(256)
        elif kind < 0.6:
            del data[at : at + dice.randint(1, 40)]
        elif kind < 0.8:
            data[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 20)))
        else:
            data[at:at] = data[: dice.randint(0, 60)]
    return bytes(data)


def a_query(dice: random.Random, asked: dict[str, str]) -> str:
    for name in list(asked):
        if dice.random() < 0.15:
            asked[name] = dice.choice(WORDS)
        if dice.random() < 0.05:
            del asked[name]
    return "&".join(
        f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in asked.items()
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_breaks(agent: Agent, seed: int) -> None:
    dice = random.Random(seed)
    points, profile = json.dumps(a_points_form()).encode(), a_heap_profile()
    plain = [("/v1/points", points), ("/v1/holders", points)]
    for _ in range(PUSHES):
        if dice.random() < 0.5:
            path, body = dice.choice(plain)
        else:
            now = str(time.time())
            path, asked = dice.choice([
                ("/v1/profiles", {"service": "s", "instance": "i", "started_at": now, "ts": now, "label.a": "b"}),
                ("/ingest", {"name": "a{b=c,__session_id__=1}", "from": "now-1m", "until": "now", "format": "pprof"}),
            ])  # fmt: skip
            path, body = f"{path}?{a_query(dice, dict(asked))}", profile
        headers: dict[str, Any] = dice.choice(
            [{}, {}, {"Content-Encoding": dice.choice(["gzip", "zstd", "?"])}]
        )
        answer = agent.post(path, damaged(body, dice), "application/json", **headers)
        assert answer.status_code in ALLOWED, (path, answer.status_code)
        if answer.status_code != 200:
            assert set(answer.json()["error"]) == {"code", "message"}
    assert agent.push_points().status_code == 200
