/* Recording, thinning, pacing, fork. */
#include "sampler.h"

#if PLIMSOLL_SUPPORTED

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct sampler sampler;
struct countdown countdowns[COUNTDOWNS];

/* ---- randomness ---------------------------------------------------------------------------------------------- */

static void seed_random(void) {
    uint64_t seed;
    if (sampler.has_fixed_seed) {
        seed = sampler.fixed_seed + sampler.forks * 0x9E3779B97F4A7C15ull * (uint64_t)getpid();
    } else if (syscall(SYS_getrandom, &seed, sizeof seed, 1 /* GRND_NONBLOCK */) != (long)sizeof seed) {
        seed = clock_ns(CLOCK_MONOTONIC) ^ (uint64_t)getpid() << 40 ^ clock_ns(CLOCK_REALTIME) << 13;
    }
    sampler.random_state = seed;
}

static void draw_gap(struct countdown *countdown) {
    countdown->interval = (float)sampler.interval;
    countdown->remaining =
        sampler.sampling ? random_gap(&sampler.random_state, (double)countdown->interval) : NEVER;
}

static void draw_all_gaps(void) {
    for (int i = 0; i < COUNTDOWNS; i++) draw_gap(&countdowns[i]);
}

/* ---- bounds: thin instead of dropping --------------------------------------------------------------------------- */

static void release_live(uint32_t stack) {
    if (stack && sampler.stacks.stacks[stack].live) sampler.stacks.stacks[stack].live--;
}

/* A sample drawn with interval r stands for one drawn with r' > r if it survives with chance p(r') / p(r). */
static bool survives_thinning(struct live_sample *sample, void *context) {
    double target = *(double *)context;
    if ((double)sample->interval >= target) return true;
    double now = sampling_chance((double)sample->size, (double)sample->interval);
    double then = sampling_chance((double)sample->size, target);
    if (random_uniform(&sampler.random_state) * now > then) {
        release_live(sample->stack);
        return false;
    }
    sample->interval = (float)target;
    return true;
}

static void raise_interval(double factor) {
    double limit = sampler.base_interval * INTERVAL_FACTOR_LIMIT;
    double raised = sampler.interval * factor;
    sampler.interval = (double)(float)(raised < limit ? raised : limit);
    sampler.counters.interval_raises++;
}

/* Doubles the interval and thins what is live to match, so that about half the small samples go. */
static void thin(void) {
    double target;
    raise_interval(2.0);
    sampler.floor_interval = sampler.interval;
    target = sampler.interval;
    sampler.counters.thinned += live_filter(&sampler.live, survives_thinning, &target);
    sampler.counters.thin_rounds++;
}

static bool make_room_for_sample(void) {
    if (sampler.live.count >= sampler.max_live) thin();
    if (live_is_crowded(&sampler.live) && !live_grow(&sampler.live)) thin();
    return sampler.live.count < sampler.live.capacity - 1;
}

static int bury_when_possible(void *Py_UNUSED(context)) {
    sampler_bury();
    return 0;
}

static void make_room_for_stack(void) {
    uint32_t enough = sampler.stacks.max_stacks / 8;
    uint32_t released = stack_table_sweep(&sampler.stacks, false);
    if (released < enough) released += stack_table_sweep(&sampler.stacks, true);
    if (released < enough && !sampler.stacks.pins) {
        thin();
        stack_table_sweep(&sampler.stacks, true);
    }
    Py_AddPendingCall(bury_when_possible, NULL);
}

static uint32_t intern(const struct frame_ref *frames, uint32_t count, int kind) {
    if (stack_table_is_crowded(&sampler.stacks)) make_room_for_stack();
    uint32_t stack = stack_table_intern(&sampler.stacks, frames, count, kind);
    if (stack) return stack;
    sampler.counters.overflow++;
    struct frame_ref overflow = {NULL, MARK_OVERFLOW};
    return stack_table_intern(&sampler.stacks, &overflow, 1, kind);
}

/* ---- pacing ------------------------------------------------------------------------------------------------------ */

/* Holds the sample rate near its limit by moving the interval; each sample keeps the interval it was drawn with, so
 * estimates stay unbiased. */
static void pace(void) {
    uint64_t now = clock_ns(CLOCK_MONOTONIC_COARSE), elapsed = now - sampler.window_started_ns;
    if (++sampler.window_samples < RATE_WINDOW_SAMPLES && elapsed < RATE_WINDOW_NS) return;
    if (sampler.floor_interval > sampler.base_interval && sampler.live.count < sampler.max_live / 4)
        sampler.floor_interval = sampler.base_interval; /* there is room again */
    double seconds = elapsed ? (double)elapsed / 1e9 : 0.002; /* below the coarse clock's tick */
    double load = sampler.window_samples / seconds / SAMPLES_PER_SECOND_LIMIT;
    if (load > 1.0) {
        raise_interval(load < PACE_STEP_LIMIT ? load : PACE_STEP_LIMIT);
    } else if (load < 0.5 && sampler.interval > sampler.floor_interval) {
        double lowered = sampler.interval / (load * PACE_STEP_LIMIT > 1.0 ? 1.0 / load : PACE_STEP_LIMIT);
        sampler.interval = lowered > sampler.floor_interval ? lowered : sampler.floor_interval;
    }
    sampler.window_started_ns = now;
    sampler.window_samples = 0;
}

/* ---- slow paths --------------------------------------------------------------------------------------------------- */

static void count_marker(const struct frame_ref *frames) {
    if (frames[0].code) return;
    sampler.counters.without_gil += frames[0].lasti == MARK_NO_GIL;
    sampler.counters.other_gil += frames[0].lasti == MARK_OTHER_GIL;
}

static void count_allocation(uint32_t stack, double size, double interval) {
    struct stack_record *record = &sampler.stacks.stacks[stack];
    double chance = sampling_chance(size, interval);
    record->alloc_objects += 1.0 / chance;
    record->alloc_bytes += size / chance;
    record->touched = 1;
    record->live++;
}

static void insert_sample(struct live_sample sample) {
    struct live_sample stale;
    if (maybe_sampled((void *)sample.address) && live_take(&sampler.live, sample.address, &stale))
        release_live(stale.stack); /* its free went past us */
    if (make_room_for_sample()) live_insert(&sampler.live, sample);
    else release_live(sample.stack);
}

void sampler_record(struct countdown *countdown, void *p, size_t size, int kind) {
    struct frame_ref frames[STACK_DEPTH_LIMIT + 1];
    if (!sampler.sampling || IS_FINALIZING()) return; /* the countdown stays at NEVER */
    uint32_t count = capture_frames(frames);
    lock_acquire(&sampler.lock);
    sampler_drop_inherited_counters();
    count_marker(frames);
    uint32_t stack = intern(frames, count, kind);
    if (stack) {
        count_allocation(stack, (double)size, (double)countdown->interval);
        insert_sample((struct live_sample){(uintptr_t)p, size, stack, countdown->interval});
        sampler.counters.samples++;
    }
    pace();
    draw_gap(countdown);
    lock_release(&sampler.lock);
}

void sampler_redraw(struct countdown *countdown) {
    lock_acquire(&sampler.lock);
    draw_gap(countdown);
    lock_release(&sampler.lock);
}

bool sampler_take(void *p, struct live_sample *out) {
    lock_acquire(&sampler.lock);
    sampler.counters.slow_frees++;
    bool found = live_take(&sampler.live, (uintptr_t)p, out);
    lock_release(&sampler.lock);
    return found;
}

void sampler_settle(const struct live_sample *sample) {
    lock_acquire(&sampler.lock);
    sampler.counters.tracked_frees++;
    release_live(sample->stack);
    lock_release(&sampler.lock);
}

void sampler_restore(struct live_sample sample) {
    lock_acquire(&sampler.lock);
    if (make_room_for_sample()) live_insert(&sampler.live, sample);
    else release_live(sample.stack);
    lock_release(&sampler.lock);
}

/* ---- fork --------------------------------------------------------------------------------------------------------- */

static void before_fork(void) { lock_acquire(&sampler.lock); }
static void after_fork_in_parent(void) { lock_release(&sampler.lock); }

/* The child inherits the live heap, hence the live table; what was allocated before is the parent's history. */
static void after_fork_in_child(void) {
    sampler.forks++;
    sampler.alloc_counters_inherited = true;
    sampler.stacks.pins = 0; /* the exporter's thread does not exist here */
    if (sampler.started) {
        seed_random();
        draw_all_gaps();
    }
    lock_release(&sampler.lock);
}

void sampler_drop_inherited_counters(void) {
    if (!sampler.alloc_counters_inherited) return;
    sampler.alloc_counters_inherited = false;
    for (uint32_t id = 1; id < sampler.stacks.stack_top; id++)
        sampler.stacks.stacks[id].alloc_objects = sampler.stacks.stacks[id].alloc_bytes = 0;
    sampler.counters = (struct sampler_counters){0};
}

/* ---- life cycle --------------------------------------------------------------------------------------------------- */

bool sampler_begin(double interval, uint32_t max_stacks, uint32_t max_live, const uint64_t *seed) {
    static bool registered;
    if (!registered && pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0) registered = true;
    if (!registered || !live_init(&sampler.live)) return false;
    if (!stack_table_init(&sampler.stacks, max_stacks)) {
        live_free(&sampler.live);
        return false;
    }
    sampler.max_live = max_live;
    sampler.base_interval = sampler.floor_interval = sampler.interval = (double)(float)interval;
    sampler.has_fixed_seed = seed != NULL;
    sampler.fixed_seed = seed ? *seed : 0;
    sampler.forks = 0;
    sampler.counters = (struct sampler_counters){0};
    sampler.window_started_ns = clock_ns(CLOCK_MONOTONIC_COARSE);
    sampler.window_samples = 0;
    seed_random();
    sampler.started = true;
    return true;
}

void sampler_arm(void) {
    lock_acquire(&sampler.lock);
    sampler.sampling = true;
    draw_all_gaps();
    lock_release(&sampler.lock);
}

void sampler_disarm(void) {
    lock_acquire(&sampler.lock);
    sampler.sampling = false;
    draw_all_gaps();
    lock_release(&sampler.lock);
}

void sampler_forget_live(void) {
    lock_acquire(&sampler.lock);
    live_clear(&sampler.live);
    for (uint32_t id = 1; id < sampler.stacks.stack_top; id++) sampler.stacks.stacks[id].live = 0;
    lock_release(&sampler.lock);
}

static uint32_t exhume(PyCodeObject **codes, uint32_t limit) {
    struct stack_table *table = &sampler.stacks;
    uint32_t count = 0;
    lock_acquire(&sampler.lock);
    while (table->condemned && count < limit) {
        uint32_t id = table->condemned;
        table->condemned = table->nodes[id].next;
        table->condemned_count--;
        codes[count++] = table->nodes[id].code;
        table->nodes[id] = (struct trie_node){.next = table->free_node};
        table->free_node = id;
    }
    lock_release(&sampler.lock);
    return count;
}

void sampler_bury(void) {
    PyCodeObject *codes[BURIED_PER_TURN];
    uint32_t count;
    if (!sampler.stacks.nodes || HAS_OWN_GIL(PyInterpreterState_Get())) return;
    while ((count = exhume(codes, BURIED_PER_TURN)) > 0) {
        for (uint32_t i = 0; i < count; i++) Py_XDECREF(codes[i]);
        if (count < BURIED_PER_TURN) return;
        Py_BEGIN_ALLOW_THREADS /* thousands of code objects may wait: others get their turn */
        Py_END_ALLOW_THREADS
    }
}

void sampler_end(void) {
    sampler_disarm();
    sampler_forget_live();
    lock_acquire(&sampler.lock);
    stack_table_sweep(&sampler.stacks, true);
    lock_release(&sampler.lock);
    sampler_bury();
    lock_acquire(&sampler.lock);
    live_free(&sampler.live);
    stack_table_free(&sampler.stacks);
    sampler.started = false;
    lock_release(&sampler.lock);
}

size_t sampler_bytes(void) {
    return sampler.live.capacity * sizeof(struct live_sample) + stack_table_bytes(&sampler.stacks) +
           sizeof page_filter + sizeof sampler;
}

#endif /* PLIMSOLL_SUPPORTED */
