"""Writes the reference page of settings from the declarations in `env.Env`."""

from __future__ import annotations

import dataclasses

from profiler_server.config.env import Env

HEADING = """# Settings

The server reads these variables, and no others. A secret can also be given in a file: set the variable's name
with `_FILE` behind it to the file's path. This page is written by `make docs` from `profiler_server/config/env.py`.

| variable | default | meaning |
|---|---|---|
"""


def settings_page() -> str:
    """Return the page in Markdown, one row a setting."""
    rows = []
    for declared in dataclasses.fields(Env):
        secret = " Secret." if declared.metadata["secret"] else ""
        name, meaning = declared.metadata["name"], declared.metadata["help"]
        rows.append(f"| `{name}` | {_shown(declared.default)} | {meaning}{secret} |")
    return HEADING + "\n".join(rows) + "\n"


def _shown(default: object) -> str:
    if default == "":
        return "empty"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    return f"`{default}`"
