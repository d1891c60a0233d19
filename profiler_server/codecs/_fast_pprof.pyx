# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled parser of pprof messages: walks over the bytes into columns, without the GIL.

Every read is bounded by the end of the innermost message (`Reader.end`), every write by the capacity of its `Column`.
The columns' memory is kept from one message to the next (`borrow`, `give_back`): fresh pages cost more than reading.
The pure twin is `pprof_parser`; both are run through the same tests, and this one is fuzzed under AddressSanitizer.
"""

import numpy as np

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memset

from profiler_server.codecs.pprof_message import (
    BAD_STRING_INDEX,
    BAD_STRING_TABLE,
    MALFORMED,
    MANY_PROFILES,
    NO_SAMPLE_TYPE,
    WRONG_WIDTH,
)
from profiler_server.core.errors import InvalidProfile
from profiler_server.core.stacks import offsets_of
from profiler_server.core.validate import LIMIT_NAMES

# Raised with every change of what the functions at the end take or return; `engine` refuses another number.
INTERFACE = 4

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
    BAD_INDEX = -5
    BAD_TABLE = -6
    NO_TYPE = -7
    # not errors: what was found needs another way
    NEEDS_CONTENT = -8
    NEEDS_TWIN = -9
    # positive: 1 + the index in LIMIT_NAMES of the limit that was passed

cdef enum:
    HEADER_FIELDS = 6
    TYPE_WIDTH = 2
    LABEL_WIDTH = 4
    MAPPING_WIDTH = 6
    LOCATION_WIDTH = 3
    LINE_WIDTH = 2
    FUNCTION_WIDTH = 4
    SPAN_WIDTH = 2

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

cdef object ERRORS = {
    BROKEN: MALFORMED,
    BAD_WIDTH: WRONG_WIDTH,
    TWICE: MANY_PROFILES,
    BAD_INDEX: BAD_STRING_INDEX,
    BAD_TABLE: BAD_STRING_TABLE,
    NO_TYPE: NO_SAMPLE_TYPE,
}


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
    Column string_hashes
    Column table
    size_t frames_seen
    size_t labels_seen
    uint64_t header[HEADER_FIELDS]


cdef extern from *:
    """
    #define GOLDEN 0x9E3779B97F4A7C15ULL
    #define MIX_1 0xBF58476D1CE4E5B9ULL
    #define MIX_2 0x94D049BB133111EBULL
    """
    const uint64_t GOLDEN
    const uint64_t MIX_1
    const uint64_t MIX_2
# Location ids up to this many times their number (plus some) are looked up in a plain table.
cdef uint64_t SPARSENESS = 4
cdef uint64_t SPARE_IDS = 1024


include "fast_registers.pxi"
include "pprof_fast_reading.pxi"
include "pprof_fast_memory.pxi"
include "pprof_fast_messages.pxi"
include "pprof_fast_hashing.pxi"
include "pprof_fast_scanning.pxi"


cdef int stop_at(int error, object limits) except -1:
    """Raise what an error code stands for."""
    if error == NO_MEMORY:
        raise MemoryError
    if error > 0:
        name = LIMIT_NAMES[error - 1]
        limits.check(name, getattr(limits, name) + 1)
    if error:
        raise InvalidProfile(ERRORS[error])
    return 0


cdef int prepare(Columns* c, Reader* r, bytes buffer, object limits) except -1:
    """Empty the columns, take over the limits and point the reader at the buffer."""
    clear_upper_halves()
    empty(c)
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


def parse_columns(bytes buffer not None, object limits not None, bint symbols):
    """Return the columns of a message as keywords of `PprofMessage`.

    Raises `InvalidProfile` and, through `limits.check`, `LimitExceeded`.
    """
    cdef Columns* c = borrow()
    cdef Reader r
    cdef int error
    try:
        prepare(c, &r, buffer, limits)
        c.symbols = symbols
        with nogil:
            error = read_profile(&r, c)
            if not error:
                error = check_widths(c)
        stop_at(error, limits)
        width = c.sample_types.size // TYPE_WIDTH
        return {
            "sample_types": taken(&c.sample_types, np.int64).reshape(width, TYPE_WIDTH),
            "period_type": taken(&c.period_type, np.int64).reshape(-1, TYPE_WIDTH),
            "header": np.frombuffer(PyByteArray_FromStringAndSize(<const char*>c.header, sizeof(c.header)), np.int64),
            "sample_offsets": offsets_of(taken(&c.depths, np.int64)),
            "location_ids": taken(&c.location_ids, np.uint64),
            "values": taken(&c.values, np.int64).reshape(c.widths.size, width),
            "label_samples": taken(&c.label_samples, np.int64).astype(np.int32),
            "labels": taken(&c.labels, np.int64).reshape(-1, LABEL_WIDTH),
            "mappings": taken(&c.mappings, np.int64).reshape(-1, MAPPING_WIDTH),
            "locations": taken(&c.locations, np.uint64).reshape(-1, LOCATION_WIDTH),
            "line_offsets": offsets_of(taken(&c.line_counts, np.int64)),
            "lines": taken(&c.lines, np.int64).reshape(-1, LINE_WIDTH),
            "functions": taken(&c.functions, np.int64).reshape(-1, FUNCTION_WIDTH),
            "strings": taken(&c.strings, np.int64).astype(np.int32).reshape(-1, SPAN_WIDTH),
        }
    finally:
        give_back(c)


def scan_columns(bytes buffer not None, object limits not None, bint content_keys):
    """Return what `ScannedColumns` is made of, in its order, or None when it needs the general way.

    Stacks are hashed by the addresses of their locations, and by the content of their frames where `content_keys` asks
    for it or a location has no address. Raises as `parse_columns` does.
    """
    cdef Columns* c = borrow()
    cdef Reader r
    cdef Scanned s
    cdef int error
    cdef size_t samples, width
    try:
        prepare(c, &r, buffer, limits)
        c.by_span = 1
        c.symbols = content_keys
        with nogil:
            error = survey(&r, c)
        if error == NEEDS_CONTENT:
            prepare(c, &r, buffer, limits)
            c.by_span = 1
            c.symbols = 1
            with nogil:
                error = survey(&r, c)
        if error == NEEDS_TWIN:
            return None
        stop_at(error, limits)
        samples, width = c.spans.size // SPAN_WIDTH, c.sample_types.size // TYPE_WIDTH
        found = PyByteArray_FromStringAndSize(NULL, (samples * (width + 2) + 1) * sizeof(uint64_t))
        point(&s, <uint64_t*>PyByteArray_AS_STRING(found), samples, width)
        with nogil:
            error = scan_samples(c, &s)
        stop_at(error, limits)
        return (
            np.frombuffer(found, np.int64, samples * width).reshape(samples, width),
            np.frombuffer(found, np.uint64, samples, samples * width * sizeof(uint64_t)),
            np.frombuffer(found, np.int64, samples, samples * (width + 1) * sizeof(uint64_t)),
            s.build,
            s.has_build_id != 0,
            s.other_labels != 0,
            c.symbols != 0,
            <int64_t>c.header[2],
            <int64_t>c.header[3],
            <int64_t>c.header[4],
            texts(c),
        )
    finally:
        give_back(c)


cdef tuple texts(Columns* c):
    """Return the bytes of the sample types' names and units, of the default type and of the period's type, if any."""
    cdef list found = []
    cdef size_t i
    for i in range(c.sample_types.size):
        found.append(text(c, c.sample_types.data[i]))
    found.append(text(c, c.header[5]))
    for i in range(c.period_type.size):
        found.append(text(c, c.period_type.data[i]))
    return tuple(found)


cdef bytes text(Columns* c, uint64_t index):
    """Return a string of the table; the index was checked."""
    return PyBytes_FromStringAndSize(
        <const char*>c.base + c.strings.data[SPAN_WIDTH * index], <Py_ssize_t>c.strings.data[SPAN_WIDTH * index + 1]
    )
