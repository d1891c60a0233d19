/* The sampler's state and its slow path: what happens when a countdown fires or a sampled block goes. */
#ifndef PLIMSOLL_SAMPLER_H
#define PLIMSOLL_SAMPLER_H

#include "live_table.h"
#include "random.h"
#include "stack_table.h"

#ifndef SAMPLES_PER_SECOND_LIMIT
#define SAMPLES_PER_SECOND_LIMIT 300.0 /* above this the interval is raised */
#endif
#define RATE_WINDOW_SAMPLES 128u       /* the rate is judged after so many samples … */
#define RATE_WINDOW_NS 250000000u      /* … or after so long, whichever comes first */
#define PACE_STEP_LIMIT 2.0            /* one judgement moves the interval by no more than this factor: bursts are common */
#define INTERVAL_FACTOR_LIMIT 1024.0   /* the interval never exceeds this many times the one asked for */
#define NEVER INT64_MAX                /* a countdown that does not fire */

#define BURIED_PER_TURN 256            /* code objects let go before other threads get the GIL */

enum hook_state { HOOKS_OFF, HOOKS_ARMED, HOOKS_PAUSED, HOOKS_PASSIVE, HOOKS_DISPLACED };

/* Bytes left in the gap before the next sample of one domain, and the interval the gap was drawn with. */
struct countdown {
    int64_t remaining; /* < 0: the allocation that made it so is sampled */
    float interval;
};

struct sampler_counters {
    uint64_t samples, thinned, thin_rounds, interval_raises, overflow, without_gil, other_gil, slow_frees, tracked_frees;
};

struct sampler {
    spin_lock lock; /* guards everything below; no Python call is made while it is held */
    bool started, sampling;
    struct live_table live;
    struct stack_table stacks;
    uint32_t max_live;
    double base_interval, floor_interval, interval; /* asked for; what fits the table; now in force */
    uint64_t random_state, fixed_seed;
    bool has_fixed_seed;
    uint64_t window_started_ns;
    uint32_t window_samples;
    uint64_t forks;
    bool alloc_counters_inherited; /* set in a forked child; cleared by zeroing them */
    struct sampler_counters counters;
};

extern struct sampler sampler;

#define COUNTDOWNS 3 /* object, buffer, numpy */
extern struct countdown countdowns[COUNTDOWNS];

/* Sets tables and countdowns up; false when there is no memory. */
bool sampler_begin(double interval, uint32_t max_stacks, uint32_t max_live, const uint64_t *seed);
/* Releases everything; runs Python code (code objects die). */
void sampler_end(void);
/* Samples are taken from now on / no more; the free side keeps working either way. */
void sampler_arm(void);
void sampler_disarm(void);
/* Forgets all live samples (their frees were missed, or will be). */
void sampler_forget_live(void);

/* Slow paths, called by the hooks.  `countdown->remaining` must be NEVER while the real allocator runs. */
void sampler_record(struct countdown *countdown, void *p, size_t size, int kind);
/* The real allocator failed: a new gap starts. */
void sampler_redraw(struct countdown *countdown);
/* The sample at p, if any, is taken out into *out. */
bool sampler_take(void *p, struct live_sample *out);
/* The block lives on after all (its re-allocation failed). */
void sampler_restore(struct live_sample sample);
/* The block in *sample is gone: its stack has one live sample less. */
void sampler_settle(const struct live_sample *sample);

/* Drops references to code objects of evicted stacks.  Runs Python code: call with the GIL, outside any lock. */
void sampler_bury(void);
/* Zeroes allocation counters that a forked child inherited; the lock must be held. */
void sampler_drop_inherited_counters(void);
size_t sampler_bytes(void);

/* Reads the current Python stack, leaf first; always at least one frame (a marker if need be). */
uint32_t capture_frames(struct frame_ref frames[STACK_DEPTH_LIMIT + 1]);

#endif
