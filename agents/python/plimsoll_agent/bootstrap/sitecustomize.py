"""Found first on the path under ``plimsoll-run``: starts the agent, then lets the next sitecustomize run."""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _start_agent() -> None:
    from plimsoll_agent.boot import boot

    boot()


def _import_agent() -> None:
    """Start the agent, from the folder it was launched from if this interpreter has none installed."""
    try:
        _start_agent()
    except ImportError:
        root = os.path.dirname(os.path.dirname(_HERE))
        sys.path.append(root)
        try:
            _start_agent()
        finally:
            sys.path.remove(root)


def _next_sitecustomize() -> None:
    """Import the sitecustomize that this one hides, if there is one."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != _HERE]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


try:
    _import_agent()
except Exception as problem:  # the program must run, with or without its agent
    sys.stderr.write(f"plimsoll-run: the agent did not start: {problem}\n")
_next_sitecustomize()
