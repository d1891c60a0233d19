# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled way from a profile's rows to the columns of its block; the twins are in `go_counts` and `arranging`.

What comes in is checked before it is walked: lengths must agree, orders and starts must lie within their tables.
"""

import numpy as np

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from libc.math cimport exp
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint64_t

# Raised with every change of what the functions take or return; their twins' modules refuse another number.
INTERFACE = 1

include "../codecs/fast_registers.pxi"


cdef enum:
    GO_TYPES = 4

cdef double TWO_63 = 9223372036854775808.0


cdef inline int64_t whole(double number) noexcept nogil:
    """Return the number without its fraction, the lowest integer for what is out of range."""
    return <int64_t>number if -TWO_63 <= number < TWO_63 else INT64_MIN


cdef inline double rounded_up(double number) noexcept nogil:
    cdef double low = <double>whole(number)
    return low + <double>(low < number)  # whether there is a fraction cannot be foretold: no branch


cdef inline int reproduces(double guess, int64_t objects, int64_t size, double length, double scale) noexcept nogil:
    return whole(guess * scale) == objects and whole((guess * length) * scale) == size


cdef inline int invert(int64_t objects, int64_t size, double length, double scale, int64_t* count) noexcept nogil:
    """Find the count behind a pair of objects and bytes; return whether it gives exactly both."""
    cdef double guess = rounded_up(<double>objects / scale)
    if not reproduces(guess, objects, size, length, scale):
        if reproduces(guess + 1.0, objects, size, length, scale):
            guess += 1.0
        elif reproduces(guess - 1.0, objects, size, length, scale):
            guess -= 1.0
        else:
            return 0
    count[0] = whole(guess)
    return 1


cdef struct Scaling:
    double rate
    double* table
    int64_t table_sizes


cdef inline double scale_of(const Scaling* s, int64_t size) noexcept nogil:
    """Return the scale of a block size, 0 for one that is not positive; small ones are computed once."""
    cdef double scale
    if size <= 0:
        return 0.0
    if size < s.table_sizes and s.table[size] == s.table[size]:
        return s.table[size]
    scale = 1.0 / (1.0 - exp(-<double>size / s.rate))
    if size < s.table_sizes:
        s.table[size] = scale
    return scale


cdef void invert_rows(
    const int64_t* rows, const int64_t* sizes, const Scaling* s, size_t count, int64_t* counts, uint8_t* exact
) noexcept nogil:
    cdef const int64_t* row
    cdef double scale
    cdef size_t i
    for i in range(count):
        row = rows + GO_TYPES * i
        scale = scale_of(s, sizes[i])
        exact[i] = (
            scale > 0.0
            and invert(row[0], row[1], <double>sizes[i], scale, counts + i)
            and invert(row[2], row[3], <double>sizes[i], scale, counts + count + i)
        )
        if not exact[i]:
            counts[i] = counts[count + i] = 0


def counts_of(
    const int64_t[:, ::1] rows not None, const int64_t[::1] sizes not None, double rate, double[::1] table not None
):
    """Return int64[2, n] counts of rows int64[n, 4] and bool[n]; see `go_counts.counts_of`.

    `table` float64[…] are the scales of the small sizes, NaN where not yet known.
    """
    cdef size_t count = rows.shape[0]
    cdef int64_t* counts
    cdef Scaling s
    if <size_t>sizes.shape[0] != count or rows.shape[1] != GO_TYPES or rate == 0.0:
        raise ValueError("Rows of Go need a size each, four values, and a rate.")
    s.rate, s.table_sizes = rate, table.shape[0]
    s.table = &table[0] if s.table_sizes else NULL
    memory = PyByteArray_FromStringAndSize(NULL, count * (2 * sizeof(int64_t) + 1))
    counts = <int64_t*>PyByteArray_AS_STRING(memory)
    if count:
        with nogil:
            clear_upper_halves()
            invert_rows(&rows[0, 0], &sizes[0], &s, count, counts, <uint8_t*>(counts + 2 * count))
    return (
        np.frombuffer(memory, np.int64, 2 * count).reshape(2, count),
        np.frombuffer(memory, np.bool_, count, 2 * count * sizeof(int64_t)),
    )


cdef struct Plan:
    const int64_t* values
    const int64_t* order
    const int64_t* starts
    const int32_t* site_ids
    const int64_t* sizes
    size_t samples
    size_t types
    size_t sites


cdef int64_t add_row(int64_t* row, const int64_t* value, size_t types) noexcept nogil:
    """Add to a row, modulo 2**64; return 0 when nothing is in it afterwards."""
    cdef int64_t some = 0
    cdef size_t column
    for column in range(types):
        row[column] = <int64_t>(<uint64_t>row[column] + <uint64_t>value[column])
        some |= row[column]
    return some


cdef Py_ssize_t arrange_rows(const Plan* p, int64_t* row, int64_t* sizes, int32_t* site_ids) noexcept nogil:
    """Write the rows that have a value; return their number, or −1 when order or starts leave their tables."""
    cdef size_t i, j, stop, column, kept = 0
    cdef const int64_t* value
    cdef int64_t some
    for i in range(p.sites):
        stop = <size_t>p.starts[i + 1] if i + 1 < p.sites else p.samples
        if p.starts[i] < 0 or <size_t>p.starts[i] >= stop or stop > p.samples:
            return -1
        j = <size_t>p.starts[i]
        if <size_t>p.order[j] >= p.samples:
            return -1
        value = p.values + p.types * <size_t>p.order[j]
        some = 0
        for column in range(p.types):
            row[column] = value[column]
            some |= value[column]
        for j in range(j + 1, stop):
            if <size_t>p.order[j] >= p.samples:
                return -1
            some = add_row(row, p.values + p.types * <size_t>p.order[j], p.types)
        if some:
            site_ids[kept] = p.site_ids[i]
            sizes[kept] = p.sizes[i]
            row += p.types
            kept += 1
    return <Py_ssize_t>kept


def arrange(
    const int64_t[:, ::1] values not None,
    const int64_t[::1] order not None,
    const int64_t[::1] starts not None,
    const int32_t[::1] site_ids not None,
    const int64_t[::1] sizes not None,
):
    """Return (site ids, rows, sizes) of the sites that have a value; see `arranging.arrange`."""
    cdef Plan p
    cdef int64_t* rows
    cdef Py_ssize_t kept = 0
    p.samples, p.types, p.sites = values.shape[0], values.shape[1], starts.shape[0]
    if <size_t>order.shape[0] != p.samples or not <size_t>site_ids.shape[0] == <size_t>sizes.shape[0] == p.sites:
        raise ValueError("Samples and order, starts, sites and sizes must be equally many.")
    memory = PyByteArray_FromStringAndSize(NULL, p.sites * (p.types + 2) * sizeof(int64_t))
    if p.sites and p.samples and p.types:
        rows = <int64_t*>PyByteArray_AS_STRING(memory)
        p.values, p.order, p.starts = &values[0, 0], &order[0], &starts[0]
        p.site_ids, p.sizes = &site_ids[0], &sizes[0]
        with nogil:
            kept = arrange_rows(
                &p, rows, rows + p.sites * p.types, <int32_t*>(rows + p.sites * (p.types + 1))
            )
    if kept < 0:
        raise ValueError("The order or the starts leave their tables.")
    return (
        np.frombuffer(memory, np.int32, kept, p.sites * (p.types + 1) * sizeof(int64_t)),
        np.frombuffer(memory, np.int64, kept * p.types).reshape(kept, p.types),
        np.frombuffer(memory, np.int64, kept, p.sites * p.types * sizeof(int64_t)),
    )
