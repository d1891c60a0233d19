"""Loading of the optional compiled modules; each has a twin in Python that serves where it is not built."""

from importlib import import_module
from types import ModuleType

_absent: set[str] = set()


def compiled_module(name: str, interface: int) -> ModuleType | None:
    """Return a compiled module, or None when it is not built or was built from sources with another interface."""
    try:
        native = import_module(name)
    except ImportError:
        native = None
    if getattr(native, "INTERFACE", None) == interface:
        return native
    _absent.add(name)
    return None


def absent_modules() -> list[str]:
    """Return the names of the compiled modules that were asked for and do not serve."""
    return sorted(_absent)
