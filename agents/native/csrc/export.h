/* A consistent copy of all stacks and their sums, taken in one short lock, and its two outer forms. */
#ifndef PLIMSOLL_EXPORT_H
#define PLIMSOLL_EXPORT_H

#include "sampler.h"

struct export_row {
    double inuse_objects, inuse_bytes, alloc_objects, alloc_bytes;
    uint32_t node; /* terminal node; 0 = no row */
    int32_t kind;
    uint32_t stack; /* index in the stack table, as in live samples */
    uint32_t first_frame, frame_count; /* into export.frame_ids, leaf first */
};

struct export_frame {
    PyCodeObject *code; /* NULL: a marker, in `line` */
    int32_t line;
    uint32_t function; /* index of the first frame with the same code */
};

struct export {
    struct export_row *rows;
    uint32_t row_count, row_capacity;
    struct export_frame *frames; /* distinct (code, line) */
    uint32_t frame_count, frame_capacity;
    uint32_t *frame_ids;
    uint32_t id_count, id_capacity;
    struct live_sample *live; /* every live sample, if asked for */
    uint32_t live_count;
    uint64_t held_ns; /* how long the lock and the GIL were held together at the longest stretch */
};

/* Fills *out; false with MemoryError set.  Between begin and end nothing of the stack table is released. */
bool export_begin(struct export *out, bool with_live);
void export_end(struct export *out);

/* {"offsets", "frame_ids": int32 bytes; "kinds": uint8 bytes; four int64 columns; "stacks": uint32 bytes;
 * "live": (address u64, size u64, stack u32, interval f32)[]; "frames": [(qualname, file, line)]} */
PyObject *export_columns(const struct export *data);
/* An uncompressed pprof profile. */
PyObject *export_pprof(const struct export *data, int64_t time_ns, int64_t duration_ns, int64_t period);
const char *export_marker_name(int marker);
const char *export_kind_name(int kind);

#endif
