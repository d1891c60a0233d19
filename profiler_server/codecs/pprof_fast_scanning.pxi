# Values, keys and block sizes of the samples in two passes: locations first; included by _fast_pprof.pyx.

cdef enum:
    # What a label's key means
    UNSEEN = 0
    IGNORED = 1
    SIZE = 2
    OTHER = 3

cdef uint64_t NO_KEY = 0xFFFFFFFFFFFFFFFFu
cdef extern from *:
    """
    /* The bits of eight bytes that say that a number goes on, and which of them four numbers of two bytes have. */
    #define CONTINUED 0x8080808080808080ULL
    #define FOUR_PAIRS 0x0080008000800080ULL
    """
    const uint64_t CONTINUED
    const uint64_t FOUR_PAIRS


cdef struct Scanned:
    int64_t* values
    uint64_t* keys
    int64_t* sizes
    size_t samples
    size_t width
    uint64_t build
    int has_build_id
    int other_labels
    uint64_t label_key
    int label_kind


cdef void point(Scanned* s, uint64_t* memory, size_t samples, size_t width) noexcept nogil:
    """Lay the results out in memory: values, keys, sizes."""
    memset(s, 0, sizeof(Scanned))
    s.values = <int64_t*>memory
    s.keys = memory + samples * width
    s.sizes = <int64_t*>(s.keys + samples)
    s.samples = samples
    s.width = width
    s.label_key = NO_KEY


cdef int survey(Reader* r, Columns* c) noexcept nogil:
    """Read all but the samples, check it and hash the locations."""
    cdef int error = read_profile(r, c)
    if not error:
        error = check_strings(c)
    if not error and c.symbols:
        error = hash_symbols(c)
    return error if error else hash_locations(c)


cdef int check_strings(Columns* c) noexcept nogil:
    """Refuse a string table that does not begin with an empty string, and indices outside it."""
    cdef uint64_t strings = c.strings.size // SPAN_WIDTH
    cdef const uint64_t* row
    cdef size_t i
    if strings == 0 or c.strings.data[1] != 0:
        return BAD_TABLE
    for i in range(c.sample_types.size):
        if c.sample_types.data[i] >= strings:
            return BAD_INDEX
    for i in range(c.period_type.size):
        if c.period_type.data[i] >= strings:
            return BAD_INDEX
    for i in range(c.mappings.size // MAPPING_WIDTH):
        row = c.mappings.data + MAPPING_WIDTH * i
        if row[4] >= strings or row[5] >= strings:
            return BAD_INDEX
    if c.header[0] >= strings or c.header[1] >= strings or c.header[5] >= strings:
        return BAD_INDEX
    return FINE if c.sample_types.size else NO_TYPE


cdef void find_build(Columns* c, Scanned* s) noexcept nogil:
    """Hash what gives the keys their meaning, as `stack_hashes.build_of`."""
    cdef uint64_t build = 0
    cdef uint64_t* row
    cdef size_t i
    if not c.symbols:
        for i in range(c.mappings.size // MAPPING_WIDTH):
            row = c.mappings.data + MAPPING_WIDTH * i
            build = mix(build + row[1])
            build = mix(build + row[2])
            build = mix(build + row[3])
            build = mix(build + hash_string(c, row[4]))
            build = mix(build + hash_string(c, row[5]))
        s.has_build_id = c.mappings.size > 0 and c.strings.data[SPAN_WIDTH * c.mappings.data[5] + 1] > 0
    if c.strings.data[SPAN_WIDTH * c.header[0] + 1] or c.strings.data[SPAN_WIDTH * c.header[1] + 1]:
        build ^= mix(hash_string(c, c.header[0]) + mix(hash_string(c, c.header[1])))
    s.build = build


cdef int scan_samples(Columns* c, Scanned* s) noexcept nogil:
    """Write every sample's values, key and block size."""
    cdef Reader part
    cdef uint64_t hashed = 0
    cdef size_t i
    cdef int error
    find_build(c, s)
    for i in range(s.samples):
        part.at = c.base + c.spans.data[SPAN_WIDTH * i]
        part.end = part.at + c.spans.data[SPAN_WIDTH * i + 1]
        part.error = FINE
        error = scan_sample(part, c, s, i, &hashed)
        if error:
            return error
        s.keys[i] = mix(hashed ^ mix(<uint64_t>s.sizes[i] + s.build))
    return FINE


cdef struct Hasher:
    uint64_t total
    uint64_t odd
    uint64_t count


cdef int scan_sample(Reader r, Columns* c, Scanned* s, size_t sample, uint64_t* hashed) noexcept nogil:
    cdef Hasher hasher
    cdef uint64_t tag, number
    cdef size_t width = 0
    cdef Reader part
    cdef int error, sizes = 0
    hasher.total = hasher.odd = hasher.count = 0
    s.sizes[sample] = 0
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
            error = add_locations(part.at, part.end, c, &hasher)
        elif number == 2:
            error = scan_values(part, s.values + sample * s.width, s.width, &width)
        elif number == 3:
            error = scan_label(part, c, s, sample, &sizes)
        if error:
            return error
    hashed[0] = hasher.total + hasher.count * MIX_1
    if sizes > 1:
        s.other_labels = 1
    return FINE if width == s.width else BAD_WIDTH


cdef int scan_values(Reader part, int64_t* row, size_t width, size_t* seen) noexcept nogil:
    cdef uint64_t value
    while part.at < part.end:
        value = read_varint(&part)
        if part.error:
            return part.error
        if seen[0] == width:
            return BAD_WIDTH
        row[seen[0]] = <int64_t>value
        seen[0] += 1
    return FINE


cdef int add_locations(const uint8_t* at, const uint8_t* end, Columns* c, Hasher* hasher) noexcept nogil:
    """Add location ids to a stack's hash; those of one and two bytes, as nearly all are, are read here."""
    cdef const uint64_t* table = c.table.data
    cdef uint64_t size = c.table.size, total = hasher.total, odd = hasher.odd, hashed, location, word
    cdef uint64_t first, second, third, fourth
    cdef size_t count = 0
    cdef Reader rest
    while at < end:
        if end - at >= 8:
            memcpy(&word, at, 8)
            if word & CONTINUED == FOUR_PAIRS:
                word = (word & 0x007F007F007F007Fu) | ((word >> 1) & 0x3F803F803F803F80u)
                first, second, third, fourth = word & 0xFFFF, (word >> 16) & 0xFFFF, (word >> 32) & 0xFFFF, word >> 48
                if first >= size or second >= size or third >= size or fourth >= size:
                    return BROKEN
                first, second, third, fourth = table[first], table[second], table[third], table[fourth]
                if first == 0 or second == 0 or third == 0 or fourth == 0:
                    return BROKEN
                total += first * ((odd + GOLDEN) | 1) + second * ((odd + 2 * GOLDEN) | 1)
                total += third * ((odd + 3 * GOLDEN) | 1) + fourth * ((odd + 4 * GOLDEN) | 1)
                odd += 4 * GOLDEN
                count += 4
                at += 8
                continue
        location = at[0]
        if location < 0x80:
            at += 1
        elif end - at >= 2 and at[1] < 0x80:
            location = (location & 0x7F) | (<uint64_t>at[1] << 7)
            at += 2
        else:
            rest.at, rest.end, rest.error = at, end, FINE
            location = read_long(&rest)
            at = rest.at
            if rest.error:
                return rest.error
        hashed = table[location] if location < size else 0
        if hashed == 0:
            return BROKEN
        odd += GOLDEN
        total += hashed * (odd | 1)
        count += 1
    hasher.total = total
    hasher.odd = odd
    hasher.count += count
    c.frames_seen += count
    return passes(c.frames_seen, c.bounds.stack_frames, STACK_FRAMES)


cdef int scan_label(Reader part, Columns* c, Scanned* s, size_t sample, int* sizes) noexcept nogil:
    """Take Go's block size from a label, and note whether there are others."""
    cdef uint64_t row[LABEL_WIDTH]
    cdef uint64_t strings = c.strings.size // SPAN_WIDTH
    c.labels_seen += 1
    if passes(c.labels_seen, c.bounds.labels, LABELS):
        return LABELS
    read_flat(&part, row, LABEL_WIDTH, 4)
    if part.error:
        return part.error
    if row[0] >= strings or row[1] >= strings or row[3] >= strings:
        return BAD_INDEX
    if row[0] != s.label_key:
        s.label_key = row[0]
        s.label_kind = label_kind(c, row[0])
    if s.label_kind == SIZE and row[1] == 0:
        s.sizes[sample] = <int64_t>row[2]
        sizes[0] += 1
    elif s.label_kind != IGNORED:
        s.other_labels = 1
    return FINE


cdef int label_kind(Columns* c, uint64_t key) noexcept nogil:
    """Return what a label's key means: keys without a name and pprof's own are ignored."""
    cdef const uint8_t* name = c.base + c.strings.data[SPAN_WIDTH * key]
    cdef uint64_t length = c.strings.data[SPAN_WIDTH * key + 1]
    if length == 5 and memcmp(name, b"bytes", 5) == 0:
        return SIZE
    return IGNORED if length == 0 or (length >= 7 and memcmp(name, b"pprof::", 7) == 0) else OTHER
