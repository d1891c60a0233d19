"""Calls a hook right after a named module was imported, leaving its loader as it was."""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Callable, Mapping, Optional, Sequence

from plimsoll_agent.speech import VOICE

Hook = Callable[[Any], None]


class AfterImport(MetaPathFinder):
    """A finder that lends its loader for the moment of execution; a failing hook never fails an import."""

    def __init__(self, hooks: Mapping[str, Hook]) -> None:
        self._hooks = dict(hooks)

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """Find a hooked module by the other finders."""
        if fullname not in self._hooks:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: Optional[ModuleSpec] = find(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _PatchingLoader(spec.loader, self)
                return spec
        return None

    def patch(self, name: str, module: ModuleType) -> None:
        """Run the module's hook."""
        try:
            self._hooks[name](module)
        except Exception as problem:
            VOICE.once(f"load of {name} is not counted: {type(problem).__name__}: {problem}")


class _PatchingLoader(Loader):
    def __init__(self, inner: Loader, owner: AfterImport) -> None:
        self._inner = inner
        self._owner = owner

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._inner
        module.__loader__ = self._inner
        self._inner.exec_module(module)
        self._owner.patch(module.__name__, module)
