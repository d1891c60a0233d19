"""What the compiled parser offers; see `_fast_pprof.pyx`."""

from typing import TypedDict

from profiler_server.core.profile import Int32Array, Int64Array, UInt64Array
from profiler_server.core.validate import ProfileLimits

class AllColumns(TypedDict):
    sample_types: Int64Array
    period_type: Int64Array
    header: Int64Array
    sample_offsets: Int32Array
    location_ids: UInt64Array
    values: Int64Array
    label_samples: Int32Array
    labels: Int64Array
    mappings: Int64Array
    locations: UInt64Array
    line_offsets: Int32Array
    lines: Int64Array
    functions: Int64Array
    strings: Int32Array

def parse_columns(buffer: bytes, limits: ProfileLimits, symbols: bool) -> AllColumns: ...
def release_kept() -> None: ...
def scan_columns(
    buffer: bytes, limits: ProfileLimits, content_keys: bool
) -> (
    tuple[Int64Array, UInt64Array, Int64Array, int, bool, bool, bool, int, int, int, tuple[bytes, ...]] | None
): ...
