/* Collecting: one pass over the live table under the lock; then lines are looked up in short turns, between which
 * other threads may run. */
#include "export.h"

#if PLIMSOLL_SUPPORTED

#include <stdlib.h>
#include <string.h>

#define TURN_ITEMS 512 /* nodes or names that are handled before other threads get the GIL */

const char *export_marker_name(int marker) {
    switch (marker) {
    case MARK_OVERFLOW: return "[stack table full]";
    case MARK_NO_GIL: return "[without the GIL]";
    case MARK_OTHER_GIL: return "[subinterpreter with its own GIL]";
    case MARK_TRUNCATED: return "[deeper frames cut]";
    default: return "[no Python frame]";
    }
}

const char *export_kind_name(int kind) {
    switch (kind) {
    case KIND_OBJECT: return "object";
    case KIND_BUFFER: return "buffer";
    case KIND_CONTAINER: return "container storage";
    default: return "numpy buffer";
    }
}

static void give_turn(uint32_t *done) {
    if (++*done % TURN_ITEMS) return;
    Py_BEGIN_ALLOW_THREADS
    Py_END_ALLOW_THREADS
}

static void sum_live(struct export *out) {
    const struct live_table *live = &sampler.live;
    for (uint32_t i = 0; i < live->capacity; i++) {
        const struct live_sample *sample = &live->slots[i];
        if (!sample->address || !sample->stack) continue;
        double size = (double)sample->size, chance = sampling_chance(size, (double)sample->interval);
        out->rows[sample->stack].inuse_objects += 1.0 / chance;
        out->rows[sample->stack].inuse_bytes += size / chance;
    }
}

static void copy_stacks(struct export *out) {
    const struct stack_table *table = &sampler.stacks;
    for (uint32_t id = 1; id < table->stack_top; id++) {
        const struct stack_record *stack = &table->stacks[id];
        if (!stack->node) continue;
        struct export_row *row = &out->rows[id];
        row->alloc_objects = stack->alloc_objects;
        row->alloc_bytes = stack->alloc_bytes;
        row->stack = id;
        row->node = stack->node;
        row->kind = table->nodes[stack->node].lasti;
    }
}

static void copy_live(struct export *out) {
    for (uint32_t i = 0; out->live && i < sampler.live.capacity && out->live_count < sampler.max_live; i++)
        if (sampler.live.slots[i].address) out->live[out->live_count++] = sampler.live.slots[i];
}

static size_t live_bytes(void) { return ((size_t)sampler.max_live + 1) * sizeof(struct live_sample); }

static void compact_rows(struct export *out) {
    uint32_t kept = 0;
    for (uint32_t id = 1; id < out->row_capacity; id++)
        if (out->rows[id].node) out->rows[kept++] = out->rows[id];
    out->row_count = kept;
}

/* Looks lines up once per node.  Needs the GIL; gives turns. */
static void resolve_lines(struct export *out) {
    struct trie_node *nodes = sampler.stacks.nodes;
    uint32_t done = 0;
    for (uint32_t r = 0; r < out->row_count; r++)
        for (uint32_t id = nodes[out->rows[r].node].parent; id; id = nodes[id].parent) {
            out->id_capacity++;
            struct trie_node *node = &nodes[id];
            if (node->line != LINE_UNKNOWN) continue;
            node->line = node->code ? PyCode_Addr2Line(node->code, node->lasti) : node->lasti;
            give_turn(&done);
        }
}

static uint32_t hash_frame(const PyCodeObject *code, int32_t line) {
    return (uint32_t)((((uint64_t)(uintptr_t)code >> 4) + (uint64_t)(uint32_t)line * 0x100000001B3ull) *
                          0x9E3779B97F4A7C15ull >> 32);
}

struct frame_index {
    uint32_t *slots; /* frame id + 1 */
    uint32_t mask;
};

static uint32_t frame_id(struct export *out, struct frame_index *index, PyCodeObject *code, int32_t line) {
    uint32_t i = hash_frame(code, line) & index->mask;
    for (; index->slots[i]; i = (i + 1) & index->mask) {
        struct export_frame *frame = &out->frames[index->slots[i] - 1];
        if (frame->code == code && frame->line == line) return index->slots[i] - 1;
    }
    uint32_t id = out->frame_count++;
    out->frames[id] = (struct export_frame){code, line, 0};
    index->slots[i] = id + 1;
    return id;
}

/* Lists the distinct frames and each row's frames, leaf first.  Pinned nodes do not change: no GIL is needed. */
static void list_frames(struct export *out, struct frame_index *index) {
    const struct trie_node *nodes = sampler.stacks.nodes;
    for (uint32_t r = 0; r < out->row_count; r++) {
        out->rows[r].first_frame = out->id_count;
        for (uint32_t id = nodes[out->rows[r].node].parent; id; id = nodes[id].parent)
            out->frame_ids[out->id_count++] = frame_id(out, index, nodes[id].code, nodes[id].line);
        out->rows[r].frame_count = out->id_count - out->rows[r].first_frame;
    }
}

/* `function`: the first frame that has the same code.  The index is reused, keyed by code alone. */
static void number_functions(struct export *out, struct frame_index *index) {
    memset(index->slots, 0, ((size_t)index->mask + 1) * sizeof *index->slots);
    for (uint32_t f = 0; f < out->frame_count; f++) {
        struct export_frame *frame = &out->frames[f];
        int32_t marker = frame->code ? 0 : frame->line;
        uint32_t i = hash_frame(frame->code, marker) & index->mask;
        for (; index->slots[i]; i = (i + 1) & index->mask) {
            struct export_frame *other = &out->frames[index->slots[i] - 1];
            if (other->code == frame->code && (frame->code || other->line == frame->line)) break;
        }
        if (!index->slots[i]) index->slots[i] = f + 1;
        frame->function = index->slots[i] - 1;
    }
}

static bool build_frames(struct export *out) {
    uint32_t size = 1024;
    while (size < out->id_capacity * 2 && size < 1u << 30) size <<= 1;
    struct frame_index index = {map_pages((size_t)size * 4), size - 1};
    out->frame_capacity = out->id_capacity;
    out->frames = map_pages(((size_t)out->frame_capacity + 1) * sizeof *out->frames);
    out->frame_ids = map_pages(((size_t)out->id_capacity + 1) * sizeof *out->frame_ids);
    bool ok = index.slots && out->frames && out->frame_ids;
    if (ok) {
        Py_BEGIN_ALLOW_THREADS
        list_frames(out, &index);
        number_functions(out, &index);
        Py_END_ALLOW_THREADS
    }
    unmap_pages(index.slots, (size_t)size * 4);
    return ok;
}

bool export_begin(struct export *out, bool with_live) {
    *out = (struct export){.row_capacity = sampler.stacks.max_stacks + 1};
    out->rows = map_pages((size_t)out->row_capacity * sizeof *out->rows);
    out->live = with_live ? map_pages(live_bytes()) : NULL;
    lock_acquire(&sampler.lock);
    sampler.stacks.pins++;
    uint64_t started = clock_ns(CLOCK_MONOTONIC);
    if (out->rows) {
        sampler_drop_inherited_counters();
        sum_live(out);
        copy_stacks(out);
        copy_live(out);
    }
    out->held_ns = clock_ns(CLOCK_MONOTONIC) - started;
    lock_release(&sampler.lock);
    if (out->rows) {
        compact_rows(out);
        resolve_lines(out);
        if (build_frames(out)) return true;
    }
    export_end(out);
    PyErr_NoMemory();
    return false;
}

void export_end(struct export *out) {
    unmap_pages(out->rows, (size_t)out->row_capacity * sizeof *out->rows);
    unmap_pages(out->live, live_bytes());
    unmap_pages(out->frames, ((size_t)out->frame_capacity + 1) * sizeof *out->frames);
    unmap_pages(out->frame_ids, ((size_t)out->id_capacity + 1) * sizeof *out->frame_ids);
    lock_acquire(&sampler.lock);
    if (sampler.stacks.pins) sampler.stacks.pins--;
    lock_release(&sampler.lock);
}

/* ---- columns ------------------------------------------------------------------------------------------------------ */

static PyObject *frame_tuple(const struct export_frame *frame) {
    if (!frame->code) return Py_BuildValue("(ssi)", export_marker_name(frame->line), "", 0);
    return Py_BuildValue("(OOi)", frame->code->co_qualname, frame->code->co_filename, frame->line);
}

static PyObject *frame_list(const struct export *data) {
    PyObject *list = PyList_New(0);
    uint32_t done = 0;
    for (uint32_t f = 0; list && f < data->frame_count; f++) {
        PyObject *tuple = frame_tuple(&data->frames[f]);
        if (!tuple || PyList_Append(list, tuple)) Py_CLEAR(list);
        Py_XDECREF(tuple);
        give_turn(&done);
    }
    return list;
}

static bool put_bytes(PyObject *dict, const char *key, const void *bytes, size_t size) {
    PyObject *value = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
    bool ok = value && PyDict_SetItemString(dict, key, value) == 0;
    Py_XDECREF(value);
    return ok;
}

static bool put_column(PyObject *dict, const char *key, const struct export *data, size_t offset) {
    PyObject *value = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)data->row_count * 8);
    if (!value) return false;
    char *out = PyBytes_AS_STRING(value);
    for (uint32_t r = 0; r < data->row_count; r++) {
        double number;
        memcpy(&number, (const char *)&data->rows[r] + offset, sizeof number);
        int64_t rounded = llround(number);
        memcpy(out + (size_t)r * 8, &rounded, 8);
    }
    bool ok = PyDict_SetItemString(dict, key, value) == 0;
    Py_DECREF(value);
    return ok;
}

static bool put_shape(PyObject *dict, const struct export *data) {
    int32_t *offsets = malloc(((size_t)data->row_count + 1) * sizeof *offsets);
    uint8_t *kinds = malloc((size_t)data->row_count + 1);
    uint32_t *stacks = malloc(((size_t)data->row_count + 1) * sizeof *stacks);
    bool ok = offsets && kinds && stacks;
    for (uint32_t r = 0; ok && r < data->row_count; r++) {
        offsets[r] = (int32_t)data->rows[r].first_frame;
        kinds[r] = (uint8_t)data->rows[r].kind;
        stacks[r] = data->rows[r].stack;
    }
    if (ok) offsets[data->row_count] = (int32_t)data->id_count;
    else PyErr_NoMemory();
    ok = ok && put_bytes(dict, "offsets", offsets, ((size_t)data->row_count + 1) * 4) &&
         put_bytes(dict, "kinds", kinds, data->row_count) &&
         put_bytes(dict, "stacks", stacks, (size_t)data->row_count * 4) &&
         put_bytes(dict, "live", data->live, (size_t)data->live_count * sizeof *data->live) &&
         put_bytes(dict, "frame_ids", data->frame_ids, (size_t)data->id_count * 4);
    free(offsets);
    free(kinds);
    free(stacks);
    return ok;
}

PyObject *export_columns(const struct export *data) {
    PyObject *dict = PyDict_New(), *frames = dict ? frame_list(data) : NULL;
    bool ok = frames && PyDict_SetItemString(dict, "frames", frames) == 0 && put_shape(dict, data) &&
              put_column(dict, "inuse_objects", data, offsetof(struct export_row, inuse_objects)) &&
              put_column(dict, "inuse_bytes", data, offsetof(struct export_row, inuse_bytes)) &&
              put_column(dict, "alloc_objects", data, offsetof(struct export_row, alloc_objects)) &&
              put_column(dict, "alloc_bytes", data, offsetof(struct export_row, alloc_bytes));
    Py_XDECREF(frames);
    if (!ok) Py_CLEAR(dict);
    return dict;
}

#endif /* PLIMSOLL_SUPPORTED */
