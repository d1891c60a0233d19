"""Settings: precedence, bounds, and the table in the README."""

from __future__ import annotations

from pathlib import Path

import pytest
from plimsoll_agent.settings import Settings, describe, is_usable, parse_labels, read_settings

README = Path(__file__).parents[3] / "agents" / "python" / "README.md"
GIVEN = {"PLIMSOLL_SERVICE": "shop", "PLIMSOLL_URL": "http://x"}


def test_arguments_come_before_variables_before_defaults() -> None:
    environment = {**GIVEN, "PLIMSOLL_POINT_SECONDS": "2.5", "PLIMSOLL_MODE": "always"}
    settings, problems = read_settings({"service": "other", "mode": None, "frames": 3}, environment)
    assert problems == []
    assert (settings.service, settings.url, settings.point_seconds) == ("other", "http://x", 2.5)
    assert (settings.mode, settings.frames, settings.sampler) == ("always", 3, "auto")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POINT_SECONDS", "0"),
        ("POINT_SECONDS", "nan"),
        ("POINT_SECONDS", "soon"),
        ("FRAMES", "9999999999999"),
        ("FRAMES", "1.5"),
        ("MODE", "never"),
        ("ENABLED", "maybe"),
        ("SAMPLE_BYTES", "-1"),
    ],
)
def test_a_bad_value_is_named_and_its_default_taken(variable: str, value: str) -> None:
    settings, problems = read_settings({}, {**GIVEN, f"PLIMSOLL_{variable}": value})
    assert len(problems) == 1
    assert f"PLIMSOLL_{variable}" in problems[0]
    assert getattr(settings, variable.lower()) == getattr(Settings(), variable.lower())


def test_what_is_required() -> None:
    settings, problems = read_settings({}, {})
    assert problems == ["PLIMSOLL_SERVICE is not set", "PLIMSOLL_URL is not set"]
    assert not is_usable(settings)
    assert not is_usable(read_settings({}, {**GIVEN, "PLIMSOLL_URL": "ftp://x"})[0])
    assert is_usable(read_settings({}, GIVEN)[0])


@pytest.mark.parametrize("word", ["1", "true", "YES", "on"])
def test_words_for_yes(word: str) -> None:
    assert read_settings({}, {**GIVEN, "PLIMSOLL_HOLDERS": word})[0].holders is True


def test_labels() -> None:
    assert parse_labels("a=1, b = x=y ,c,=d,") == {"a": "1", "b": "x=y"}
    settings, _ = read_settings({"labels": {"zone": "a", "n": 3}}, GIVEN)
    assert parse_labels(settings.labels) == {"zone": "a", "n": "3"}


def test_the_readme_lists_every_setting_as_it_is() -> None:
    text = README.read_text()
    for name, default, help_text in describe():
        shown = f"`{default}`" if default else ""
        assert f"| `{name}` | {shown} | {help_text} |" in text, name
