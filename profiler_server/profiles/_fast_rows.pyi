"""What the compiled arranging of rows offers; see `_fast_rows.pyx`."""

from profiler_server.core.profile import BoolArray, FloatArray, Int32Array, Int64Array, IntArray

def counts_of(
    rows: Int64Array, sizes: Int64Array, rate: float, table: FloatArray
) -> tuple[Int64Array, BoolArray]: ...
def arrange(
    values: Int64Array, order: IntArray, starts: IntArray, site_ids: Int32Array, sizes: Int64Array
) -> tuple[Int32Array, Int64Array, Int64Array]: ...
