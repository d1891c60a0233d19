/* The live samples: address -> sample, with a page-granular counting filter in front. */
#ifndef PLIMSOLL_LIVE_TABLE_H
#define PLIMSOLL_LIVE_TABLE_H

#include "platform.h"

#define FILTER_SLOTS 65536u
#define FILTER_STUCK 255u /* a saturated slot is never decremented: always "maybe" until the table is rebuilt */
#define LIVE_FIRST_CAPACITY 4096u

struct live_sample {
    uintptr_t address; /* 0 = empty slot */
    uint64_t size;     /* bytes that were asked for */
    uint32_t stack;    /* index into the stack table */
    float interval;    /* mean bytes between samples when this one was drawn */
};

struct live_table {
    struct live_sample *slots;
    uint32_t capacity; /* a power of two */
    uint32_t count;
};

/* How many live samples lie on the pages that hash to a slot: 0 means "surely not sampled". */
extern uint8_t page_filter[FILTER_SLOTS];

static inline uint32_t filter_slot(const void *p) { return (uint32_t)((uintptr_t)p >> 12) & (FILTER_SLOTS - 1); }
static inline bool maybe_sampled(const void *p) { return page_filter[filter_slot(p)] != 0; }

bool live_init(struct live_table *table);
void live_free(struct live_table *table);
void live_clear(struct live_table *table);
/* Doubles the table; false when there is no memory for it. */
bool live_grow(struct live_table *table);
bool live_is_crowded(const struct live_table *table);
/* The address must not be in the table and the table must not be full. */
void live_insert(struct live_table *table, struct live_sample sample);
/* Removes the sample at `address` into `*out`; false when there is none. */
bool live_take(struct live_table *table, uintptr_t address, struct live_sample *out);
/* Keeps the samples for which `keep(sample, context)` holds (it may edit them); returns how many went. */
uint32_t live_filter(struct live_table *table, bool (*keep)(struct live_sample *, void *), void *context);

#endif
