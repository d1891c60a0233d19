# The messages of a profile, each read into its columns; included by _fast_pprof.pyx.

cdef inline int push_flat(Reader* part, Column* column, int kept, int known) noexcept nogil:
    """Read a message of scalars and append the kept ones as a row."""
    cdef uint64_t row[MAPPING_WIDTH]
    read_flat(part, row, kept, known)
    if part.error:
        return part.error
    return push_row(column, row, kept)


cdef inline Reader read_repeated(Reader* r, int wire) noexcept nogil:
    """Return a reader of a repeated scalar in either of its forms, packed or a single one."""
    cdef Reader part
    if wire == VARINT:
        part.at = r.at
        read_varint(r)
        part.end = r.at
        part.error = FINE
        return part
    if not expect(r, wire, BYTES):
        part.at = part.end = r.at
        part.error = FINE
        return part
    return read_bytes(r)


cdef int keep_locations(Reader part, Columns* c) noexcept nogil:
    """Append location ids."""
    cdef uint64_t location
    if reserve(&c.location_ids, <size_t>(part.end - part.at)):
        return NO_MEMORY
    while part.at < part.end:
        location = read_varint(&part)
        if part.error:
            return part.error
        if passes(c.location_ids.size + 1, c.bounds.stack_frames, STACK_FRAMES):
            return STACK_FRAMES
        c.location_ids.data[c.location_ids.size] = location
        c.location_ids.size += 1
    return FINE


cdef int keep_values(Reader part, Columns* c, uint64_t* width) noexcept nogil:
    cdef uint64_t value
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


cdef int keep_label(Reader part, Columns* c) noexcept nogil:
    cdef int error = passes(c.label_samples.size + 1, c.bounds.labels, LABELS)
    if not error:
        error = push_flat(&part, &c.labels, LABEL_WIDTH, 4)
    return error if error else push(&c.label_samples, c.widths.size)


cdef int read_sample(Reader r, Columns* c) noexcept nogil:
    """Read one sample into its columns."""
    cdef uint64_t tag, number, width = 0
    cdef size_t before = c.location_ids.size
    cdef Reader part
    cdef int error
    while r.at < r.end:
        tag = read_varint(&r)
        number = tag >> 3
        if number == 1 or number == 2:
            part = read_repeated(&r, <int>(tag & 7))
        elif number == 3:
            if not expect(&r, <int>(tag & 7), BYTES):
                return r.error
            part = read_bytes(&r)
        else:
            skip(&r, <int>(tag & 7))
        if r.error:
            return r.error
        error = FINE
        if number == 1:
            error = keep_locations(part, c)
        elif number == 2:
            error = keep_values(part, c, &width)
        elif number == 3:
            error = keep_label(part, c)
        if error:
            return error
    error = push(&c.depths, c.location_ids.size - before)
    return error if error else push(&c.widths, width)


cdef int check_widths(Columns* c) noexcept nogil:
    cdef size_t i
    for i in range(c.widths.size):
        if c.widths.data[i] != c.sample_types.size // TYPE_WIDTH:
            return BAD_WIDTH
    return FINE


cdef int read_location(Reader r, Columns* c) noexcept nogil:
    cdef uint64_t row[LOCATION_WIDTH]
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
                error = passes(c.lines.size // LINE_WIDTH + 1, c.bounds.lines, LINES)
                if not error:
                    error = push_flat(&part, &c.lines, LINE_WIDTH, 3)
                if error:
                    return error
        elif 1 <= number <= 5:
            if not expect(&r, wire, VARINT):
                return r.error
            value = read_varint(&r)
            if number <= LOCATION_WIDTH:
                row[number - 1] = value
        else:
            skip(&r, wire)
        if r.error:
            return r.error
    if c.by_span and not c.symbols:
        return NEEDS_CONTENT if row[2] == 0 else push_row(&c.locations, row, LOCATION_WIDTH)
    error = push_row(&c.locations, row, LOCATION_WIDTH)
    return error if error else push(&c.line_counts, (c.lines.size - before) // LINE_WIDTH)


cdef inline int keep_span(Columns* c, Column* column, Reader part) noexcept nogil:
    """Append where a part begins and how long it is."""
    cdef uint64_t span[SPAN_WIDTH]
    span[0] = <uint64_t>(part.at - c.base)
    span[1] = <uint64_t>(part.end - part.at)
    return push_row(column, span, SPAN_WIDTH)


cdef int read_message(uint64_t number, Reader part, Columns* c) noexcept nogil:
    """Read one of the profile's nested messages (or a string)."""
    cdef int error = FINE
    if number == 2:
        if c.by_span:
            error = passes(c.spans.size // SPAN_WIDTH + 1, c.bounds.samples, SAMPLES)
            return error if error else keep_span(c, &c.spans, part)
        error = passes(c.widths.size + 1, c.bounds.samples, SAMPLES)
        return error if error else read_sample(part, c)
    if number == 6:
        error = passes(c.strings.size // SPAN_WIDTH + 1, c.bounds.strings, STRINGS)
        return error if error else keep_span(c, &c.strings, part)
    if number == 4:
        error = passes(c.locations.size // LOCATION_WIDTH + 1, c.bounds.locations, LOCATIONS)
        return error if error else read_location(part, c)
    if number == 5:
        if not c.symbols:
            return FINE
        error = passes(c.functions.size // FUNCTION_WIDTH + 1, c.bounds.functions, FUNCTIONS)
        return error if error else push_flat(&part, &c.functions, FUNCTION_WIDTH, 5)
    if number == 1:
        error = passes(c.sample_types.size // TYPE_WIDTH + 1, c.bounds.sample_types, SAMPLE_TYPES)
        return error if error else push_flat(&part, &c.sample_types, TYPE_WIDTH, 2)
    if number == 3:
        error = passes(c.mappings.size // MAPPING_WIDTH + 1, c.bounds.mappings, MAPPINGS)
        return error if error else push_flat(&part, &c.mappings, MAPPING_WIDTH, 10)
    c.period_type.size = 0
    return push_flat(&part, &c.period_type, TYPE_WIDTH, 2)


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
        if 1 <= number <= 6 or number == 11:
            if not expect(r, wire, BYTES):
                return r.error
            part = read_bytes(r)
            if r.error:
                return r.error
            error = read_message(number, part, c)
            if error:
                return error
            continue
        slot = header_slot(number)
        if slot >= 0:
            if not expect(r, wire, VARINT):
                return r.error
            value = read_varint(r)
            if slot == 2 and c.header[2] != 0 and not r.error:
                return TWICE
            c.header[slot] = value
        elif number == 13 and wire != VARINT and wire != BYTES:
            return BROKEN
        else:
            skip(r, wire)
        if r.error:
            return r.error
    return FINE
