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


# ---- reading -------------------------------------------------------------------------------------------------------

cdef inline uint64_t read_varint(Reader* r) noexcept nogil:
    """Return the next number modulo 2**64; more than ten bytes, or no end, is an error."""
    cdef uint64_t value = 0
    cdef int shift = 0
    cdef uint8_t byte
    while r.at < r.end and shift < 70:
        byte = r.at[0]
        r.at += 1
        value |= (<uint64_t>(byte & 0x7F)) << shift
        if byte < 0x80:
            return value
        shift += 7
    r.error = BROKEN
    r.at = r.end
    return 0


cdef inline Reader read_bytes(Reader* r) noexcept nogil:
    """Return a reader of the next length-prefixed part, and step over it."""
    cdef Reader part
    cdef uint64_t length = read_varint(r)
    part.error = FINE
    if length > <uint64_t>(r.end - r.at):
        r.error = BROKEN
        r.at = r.end
        length = 0
    part.at = r.at
    part.end = r.at + length
    r.at += length
    return part


cdef inline void skip(Reader* r, int wire) noexcept nogil:
    """Step over a field of which nothing is known but its wire type."""
    cdef int64_t size
    if wire == VARINT:
        read_varint(r)
    elif wire == BYTES:
        read_bytes(r)
    else:
        size = 8 if wire == FIXED64 else 4 if wire == FIXED32 else -1
        if size < 0 or size > r.end - r.at:
            r.error = BROKEN
            r.at = r.end
        else:
            r.at += size


cdef inline int expect(Reader* r, int wire, int wanted) noexcept nogil:
    """Return whether the wire type is the wanted one; else the message is malformed."""
    if wire != wanted:
        r.error = BROKEN
        r.at = r.end
        return 0
    return 1


cdef void read_flat(Reader* r, uint64_t* slots, int kept, int known) noexcept nogil:
    """Read the scalar fields 1 … known of a message, the first `kept` of them into `slots`."""
    cdef uint64_t tag, number, value
    cdef int i
    for i in range(kept):
        slots[i] = 0
    while r.at < r.end:
        tag = read_varint(r)
        number = tag >> 3
        if 1 <= number <= <uint64_t>known:
            if not expect(r, <int>(tag & 7), VARINT):
                return
            value = read_varint(r)
            if number <= <uint64_t>kept:
                slots[number - 1] = value
        else:
            skip(r, <int>(tag & 7))


# ---- writing -------------------------------------------------------------------------------------------------------

cdef int grow(Column* column, size_t needed) noexcept nogil:
    cdef size_t capacity = column.capacity * 2 if column.capacity else 256
    cdef void* data
    while capacity < needed:
        capacity *= 2
    data = realloc(column.data, capacity * sizeof(uint64_t))
    if data == NULL:
        return NO_MEMORY
    column.data = <uint64_t*>data
    column.capacity = capacity
    return FINE


cdef inline int reserve(Column* column, size_t more) noexcept nogil:
    return grow(column, column.size + more) if column.size + more > column.capacity else FINE


cdef inline int push(Column* column, uint64_t value) noexcept nogil:
    if reserve(column, 1):
        return NO_MEMORY
    column.data[column.size] = value
    column.size += 1
    return FINE


cdef int push_row(Column* column, const uint64_t* row, int width) noexcept nogil:
    if reserve(column, width):
        return NO_MEMORY
    memcpy(column.data + column.size, row, width * sizeof(uint64_t))
    column.size += width
    return FINE


cdef int push_flat(Reader* part, Column* column, int kept, int known) noexcept nogil:
    """Read a message of scalars and append the kept ones as a row."""
    cdef uint64_t row[6]
    read_flat(part, row, kept, known)
    if part.error:
        return part.error
    return push_row(column, row, kept)


cdef inline int passes(size_t amount, int64_t bound, int limit) noexcept nogil:
    """Return the limit's code when `amount` is beyond it."""
    return limit if <int64_t>amount > bound else FINE


# ---- the messages of a profile -------------------------------------------------------------------------------------

cdef inline uint64_t mix(uint64_t x) noexcept nogil:
    """Return splitmix64's finaliser, as `core.stacks.mix64`."""
    x = x + GOLDEN
    x = (x ^ (x >> 30)) * MIX_1
    x = (x ^ (x >> 27)) * MIX_2
    return x ^ (x >> 31)


cdef struct Hasher:
    const uint64_t* table
    uint64_t largest
    uint64_t total
    uint64_t odd
    uint64_t count


cdef int keep_location(Columns* c, uint64_t location) noexcept nogil:
    if passes(c.location_ids.size + 1, c.bounds.stack_frames, STACK_FRAMES):
        return STACK_FRAMES
    return push(&c.location_ids, location)


cdef int keep_packed(Reader part, Columns* c) noexcept nogil:
    """Append the numbers of a packed field to the location ids."""
    cdef int error
    if reserve(&c.location_ids, <size_t>(part.end - part.at)):
        return NO_MEMORY
    while part.at < part.end:
        error = keep_location(c, read_varint(&part))
        if part.error:
            return part.error
        if error:
            return error
    return FINE


cdef int hash_packed(Reader part, Columns* c, Hasher* hasher) noexcept nogil:
    """Add the numbers of a packed field to the hash; one and two bytes, the usual lengths, are read here."""
    cdef const uint64_t* table = hasher.table
    cdef uint64_t largest = hasher.largest, total = hasher.total, odd = hasher.odd, count = 0, location
    while part.at < part.end:
        location = part.at[0]
        if location < 0x80:
            part.at += 1
        elif part.end - part.at >= 2 and part.at[1] < 0x80:
            location = (location & 0x7F) | (<uint64_t>part.at[1] << 7)
            part.at += 2
        else:
            location = read_varint(&part)
            if part.error:
                return part.error
        if location > largest or table[location] == 0:
            return BROKEN
        odd += GOLDEN
        total += table[location] * (odd | 1)
        count += 1
    hasher.total = total
    hasher.odd = odd
    hasher.count += count
    c.frames_seen += count
    return passes(c.frames_seen, c.bounds.stack_frames, STACK_FRAMES)


cdef int read_locations(Reader* r, int wire, Columns* c, Hasher* hasher) noexcept nogil:
    """Read location ids in either form into the column, or into the hash when there is a table of location hashes."""
    cdef Reader part
    cdef uint64_t location
    if wire == VARINT:
        part.at = r.at
        location = read_varint(r)
        part.end = r.at
        part.error = FINE
        if r.error:
            return r.error
        return keep_location(c, location) if hasher.table == NULL else hash_packed(part, c, hasher)
    if not expect(r, wire, BYTES):
        return r.error
    part = read_bytes(r)
    if r.error:
        return r.error
    return keep_packed(part, c) if hasher.table == NULL else hash_packed(part, c, hasher)


cdef int read_values(Reader* r, int wire, Columns* c, uint64_t* width) noexcept nogil:
    cdef Reader part
    cdef uint64_t value
    if wire == VARINT:
        part.at = r.at
        value = read_varint(r)
        part.end = r.at
    else:
        if not expect(r, wire, BYTES):
            return r.error
        part = read_bytes(r)
    if r.error:
        return r.error
    part.error = FINE
    while part.at < part.end:
        value = read_varint(&part)
        if part.error:
            return part.error
        width[0] += 1
        if width[0] > <uint64_t>c.bounds.sample_types:
            return BAD_WIDTH
        if push(&c.values, value):
            return NO_MEMORY
    return FINE


cdef int read_label(Reader* r, int wire, Columns* c, size_t sample) noexcept nogil:
    cdef Reader part
    cdef int error
    if not expect(r, wire, BYTES):
        return r.error
    part = read_bytes(r)
    if r.error:
        return r.error
    error = passes(c.label_samples.size + 1, c.bounds.labels, LABELS)
    if not error:
        error = push_flat(&part, &c.labels, 4, 4)
    return error if error else push(&c.label_samples, sample)


cdef int read_sample(Reader r, Columns* c, const uint64_t* table, uint64_t largest) noexcept nogil:
    """Read one sample; with a table of location hashes its hash is kept instead of its ids."""
    cdef Hasher hasher
    cdef uint64_t tag, number, width = 0
    cdef size_t before = c.location_ids.size
    cdef int error = FINE
    hasher.table = table
    hasher.largest = largest
    hasher.total = hasher.odd = hasher.count = 0
    while r.at < r.end and not error:
        tag = read_varint(&r)
        number = tag >> 3
        if number == 1:
            error = read_locations(&r, <int>(tag & 7), c, &hasher)
        elif number == 2:
            error = read_values(&r, <int>(tag & 7), c, &width)
        elif number == 3:
            error = read_label(&r, <int>(tag & 7), c, c.widths.size)
        else:
            skip(&r, <int>(tag & 7))
        if r.error:
            return r.error
    if error:
        return error
    if table == NULL:
        error = push(&c.depths, c.location_ids.size - before)
    else:
        error = push(&c.stack_hashes, hasher.total + hasher.count * MIX_1)
    return error if error else push(&c.widths, width)


cdef int read_location(Reader r, Columns* c) noexcept nogil:
    cdef uint64_t row[3]
    cdef uint64_t tag, number, value
    cdef size_t before = c.lines.size
    cdef Reader part
    cdef int error, wire
    row[0] = row[1] = row[2] = 0
    while r.at < r.end:
        tag = read_varint(&r)
        number = tag >> 3
        wire = <int>(tag & 7)
        if number == 4:
            if not expect(&r, wire, BYTES):
                return r.error
            part = read_bytes(&r)
            if c.symbols and not r.error:
                error = passes(c.lines.size // 2 + 1, c.bounds.lines, LINES)
                if not error:
                    error = push_flat(&part, &c.lines, 2, 3)
                if error:
                    return error
        elif 1 <= number <= 5:
            if not expect(&r, wire, VARINT):
                return r.error
            value = read_varint(&r)
            if number <= 3:
                row[number - 1] = value
        else:
            skip(&r, wire)
        if r.error:
            return r.error
    error = push_row(&c.locations, row, 3)
    return error if error else push(&c.line_counts, (c.lines.size - before) // 2)


cdef int read_message(uint64_t number, Reader part, Columns* c) noexcept nogil:
    """Read one of the profile's nested messages (or a string)."""
    cdef uint64_t span[2]
    cdef int error = FINE
    span[0] = <uint64_t>(part.at - c.base)
    span[1] = <uint64_t>(part.end - part.at)
    if number == 2:
        error = passes((c.spans.size // 2 if c.by_span else c.widths.size) + 1, c.bounds.samples, SAMPLES)
        if error:
            return error
        return push_row(&c.spans, span, 2) if c.by_span else read_sample(part, c, NULL, 0)
    if number == 4:
        error = passes(c.line_counts.size + 1, c.bounds.locations, LOCATIONS)
        return error if error else read_location(part, c)
    if number == 5:
        if not c.symbols:
            return FINE
        error = passes(c.functions.size // 4 + 1, c.bounds.functions, FUNCTIONS)
        return error if error else push_flat(&part, &c.functions, 4, 5)
    if number == 6:
        error = passes(c.strings.size // 2 + 1, c.bounds.strings, STRINGS)
        return error if error else push_row(&c.strings, span, 2)
    if number == 1:
        error = passes(c.sample_types.size // 2 + 1, c.bounds.sample_types, SAMPLE_TYPES)
        return error if error else push_flat(&part, &c.sample_types, 2, 2)
    if number == 3:
        error = passes(c.mappings.size // 6 + 1, c.bounds.mappings, MAPPINGS)
        return error if error else push_flat(&part, &c.mappings, 6, 10)
    c.period_type.size = 0
    return push_flat(&part, &c.period_type, 2, 2)


cdef inline int header_slot(uint64_t number) noexcept nogil:
    """Return where a scalar of the profile is kept, −1 for other fields."""
    if 7 <= number <= 10:
        return <int>number - 7
    return 4 if number == 12 else 5 if number == 14 else -1


cdef int read_profile(Reader* r, Columns* c) noexcept nogil:
    cdef uint64_t tag, number, value
    cdef Reader part
    cdef int error, slot, wire
    while r.at < r.end:
        tag = read_varint(r)
        number = tag >> 3
        wire = <int>(tag & 7)
        slot = header_slot(number)
        if slot >= 0:
            if not expect(r, wire, VARINT):
                return r.error
            value = read_varint(r)
            if slot == 2 and c.header[2] != 0 and not r.error:
                return TWICE
            c.header[slot] = value
        elif 1 <= number <= 6 or number == 11:
            if not expect(r, wire, BYTES):
                return r.error
            part = read_bytes(r)
            if r.error:
                return r.error
            error = read_message(number, part, c)
            if error:
                return error
        elif number == 13 and wire != VARINT and wire != BYTES:
            return BROKEN
        else:
            skip(r, wire)
        if r.error:
            return r.error
    return FINE


# ---- hashing -------------------------------------------------------------------------------------------------------

cdef uint64_t largest_id(const Column* column, int width) noexcept nogil:
    """Return the largest number in the first column of a table with `width` columns."""
    cdef uint64_t largest = 0
    cdef size_t i
    for i in range(column.size // width):
        if column.data[i * width] > largest:
            largest = column.data[i * width]
    return largest


cdef inline int is_dense(uint64_t largest, size_t rows) noexcept nogil:
    return largest <= SPARSENESS * rows + SPARE_IDS


cdef uint64_t hash_string(Columns* c, uint64_t index, int* error) noexcept nogil:
    """Return the hash of a string of the table, as `stack_hashes.string_hash`: eight bytes at a time."""
    cdef const uint8_t* at
    cdef uint64_t length, value, word, taken
    if index >= c.strings.size // 2:
        error[0] = BROKEN
        return 0
    at = c.base + c.strings.data[2 * index]
    length = c.strings.data[2 * index + 1]
    value = length
    while length > 0:
        taken = 8 if length > 8 else length
        word = 0
        memcpy(&word, at, taken)
        value = mix(value ^ word)
        at += taken
        length -= taken
    return value


cdef int hash_functions(Columns* c, uint64_t* table, int* usable) noexcept nogil:
    """Write the hash of every function's name and file at its id; `usable` becomes 0 when one is 0."""
    cdef size_t i
    cdef uint64_t* row
    cdef uint64_t hashed
    cdef int error = FINE
    for i in range(0, c.functions.size, 4):
        row = c.functions.data + i
        hashed = hash_string(c, row[1] if row[1] else row[2], &error)
        hashed = mix(hashed + mix(hash_string(c, row[3], &error)))
        if error or row[0] == 0 or table[row[0]] != 0:
            return BROKEN
        if hashed == 0:
            usable[0] = 0
            return FINE
        table[row[0]] = hashed
    return FINE


cdef int hash_lines(Columns* c, const uint64_t* functions, uint64_t largest) noexcept nogil:
    """Replace every line's function by the hash of the line."""
    cdef size_t i
    cdef uint64_t* row
    cdef uint64_t name
    for i in range(0, c.lines.size, 2):
        row = c.lines.data + i
        if row[0] > largest or (row[0] != 0 and functions[row[0]] == 0):
            return BROKEN
        name = functions[row[0]] if row[0] else 0
        row[0] = mix(name + mix(row[1]))
    return FINE


cdef uint64_t hash_content(Columns* c, size_t first_line, size_t lines) noexcept nogil:
    cdef uint64_t total = 0, odd = 0
    cdef size_t i
    for i in range(lines):
        odd += GOLDEN
        total += c.lines.data[2 * (first_line + i)] * (odd | 1)
    return mix(total)


cdef int fill_table(Columns* c, uint64_t* table, int* usable) noexcept nogil:
    """Write every location's hash at its id, by content when there are symbols, else by address.

    `usable` becomes 0 when a location has nothing to be hashed by, or hashes to 0.
    """
    cdef size_t i, line = 0, lines
    cdef uint64_t hashed
    cdef uint64_t* row
    for i in range(c.line_counts.size):
        row = c.locations.data + 3 * i
        lines = c.line_counts.data[i]
        hashed = hash_content(c, line, lines) if c.symbols else mix(row[2])
        line += lines
        if hashed == 0 or (lines == 0 if c.symbols else row[2] == 0):
            usable[0] = 0
            return FINE
        if row[0] == 0 or table[row[0]] != 0:
            return BROKEN
        table[row[0]] = hashed
    return FINE


cdef int hash_symbols(Columns* c, int* usable) noexcept nogil:
    """Turn lines into hashes of their functions' names, files and line numbers."""
    cdef uint64_t largest = largest_id(&c.functions, 4)
    cdef uint64_t* table
    cdef int error
    usable[0] = is_dense(largest, c.functions.size // 4)
    if not usable[0]:
        return FINE
    table = <uint64_t*>calloc(largest + 1, sizeof(uint64_t))
    if table == NULL:
        return NO_MEMORY
    error = hash_functions(c, table, usable)
    if not error and usable[0]:
        error = hash_lines(c, table, largest)
    free(table)
    return error


cdef int hash_stacks(Columns* c, int* usable) noexcept nogil:
    """Hash every sample's stack; `usable` becomes 0 when this message needs the general way."""
    cdef uint64_t largest = largest_id(&c.locations, 3)
    cdef uint64_t* table
    cdef int error
    usable[0] = is_dense(largest, c.line_counts.size)
    if not usable[0]:
        return FINE
    table = <uint64_t*>calloc(largest + 1, sizeof(uint64_t))
    if table == NULL:
        return NO_MEMORY
    error = fill_table(c, table, usable)
    if not error and usable[0]:
        error = hash_samples(c, table, largest)
    free(table)
    return error


cdef int has_addresses(const Columns* c) noexcept nogil:
    cdef size_t i
    for i in range(c.line_counts.size):
        if c.locations.data[3 * i + 2] == 0:
            return 0
    return 1


cdef int hash_samples(Columns* c, const uint64_t* table, uint64_t largest) noexcept nogil:
    cdef Reader part
    cdef size_t i
    cdef int error
    for i in range(0, c.spans.size, 2):
        part.at = c.base + c.spans.data[i]
        part.end = part.at + c.spans.data[i + 1]
        part.error = FINE
        error = read_sample(part, c, table, largest)
        if error:
            return error
    return FINE


cdef int check_widths(Columns* c) noexcept nogil:
    cdef size_t i
    for i in range(c.widths.size):
        if c.widths.data[i] != c.sample_types.size // 2:
            return BAD_WIDTH
    return FINE


# ---- the doors -----------------------------------------------------------------------------------------------------

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
