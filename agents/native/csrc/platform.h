/* The few primitives that the sampler needs from compiler and kernel. */
#ifndef PLIMSOLL_PLATFORM_H
#define PLIMSOLL_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD __attribute__((noinline, cold))

/* Zeroed memory that costs nothing until touched; NULL when the kernel refuses. */
static inline void *map_pages(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static inline void unmap_pages(void *p, size_t bytes) {
    if (p) munmap(p, bytes);
}

static inline uint64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A lock that never allocates and that a forked child can reset.  It is uncontended except between
 * interpreters that each have a GIL of their own. */
typedef struct { volatile int taken; } spin_lock;

static inline void lock_acquire(spin_lock *lock) {
    while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE))
        for (int spins = 0; __atomic_load_n(&lock->taken, __ATOMIC_RELAXED); spins++)
            if (spins > 64) sched_yield();
}

static inline void lock_release(spin_lock *lock) { __atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE); }

#endif
