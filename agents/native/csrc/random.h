/* Poisson sampling by bytes: gaps between samples are exponential with the interval as mean. */
#ifndef PLIMSOLL_RANDOM_H
#define PLIMSOLL_RANDOM_H

#include <math.h>
#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood 2014): any seed is a good seed. */
static inline uint64_t random_next(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

/* Uniform in (0, 1]. */
static inline double random_uniform(uint64_t *state) {
    return (double)((random_next(state) >> 11) + 1) * 0x1.0p-53;
}

/* Whole bytes before the next sampled byte: an allocation of n bytes is hit iff n > gap, with probability
 * 1 - exp(-n / interval). */
static inline int64_t random_gap(uint64_t *state, double interval) {
    double gap = -log(random_uniform(state)) * interval;
    return gap > 1e15 ? (int64_t)1e15 : (int64_t)gap;
}

/* The chance that an allocation of `size` bytes is sampled. */
static inline double sampling_chance(double size, double interval) { return -expm1(-(size < 1 ? 1 : size) / interval); }

#endif
