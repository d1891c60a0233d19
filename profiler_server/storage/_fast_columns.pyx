# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled way from integers to packed columns; the twin is `columns.pack_in_numpy`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t

# Raised with every change of what the functions take or return; `columns` refuses another number.
INTERFACE = 1

cdef enum:
    SIGNED = 0x10


cdef inline uint64_t zigzag(uint64_t number) noexcept nogil:
    return (number << 1) ^ (0 - (number >> 63))


cdef inline uint64_t step(const int64_t* numbers, size_t i, int rising) noexcept nogil:
    return <uint64_t>numbers[i] - (<uint64_t>numbers[i - 1] if rising and i else 0)


cdef void write_plane(
    const int64_t* numbers, size_t count, int rising, int is_signed, int shift, uint8_t* out
) noexcept nogil:
    cdef uint64_t number
    cdef size_t i
    for i in range(count):
        number = step(numbers, i, rising)
        if is_signed:
            number = zigzag(number)
        out[i] = <uint8_t>(number >> shift)


def pack(const int64_t[::1] numbers not None, bint rising):
    """Return the numbers, or with `rising` their differences, as a packed column."""
    cdef size_t count = numbers.shape[0], i
    cdef const int64_t* first = &numbers[0] if count else NULL
    cdef uint64_t every = 0, signs = 0, number
    cdef int width = 0, plane
    cdef uint8_t* out
    with nogil:
        for i in range(count):
            number = step(first, i, rising)
            signs |= number
            every |= zigzag(number)
    signs >>= 63
    if not signs:
        every >>= 1
    while every:
        width += 1
        every >>= 8
    packed = PyBytes_FromStringAndSize(NULL, 1 + width * count)
    out = <uint8_t*>PyBytes_AS_STRING(packed)
    with nogil:
        out[0] = <uint8_t>(width | SIGNED) if signs else <uint8_t>width
        for plane in range(width):
            write_plane(first, count, rising, <int>signs, 8 * plane, out + 1 + plane * count)
    return packed
