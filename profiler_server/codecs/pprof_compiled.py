"""The compiled parser behind the same two doors as its pure twin."""

from profiler_server.codecs import _fast_pprof
from profiler_server.codecs.pprof_message import PprofMessage
from profiler_server.codecs.scanned_columns import ScannedColumns, scan_message
from profiler_server.core.validate import ProfileLimits


def parse(buffer: bytes, limits: ProfileLimits, *, symbols: bool = True) -> PprofMessage:
    """Return the columns of an unpacked message; see the twin."""
    return PprofMessage(buffer=buffer, **_fast_pprof.parse_columns(buffer, limits, symbols))


def scan(buffer: bytes, limits: ProfileLimits, *, content_keys: bool = False) -> ScannedColumns:
    """Return the values and keys of an unpacked message; see the twin, which reads what is out of the ordinary."""
    found = _fast_pprof.scan_columns(buffer, limits, content_keys)
    return scan_message(parse, buffer, limits, content_keys) if found is None else ScannedColumns(*found)
