/* Open addressing with linear probing and backward-shift deletion: no tombstones, so churn never degrades it. */
#include "live_table.h"

#include <string.h>

uint8_t page_filter[FILTER_SLOTS];

static inline uint32_t home_slot(const struct live_table *table, uintptr_t address) {
    return (uint32_t)(((uint64_t)(address >> 4) * 0x9E3779B97F4A7C15ull) >> 32) & (table->capacity - 1);
}

static size_t table_bytes(uint32_t capacity) { return (size_t)capacity * sizeof(struct live_sample); }

bool live_init(struct live_table *table) {
    table->slots = map_pages(table_bytes(LIVE_FIRST_CAPACITY));
    table->capacity = table->slots ? LIVE_FIRST_CAPACITY : 0;
    table->count = 0;
    memset(page_filter, 0, sizeof page_filter);
    return table->slots != NULL;
}

void live_free(struct live_table *table) {
    unmap_pages(table->slots, table_bytes(table->capacity));
    *table = (struct live_table){0};
    memset(page_filter, 0, sizeof page_filter);
}

void live_clear(struct live_table *table) {
    if (table->slots) memset(table->slots, 0, table_bytes(table->capacity));
    table->count = 0;
    memset(page_filter, 0, sizeof page_filter);
}

bool live_is_crowded(const struct live_table *table) { return table->count >= table->capacity / 8 * 5; }

static void filter_add(uintptr_t address) {
    uint8_t *slot = &page_filter[filter_slot((void *)address)];
    if (*slot != FILTER_STUCK) ++*slot;
}

static void filter_remove(uintptr_t address) {
    uint8_t *slot = &page_filter[filter_slot((void *)address)];
    if (*slot != FILTER_STUCK) --*slot;
}

static void place(struct live_table *table, struct live_sample sample) {
    uint32_t i = home_slot(table, sample.address);
    while (table->slots[i].address) i = (i + 1) & (table->capacity - 1);
    table->slots[i] = sample;
    table->count++;
}

void live_insert(struct live_table *table, struct live_sample sample) {
    place(table, sample);
    filter_add(sample.address);
}

bool live_grow(struct live_table *table) {
    struct live_table bigger = {map_pages(table_bytes(table->capacity * 2)), table->capacity * 2, 0};
    if (!bigger.slots) return false;
    for (uint32_t i = 0; i < table->capacity; i++)
        if (table->slots[i].address) place(&bigger, table->slots[i]);
    unmap_pages(table->slots, table_bytes(table->capacity));
    *table = bigger;
    return true;
}

static void close_gap(struct live_table *table, uint32_t gap) {
    uint32_t mask = table->capacity - 1;
    for (uint32_t i = (gap + 1) & mask; table->slots[i].address; i = (i + 1) & mask) {
        uint32_t home = home_slot(table, table->slots[i].address);
        if (((i - home) & mask) < ((i - gap) & mask)) continue; /* it would move in front of its home */
        table->slots[gap] = table->slots[i];
        gap = i;
    }
    table->slots[gap].address = 0;
}

bool live_take(struct live_table *table, uintptr_t address, struct live_sample *out) {
    if (!table->capacity) return false;
    uint32_t mask = table->capacity - 1;
    for (uint32_t i = home_slot(table, address); table->slots[i].address; i = (i + 1) & mask) {
        if (table->slots[i].address != address) continue;
        *out = table->slots[i];
        close_gap(table, i);
        table->count--;
        filter_remove(address);
        return true;
    }
    return false;
}

/* Survivors are copied out and placed anew.  The filter is rebuilt exactly, which also frees its stuck slots. */
uint32_t live_filter(struct live_table *table, bool (*keep)(struct live_sample *, void *), void *context) {
    size_t scratch_bytes = (size_t)table->count * sizeof(struct live_sample);
    struct live_sample *scratch = table->count ? map_pages(scratch_bytes) : NULL;
    if (!scratch) return 0;
    uint32_t kept = 0, before = table->count;
    for (uint32_t i = 0; i < table->capacity; i++)
        if (table->slots[i].address && keep(&table->slots[i], context)) scratch[kept++] = table->slots[i];
    live_clear(table);
    for (uint32_t i = 0; i < kept; i++) live_insert(table, scratch[i]);
    unmap_pages(scratch, scratch_bytes);
    return before - kept;
}
