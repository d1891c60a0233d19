# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled parser of pprof messages: one walk over the bytes into growing columns, without the GIL.

Every read is bounded by the end of the innermost message (`Reader.end`), every write by the capacity of its `Column`.
The pure twin is `pprof_parser`; both are run through the same tests, and this one is fuzzed under AddressSanitizer.
"""

import numpy as np

from cpython.bytearray cimport PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from profiler_server.codecs.pprof_message import MALFORMED, MANY_PROFILES, WRONG_WIDTH
from profiler_server.core.errors import InvalidProfile
from profiler_server.core.stacks import offsets_of
from profiler_server.core.validate import LIMIT_NAMES

# Raised with every change of what the functions at the end take or return; `engine` refuses another number.
INTERFACE = 3

cdef enum:
    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5

cdef enum:
    FINE = 0
    BROKEN = -1
    NO_MEMORY = -2
    BAD_WIDTH = -3
    TWICE = -4
    # positive: 1 + the index in LIMIT_NAMES of the limit that was passed

cdef struct Bounds:
    int64_t sample_types
    int64_t samples
    int64_t stack_frames
    int64_t labels
    int64_t locations
    int64_t lines
    int64_t functions
    int64_t mappings
    int64_t strings

cdef int SAMPLE_TYPES = LIMIT_NAMES.index("sample_types") + 1
cdef int SAMPLES = LIMIT_NAMES.index("samples") + 1
cdef int STACK_FRAMES = LIMIT_NAMES.index("stack_frames") + 1
cdef int LABELS = LIMIT_NAMES.index("labels") + 1
cdef int LOCATIONS = LIMIT_NAMES.index("locations") + 1
cdef int LINES = LIMIT_NAMES.index("lines") + 1
cdef int FUNCTIONS = LIMIT_NAMES.index("functions") + 1
cdef int MAPPINGS = LIMIT_NAMES.index("mappings") + 1
cdef int STRINGS = LIMIT_NAMES.index("strings") + 1

cdef uint64_t GOLDEN = 0x9E3779B97F4A7C15u
cdef uint64_t MIX_1 = 0xBF58476D1CE4E5B9u
cdef uint64_t MIX_2 = 0x94D049BB133111EBu
# Location ids up to this many times their number (plus some) are looked up in a plain table.
cdef uint64_t SPARSENESS = 4
cdef uint64_t SPARE_IDS = 1024


cdef struct Reader:
    const uint8_t* at
    const uint8_t* end
    int error


cdef struct Column:
    uint64_t* data
    size_t size
    size_t capacity


cdef struct Columns:
    const uint8_t* base
    Bounds bounds
    int symbols
    int by_span
    Column sample_types
    Column period_type
    Column depths
    Column widths
    Column spans
    Column location_ids
    Column values
    Column label_samples
    Column labels
    Column mappings
    Column locations
    Column line_counts
    Column lines
    Column functions
    Column strings
    Column stack_hashes
    size_t frames_seen
    uint64_t header[6]


include "pprof_fast_reading.pxi"
include "pprof_fast_messages.pxi"
include "pprof_fast_hashing.pxi"


cdef object taken(Column* column, object dtype):
    """Return a numpy array with a copy of the column."""
    return np.frombuffer(PyByteArray_FromStringAndSize(<const char*>column.data, column.size * sizeof(uint64_t)), dtype)


cdef void release(Columns* c) noexcept:
    free(c.sample_types.data)
    free(c.period_type.data)
    free(c.depths.data)
    free(c.widths.data)
    free(c.spans.data)
    free(c.location_ids.data)
    free(c.values.data)
    free(c.label_samples.data)
    free(c.labels.data)
    free(c.mappings.data)
    free(c.locations.data)
    free(c.line_counts.data)
    free(c.lines.data)
    free(c.functions.data)
    free(c.strings.data)
    free(c.stack_hashes.data)


cdef int stop_at(int error, object limits) except -1:
    """Raise what an error code stands for."""
    if error == NO_MEMORY:
        raise MemoryError
    if error > 0:
        name = LIMIT_NAMES[error - 1]
        limits.check(name, getattr(limits, name) + 1)
    if error:
        raise InvalidProfile(WRONG_WIDTH if error == BAD_WIDTH else MANY_PROFILES if error == TWICE else MALFORMED)
    return 0


cdef int prepare(Columns* c, Reader* r, bytes buffer, object limits) except -1:
    """Empty the columns, take over the limits and point the reader at the buffer."""
    memset(c, 0, sizeof(Columns))
    c.base = r.at = <const uint8_t*>PyBytes_AS_STRING(buffer)
    r.end = r.at + PyBytes_GET_SIZE(buffer)
    r.error = FINE
    c.bounds.sample_types = limits.sample_types
    c.bounds.samples = limits.samples
    c.bounds.stack_frames = limits.stack_frames
    c.bounds.labels = limits.labels
    c.bounds.locations = limits.locations
    c.bounds.lines = limits.lines
    c.bounds.functions = limits.functions
    c.bounds.mappings = limits.mappings
    c.bounds.strings = limits.strings
    return 0


cdef dict common(Columns* c):
    """Return the columns that both doors have."""
    width = c.sample_types.size // 2
    return {
        "sample_types": taken(&c.sample_types, np.int64).reshape(width, 2),
        "period_type": taken(&c.period_type, np.int64).reshape(-1, 2),
        "header": np.frombuffer(PyByteArray_FromStringAndSize(<const char*>c.header, sizeof(c.header)), np.int64),
        "values": taken(&c.values, np.int64).reshape(c.widths.size, width),
        "label_samples": taken(&c.label_samples, np.int64).astype(np.int32),
        "labels": taken(&c.labels, np.int64).reshape(-1, 4),
        "mappings": taken(&c.mappings, np.int64).reshape(-1, 6),
        "locations": taken(&c.locations, np.uint64).reshape(-1, 3),
        "strings": taken(&c.strings, np.int64).astype(np.int32).reshape(-1, 2),
    }


def parse_columns(bytes buffer not None, object limits not None, bint symbols):
    """Return the columns of a message as keywords of `PprofMessage`.

    Raises `InvalidProfile` and, through `limits.check`, `LimitExceeded`.
    """
    cdef Columns c
    cdef Reader r
    cdef int error
    prepare(&c, &r, buffer, limits)
    c.symbols = symbols
    try:
        with nogil:
            error = read_profile(&r, &c)
            if not error:
                error = check_widths(&c)
        stop_at(error, limits)
        return common(&c) | {
            "sample_offsets": offsets_of(taken(&c.depths, np.int64)),
            "location_ids": taken(&c.location_ids, np.uint64),
            "line_offsets": offsets_of(taken(&c.line_counts, np.int64)),
            "lines": taken(&c.lines, np.int64).reshape(-1, 2),
            "functions": taken(&c.functions, np.int64).reshape(-1, 4),
        }
    finally:
        release(&c)


def hash_columns(bytes buffer not None, object limits not None, bint by_content):
    """Return (columns without stacks and symbols, uint64[n] stack hashes), or None when it needs the general way.

    Hashed by the content of the frames, or by the addresses of the locations; then the hashes are None when there is a
    location without an address, and the samples were not looked at. Raises as `parse_columns` does.
    """
    cdef Columns c
    cdef Reader r
    cdef int error, usable = 1, addressed = 1
    prepare(&c, &r, buffer, limits)
    c.by_span = 1
    c.symbols = by_content
    try:
        with nogil:
            error = read_profile(&r, &c)
            if not error and by_content:
                error = hash_symbols(&c, &usable)
            elif not error:
                addressed = has_addresses(&c)
            if not error and usable and addressed:
                error = hash_stacks(&c, &usable)
            if not error and usable and addressed:
                error = check_widths(&c)
        stop_at(error, limits)
        if not addressed:
            return common(&c), None
        return (common(&c), taken(&c.stack_hashes, np.uint64)) if usable else None
    finally:
        release(&c)
