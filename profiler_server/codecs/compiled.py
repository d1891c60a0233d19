"""Loading of the optional compiled modules; each has a twin in Python that serves where it is not built."""

from importlib import import_module
from types import ModuleType


def compiled_module(name: str, interface: int) -> ModuleType | None:
    """Return a compiled module, or None when it is not built or was built from sources with another interface."""
    try:
        native = import_module(name)
    except ImportError:
        return None
    return native if getattr(native, "INTERFACE", None) == interface else None
