# Hashing stacks by address or by content; included by _fast_pprof.pyx.

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
