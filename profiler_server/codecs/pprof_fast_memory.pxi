# Columns and their memory, kept for the next message; included by _fast_pprof.pyx.

# So many sets of columns are kept, each of at most so many bytes: as many as threads usually parse at once.
cdef enum:
    MAX_KEPT = 4
    MAX_KEPT_BYTES = 4 * 1024 * 1024
    COLUMNS = 17

cdef Columns* kept[MAX_KEPT]
cdef int kept_sets = 0


cdef Columns* borrow() except NULL:
    """Return a set of columns with whatever was in them; the GIL is held."""
    global kept_sets
    cdef Columns* c
    if kept_sets:
        kept_sets -= 1
        return kept[kept_sets]
    c = <Columns*>calloc(1, sizeof(Columns))
    if c == NULL:
        raise MemoryError
    return c


cdef void give_back(Columns* c) noexcept:
    """Keep a set of columns for the next message, or free it when there are enough or it has grown large."""
    global kept_sets
    cdef Column* all[COLUMNS]
    cdef size_t capacity = 0
    cdef int i
    list_columns(c, all)
    for i in range(COLUMNS):
        capacity += all[i].capacity
    if kept_sets < MAX_KEPT and capacity * sizeof(uint64_t) <= MAX_KEPT_BYTES:
        kept[kept_sets] = c
        kept_sets += 1
    else:
        release(c)


cdef void release(Columns* c) noexcept:
    cdef Column* all[COLUMNS]
    cdef int i
    list_columns(c, all)
    for i in range(COLUMNS):
        free(all[i].data)
    free(c)


def release_kept():
    """Free the memory that is kept for the next messages."""
    global kept_sets
    while kept_sets:
        kept_sets -= 1
        release(kept[kept_sets])


cdef void empty(Columns* c) noexcept nogil:
    """Forget what is in the columns, not their memory."""
    cdef Column* all[COLUMNS]
    cdef int i
    list_columns(c, all)
    for i in range(COLUMNS):
        all[i].size = 0
    memset(c.header, 0, sizeof(c.header))
    c.symbols = c.by_span = 0
    c.frames_seen = c.labels_seen = 0


cdef void list_columns(Columns* c, Column** all) noexcept nogil:
    all[0] = &c.sample_types
    all[1] = &c.period_type
    all[2] = &c.depths
    all[3] = &c.widths
    all[4] = &c.spans
    all[5] = &c.location_ids
    all[6] = &c.values
    all[7] = &c.label_samples
    all[8] = &c.labels
    all[9] = &c.mappings
    all[10] = &c.locations
    all[11] = &c.line_counts
    all[12] = &c.lines
    all[13] = &c.functions
    all[14] = &c.strings
    all[15] = &c.string_hashes
    all[16] = &c.table


cdef object taken(Column* column, object dtype):
    """Return a numpy array with a copy of the column."""
    return np.frombuffer(PyByteArray_FromStringAndSize(<const char*>column.data, column.size * sizeof(uint64_t)), dtype)


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


cdef int zeros(Column* column, size_t size) noexcept nogil:
    """Make the column one of `size` zeros."""
    column.size = 0
    if reserve(column, size):
        return NO_MEMORY
    memset(column.data, 0, size * sizeof(uint64_t))
    column.size = size
    return FINE


cdef inline int push(Column* column, uint64_t value) noexcept nogil:
    if reserve(column, 1):
        return NO_MEMORY
    column.data[column.size] = value
    column.size += 1
    return FINE


cdef inline int push_row(Column* column, const uint64_t* row, int width) noexcept nogil:
    cdef int i
    if reserve(column, width):
        return NO_MEMORY
    for i in range(width):
        column.data[column.size + i] = row[i]
    column.size += width
    return FINE
