# Reading numbers and parts from bytes; included by _fast_pprof.pyx.

cdef uint64_t read_long(Reader* r) noexcept nogil:
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


cdef inline uint64_t read_varint(Reader* r) noexcept nogil:
    """Return the next number; nearly all are of one byte."""
    cdef uint64_t byte
    if r.at < r.end and r.at[0] < 0x80:
        byte = r.at[0]
        r.at += 1
        return byte
    return read_long(r)


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


cdef inline void read_flat(Reader* r, uint64_t* slots, int kept, int known) noexcept nogil:
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


cdef inline int passes(size_t amount, int64_t bound, int limit) noexcept nogil:
    """Return the limit's code when `amount` is beyond it."""
    return limit if <int64_t>amount > bound else FINE
