"""Targets from files and flags, and what is said of wrong ones."""

from __future__ import annotations

import json

import pytest
from plimsoll_sidecar.cli import main
from plimsoll_sidecar.targets import BadConfiguration, read_config, target_from

TOML = """
url = "https://plimsoll.example.com"
token = "t"
[[target]]
url = "http://127.0.0.1:6060/debug/pprof"
service = "market-store"
requests_metric = "http_requests_total"
point_seconds = 5
labels = { zone = "a" }
gauges = { "queue.length" = "queue_length" }
[[target]]
url = "http://10.0.0.7:6061/debug/pprof"
service = "feature-store"
release = "v7"
"""


def test_toml(tmp_path) -> None:
    path = tmp_path / "targets.toml"
    path.write_text(TOML)
    targets, server = read_config(path)
    assert server == {"url": "https://plimsoll.example.com", "token": "t"}
    assert [target.service for target in targets] == ["market-store", "feature-store"]
    first = targets[0]
    assert (first.host, first.port, first.base) == ("127.0.0.1", 6060, "http://127.0.0.1:6060")
    assert first.point_seconds == 5.0
    assert first.labels == {"zone": "a"}
    assert first.load.requests == "http_requests_total"
    assert first.load.gauges == (("queue.length", "queue_length"),)
    assert targets[1].release == "v7"


def test_json_says_the_same(tmp_path) -> None:
    path = tmp_path / "targets.json"
    path.write_text(json.dumps({"target": [{"url": "http://x:1/debug/pprof", "service": "s"}]}))
    targets, server = read_config(path)
    assert server == {}
    assert targets[0].url == "http://x:1/debug/pprof"


@pytest.mark.parametrize(
    "table",
    [
        {"url": "ftp://x", "service": "s"},
        {"url": "http://x", "service": ""},
        {"url": "http://x", "service": "s", "colour": "red"},
        {"url": "http://x", "service": "s", "point_seconds": "soon"},
        {"url": "http://x", "service": "s", "point_seconds": 0},
        {"url": "http://x", "service": "s", "requests_metric": "{{"},
    ],
)
def test_a_wrong_target_is_refused(table) -> None:
    with pytest.raises(BadConfiguration):
        target_from(table)


@pytest.mark.parametrize("text", ["", "target = 5", "[[target]]\nurl = 'http://x'", "not toml ["])
def test_a_wrong_file_is_refused(tmp_path, text) -> None:
    path = tmp_path / "targets.toml"
    path.write_text(text)
    with pytest.raises(BadConfiguration):
        read_config(path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["scrape"],
        ["scrape", "--target", "http://x", "--target", "http://y", "--service", "one"],
        ["scrape", "--config", "/nowhere.toml"],
        ["replay", "/nowhere"],
        ["replay"],
        ["replay", "x", "--speed", "0"],
        [],
    ],
)
def test_the_command_says_what_is_wrong_and_exits_with_2(arguments, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err
