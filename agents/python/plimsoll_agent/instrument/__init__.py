"""Counts load in known frameworks without a change to the program: each is patched once it is imported."""

from __future__ import annotations

import sys

from plimsoll_agent.instrument import rpc, servers, tasks, web
from plimsoll_agent.instrument.after_import import AfterImport

_HOOKS = {**web.HOOKS, **servers.HOOKS, **tasks.HOOKS, **rpc.HOOKS}
_installed: list[AfterImport] = []


def install() -> None:
    """Patch what is already imported, and the rest when it will be; calling twice is harmless."""
    if _installed:
        return
    finder = AfterImport(_HOOKS)
    _installed.append(finder)
    for name in _HOOKS:
        module = sys.modules.get(name)
        if module is not None:
            finder.patch(name, module)
    sys.meta_path.insert(0, finder)
