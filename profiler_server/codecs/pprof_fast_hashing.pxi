# Hashes of locations, by address or by content; included by _fast_pprof.pyx.

cdef inline uint64_t mix(uint64_t x) noexcept nogil:
    """Return splitmix64's finaliser, as `core.stacks.mix64`."""
    x = x + GOLDEN
    x = (x ^ (x >> 30)) * MIX_1
    x = (x ^ (x >> 27)) * MIX_2
    return x ^ (x >> 31)


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


cdef uint64_t hash_string(Columns* c, uint64_t index) noexcept nogil:
    """Return the hash of a string of the table, as `stack_hashes.string_hash`: eight bytes at a time."""
    cdef const uint8_t* at = c.base + c.strings.data[SPAN_WIDTH * index]
    cdef uint64_t length = c.strings.data[SPAN_WIDTH * index + 1]
    cdef uint64_t total = length, odd = GOLDEN, word
    while length >= 8:
        memcpy(&word, at, 8)
        total += mix(word ^ odd)
        odd += GOLDEN
        at += 8
        length -= 8
    if length:
        word = 0
        memcpy(&word, at, length)
        total += mix(word ^ odd)
    return mix(total)


cdef inline uint64_t known_hash(Columns* c, uint64_t index) noexcept nogil:
    """Return the hash of a string, computed once for every string."""
    if c.string_hashes.data[index] == 0:
        c.string_hashes.data[index] = hash_string(c, index)
    return c.string_hashes.data[index]


cdef int hash_functions(Columns* c, uint64_t largest) noexcept nogil:
    """Write the hash of every function's name and file into the table, at its id."""
    cdef uint64_t strings = c.strings.size // SPAN_WIDTH
    cdef uint64_t hashed
    cdef uint64_t* row
    cdef size_t i
    if zeros(&c.string_hashes, strings) or zeros(&c.table, largest + 1):
        return NO_MEMORY
    for i in range(c.functions.size // FUNCTION_WIDTH):
        row = c.functions.data + FUNCTION_WIDTH * i
        if row[1] >= strings or row[2] >= strings or row[3] >= strings:
            return BAD_INDEX
        hashed = mix(known_hash(c, row[1] if row[1] else row[2]) + mix(known_hash(c, row[3])))
        if row[0] == 0 or c.table.data[row[0]] != 0:
            return BROKEN
        if hashed == 0:
            return NEEDS_TWIN
        c.table.data[row[0]] = hashed
    return FINE


cdef int hash_lines(Columns* c, uint64_t largest) noexcept nogil:
    """Replace every line's function by the hash of the line."""
    cdef size_t i
    cdef uint64_t* row
    cdef uint64_t name
    for i in range(c.lines.size // LINE_WIDTH):
        row = c.lines.data + LINE_WIDTH * i
        if row[0] > largest or (row[0] != 0 and c.table.data[row[0]] == 0):
            return BROKEN
        name = c.table.data[row[0]] if row[0] else 0
        row[0] = mix(name + mix(row[1]))
    return FINE


cdef int hash_symbols(Columns* c) noexcept nogil:
    """Turn lines into hashes of their functions' names, files and line numbers."""
    cdef uint64_t largest = largest_id(&c.functions, FUNCTION_WIDTH)
    cdef int error
    if not is_dense(largest, c.functions.size // FUNCTION_WIDTH):
        return NEEDS_TWIN
    error = hash_functions(c, largest)
    return error if error else hash_lines(c, largest)


cdef uint64_t hash_content(const Columns* c, size_t first_line, size_t lines) noexcept nogil:
    cdef uint64_t total = 0, odd = 0
    cdef size_t i
    for i in range(lines):
        odd += GOLDEN
        total += c.lines.data[LINE_WIDTH * (first_line + i)] * (odd | 1)
    return mix(total)


cdef int hash_locations(Columns* c) noexcept nogil:
    """Make the table of every location's hash, at its id: by content when there are symbols, else by address."""
    cdef uint64_t largest = largest_id(&c.locations, LOCATION_WIDTH)
    cdef size_t i, line = 0, lines = 0, rows = c.locations.size // LOCATION_WIDTH
    cdef uint64_t hashed
    cdef uint64_t* row = c.locations.data
    if not is_dense(largest, rows):
        return NEEDS_TWIN
    if zeros(&c.table, largest + 1):
        return NO_MEMORY
    for i in range(rows):
        if c.symbols:
            lines = c.line_counts.data[i]
            hashed = hash_content(c, line, lines) if lines else 0
            line += lines
        else:
            hashed = mix(row[2])
        if hashed == 0:
            return NEEDS_TWIN
        if row[0] == 0 or c.table.data[row[0]] != 0:
            return BROKEN
        c.table.data[row[0]] = hashed
        row += LOCATION_WIDTH
    return FINE
