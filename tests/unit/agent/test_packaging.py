"""What the distribution must carry beside its modules."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3] / "agents" / "python"


def test_the_wheel_carries_the_bootstrap_and_the_types() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for name in tools["package-data"]["plimsoll_agent"]:
        assert (ROOT / "plimsoll_agent" / name).is_file()
    assert set(tools["package-data"]["plimsoll_agent"]) == {"py.typed", "bootstrap/sitecustomize.py"}


def test_there_is_no_mandatory_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == []
    assert project["requires-python"] == ">=3.9"
