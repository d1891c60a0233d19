"""The golden messages: the agents write them, the server reads them, and the other way round."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from plimsoll_agent.commands import CommandGate
from plimsoll_agent.door import Answer
from plimsoll_agent.identity import Identity
from plimsoll_agent.messenger import _reason, profile_path
from plimsoll_agent.points import PointBuffer

from profiler_server.ingest import native_form

GOLDEN = Path(__file__).parents[2] / "agents" / "wire" / "golden"


def golden(name: str) -> dict:
    return json.loads((GOLDEN / name).read_text())


def identity() -> Identity:
    instance = golden("points_request.json")["instance"]
    return Identity(**instance)


def test_every_golden_file_is_read_here() -> None:
    own = Path(__file__).read_text()
    assert [path.name for path in GOLDEN.iterdir() if path.name not in own] == []


def test_the_agent_writes_the_golden_points() -> None:
    wanted = golden("points_request.json")
    buffer = PointBuffer()
    buffer.mark(wanted["markers"][0]["ts"], "note", "cache warmed")
    buffer.add(1795175120.25, {"rss_bytes": 35209216.0, "requests": 18.0, "p99_ms": 1.682})
    buffer.add(1795175130.25, {"rss_bytes": 35950592.0, "requests": 39.0, "p99_ms": float("nan")})
    request = buffer.seal(identity().as_json())
    assert request is not None
    body = gzip.decompress(request.body) if request.gzipped else request.body
    assert (request.path, request.content_type) == ("/v1/points", "application/json")
    assert json.loads(body) == wanted


def test_the_server_reads_the_golden_points() -> None:
    pushed = native_form.points_of(golden("points_request.json"), oldest=0.0)
    assert pushed.identity.key == "web-7:4242:1795175109"
    assert pushed.identity.memory_limit_bytes == 536870912
    assert pushed.batch.ts.tolist() == [1795175120.25, 1795175130.25]
    assert pushed.batch.columns["rss_bytes"].tolist() == [35209216.0, 35950592.0]
    assert pushed.markers[0].text == "cache warmed"


def test_the_agent_addresses_the_golden_profile() -> None:
    wanted = golden("profile_request.json")
    parts = urlsplit(profile_path(identity(), 1795175160.25))
    assert parts.path == wanted["path"]
    assert {key: values[0] for key, values in parse_qs(parts.query).items()} == wanted["query"]


def test_the_server_reads_the_golden_profile() -> None:
    assert native_form.identity_in_query(golden("profile_request.json")["query"]) == native_form.identity_of(
        {**golden("points_request.json")["instance"], "memory_limit_bytes": None}
    )


def test_the_agent_understands_the_golden_commands() -> None:
    commands = CommandGate().admit(golden("commands_answer.json"), 0.0)
    assert [command.kind for command in commands] == ["arm_sampler", "find_holders", "send_profile"]
    assert commands[0].seconds == 300.0
    assert commands[1].site[0] == ("parse", "/srv/shop/lines.py", 41)


def test_answers_without_commands() -> None:
    for name in ("points_answer.json", "profile_answer.json"):
        assert CommandGate().admit(golden(name), 0.0) == []


def test_the_server_reads_the_golden_holders() -> None:
    who, answer = native_form.holders_of(golden("holders_request.json"))
    assert who.service == "shop"
    assert answer.command_id == "c-2"
    assert answer.paths[0].share == 0.93
    assert answer.site[0].line == 41


def test_the_agent_reads_the_reason_of_an_error() -> None:
    body = (GOLDEN / "error_answer.json").read_bytes()
    assert _reason(Answer(400, body)).startswith("The body is empty")
