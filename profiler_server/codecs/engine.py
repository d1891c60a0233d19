"""The one choice between the compiled parser and its pure-Python twin, made when this module is first imported.

`COMPILED` says which one serves. Build the compiled one with ``python -m profiler_server.codecs.build_fast``; without
it everything works, slower.
"""

from importlib import import_module
from typing import Protocol

from profiler_server.codecs import pprof_parser
from profiler_server.codecs.compiled import compiled_module
from profiler_server.codecs.pprof_message import PprofMessage
from profiler_server.codecs.scanned_columns import ScannedColumns
from profiler_server.core.validate import ProfileLimits

COMPILED_INTERFACE = 4


class Parser(Protocol):
    """What both twins are."""

    def parse(self, buffer: bytes, limits: ProfileLimits, *, symbols: bool = True) -> PprofMessage:
        """Return the columns of an unpacked pprof message."""
        ...

    def scan(self, buffer: bytes, limits: ProfileLimits, *, content_keys: bool = False) -> ScannedColumns:
        """Return the values and keys of an unpacked pprof message, keyed by content if there are no addresses."""
        ...


PURE: Parser = pprof_parser


def _compiled() -> Parser | None:
    """Return the compiled parser unless it is not built, or was built from sources with another interface."""
    if compiled_module("profiler_server.codecs._fast_pprof", COMPILED_INTERFACE) is None:
        return None
    return import_module("profiler_server.codecs.pprof_compiled")


_FAST = _compiled()
COMPILED = _FAST is not None
PARSER: Parser = _FAST if _FAST is not None else PURE
