"""What the compiled packer of columns offers; see `_fast_columns.pyx`."""

from profiler_server.core.profile import Int64Array

def pack(numbers: Int64Array, rising: bool) -> bytes: ...
