# The messages of a profile, each read into its columns; included by _fast_pprof.pyx.

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
