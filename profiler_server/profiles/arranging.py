"""Samples in the order of their sites: a known permutation, equal sites added, rows without a value left out."""

from __future__ import annotations

import numpy as np

from profiler_server.codecs.compiled import compiled_module
from profiler_server.core.profile import Int32Array, Int64Array, IntArray

COMPILED_INTERFACE = 1
FAST_ROWS = compiled_module("profiler_server.profiles._fast_rows", COMPILED_INTERFACE)


def arrange(
    values: Int64Array, order: IntArray, starts: IntArray, site_ids: Int32Array, sizes: Int64Array
) -> tuple[Int32Array, Int64Array, Int64Array]:
    """Return site ids int32[m], rows int64[m, t] and sizes int64[m] of the sites that have a value.

    ``values[order]`` are the samples by site, and rows `starts` of it begin the sites `site_ids` with their `sizes`.
    """
    if FAST_ROWS is None:
        return arrange_in_numpy(values, order, starts, site_ids, sizes)
    found: tuple[Int32Array, Int64Array, Int64Array] = FAST_ROWS.arrange(
        values, order, starts, site_ids, sizes
    )
    return found


def arrange_in_numpy(
    values: Int64Array, order: IntArray, starts: IntArray, site_ids: Int32Array, sizes: Int64Array
) -> tuple[Int32Array, Int64Array, Int64Array]:
    """Return what `arrange` returns, without the compiled module."""
    rows = values[order]
    if len(starts) < len(rows):
        rows = np.add.reduceat(rows, starts, axis=0)
    some = rows.any(axis=1)
    return site_ids[some], rows[some], sizes[some]
