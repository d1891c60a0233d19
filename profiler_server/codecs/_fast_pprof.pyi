"""What the compiled parser offers; see `_fast_pprof.pyx`."""

from typing import TypedDict

from profiler_server.core.profile import Int32Array, Int64Array, UInt64Array
from profiler_server.core.validate import ProfileLimits

class CommonColumns(TypedDict):
    sample_types: Int64Array
    period_type: Int64Array
    header: Int64Array
    values: Int64Array
    label_samples: Int32Array
    labels: Int64Array
    mappings: Int64Array
    locations: UInt64Array
    strings: Int32Array

class AllColumns(CommonColumns):
    sample_offsets: Int32Array
    location_ids: UInt64Array
    line_offsets: Int32Array
    lines: Int64Array
    functions: Int64Array

def parse_columns(buffer: bytes, limits: ProfileLimits, symbols: bool) -> AllColumns: ...
def hash_columns(
    buffer: bytes, limits: ProfileLimits, by_content: bool
) -> tuple[CommonColumns, UInt64Array | None] | None: ...
