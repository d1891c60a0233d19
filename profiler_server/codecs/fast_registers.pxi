# Registers as the compiler expects them; included by compiled modules that run after isal.

# isal's AVX code leaves the upper halves of the vector registers in use. Until they are cleared, every scalar floating
# point instruction of the thread waits for the one before: the counts of 2,000 rows took 49 µs for 16.
cdef extern from *:
    """
    #if defined(__x86_64__) && defined(__GNUC__)
    static inline void clear_upper_halves(void) {
        if (__builtin_cpu_supports("avx")) __asm__ volatile("vzeroupper");
    }
    #else
    static inline void clear_upper_halves(void) {}
    #endif
    """
    void clear_upper_halves() noexcept nogil
