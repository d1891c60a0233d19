/* The pprof form (github.com/google/pprof, profile.proto), written by hand: field numbers are in the comments. */
#include "export.h"

#if PLIMSOLL_SUPPORTED

#include <stdlib.h>
#include <string.h>

struct buffer {
    uint8_t *bytes;
    size_t size, capacity;
    bool failed;
};

static bool reserve(struct buffer *out, size_t more) {
    if (out->size + more <= out->capacity) return true;
    size_t capacity = (out->size + more) * 2 + 4096;
    uint8_t *bytes = out->failed ? NULL : realloc(out->bytes, capacity);
    if (!bytes) {
        out->failed = true;
        return false;
    }
    out->bytes = bytes;
    out->capacity = capacity;
    return true;
}

static void put_varint(struct buffer *out, uint64_t value) {
    if (!reserve(out, 10)) return;
    for (; value >= 0x80; value >>= 7) out->bytes[out->size++] = (uint8_t)value | 0x80;
    out->bytes[out->size++] = (uint8_t)value;
}

static void put_number(struct buffer *out, int field, uint64_t value) {
    if (!value) return; /* proto3's default */
    put_varint(out, (uint64_t)field << 3);
    put_varint(out, value);
}

static void put_blob(struct buffer *out, int field, const void *bytes, size_t size) {
    put_varint(out, (uint64_t)field << 3 | 2);
    put_varint(out, size);
    if (!reserve(out, size)) return;
    if (size) memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

static void put_message(struct buffer *out, int field, struct buffer *message) {
    put_blob(out, field, message->bytes, message->size);
    out->failed |= message->failed;
    message->size = 0;
}

/* ---- strings: index 0 is "", then the fixed words, then names in the order of functions ------------------------- */

static const char *const WORDS[] = {"", "inuse_objects", "count", "inuse_space", "bytes", "alloc_objects",
                                    "alloc_space", "space", "kind"};
enum { W_EMPTY, W_INUSE_OBJECTS, W_COUNT, W_INUSE_SPACE, W_BYTES, W_ALLOC_OBJECTS, W_ALLOC_SPACE, W_SPACE, W_KIND,
       W_FIRST_KIND };

struct name {
    const char *text;
    Py_ssize_t size;
};

struct strings {
    struct name *functions, *files; /* per frame that starts a function */
};

static struct name utf8(PyObject *text) {
    struct name name = {NULL, 0};
    name.text = PyUnicode_AsUTF8AndSize(text, &name.size);
    if (name.text) return name;
    PyErr_Clear(); /* lone surrogates */
    return (struct name){"?", 1};
}

/* Borrows UTF-8 from the code objects, which are pinned.  Needs the GIL. */
static void read_names(const struct export *data, struct strings *strings) {
    for (uint32_t f = 0; f < data->frame_count; f++) {
        const struct export_frame *frame = &data->frames[f];
        if (frame->function != f) continue;
        if (frame->code) {
            strings->functions[f] = utf8(frame->code->co_qualname);
            strings->files[f] = utf8(frame->code->co_filename);
        } else {
            const char *text = export_marker_name(frame->line);
            strings->functions[f] = (struct name){text, (Py_ssize_t)strlen(text)};
            strings->files[f] = (struct name){"", 0};
        }
    }
}

static void put_value_type(struct buffer *out, struct buffer *scratch, int field, int type, int unit) {
    put_number(scratch, 1, (uint64_t)type);
    put_number(scratch, 2, (uint64_t)unit);
    put_message(out, field, scratch);
}

static void put_packed(struct buffer *out, struct buffer *scratch, int field, const uint64_t *values, int count) {
    for (int i = 0; i < count; i++) put_varint(scratch, values[i]);
    put_message(out, field, scratch);
}

static void put_sample(struct buffer *out, struct buffer *sample, struct buffer *scratch, const struct export *data,
                       const struct export_row *row) {
    for (uint32_t i = 0; i < row->frame_count; i++)
        put_varint(scratch, (uint64_t)data->frame_ids[row->first_frame + i] + 1);
    put_message(sample, 1, scratch); /* location_id */
    uint64_t values[] = {(uint64_t)llround(row->inuse_objects), (uint64_t)llround(row->inuse_bytes),
                         (uint64_t)llround(row->alloc_objects), (uint64_t)llround(row->alloc_bytes)};
    put_packed(sample, scratch, 2, values, 4); /* value */
    if (row->kind != KIND_OBJECT) {
        put_number(scratch, 1, W_KIND);
        put_number(scratch, 2, (uint64_t)(W_FIRST_KIND + row->kind));
        put_message(sample, 3, scratch); /* label */
    }
    put_message(out, 2, sample);
}

static void put_location(struct buffer *out, struct buffer *location, struct buffer *line,
                         const struct export_frame *frame, uint32_t id) {
    put_number(line, 1, (uint64_t)frame->function + 1);
    put_number(line, 2, frame->code && frame->line > 0 ? (uint64_t)frame->line : 0);
    put_number(location, 1, (uint64_t)id + 1);
    put_message(location, 4, line);
    put_message(out, 4, location);
}

static void put_string(struct buffer *out, struct name name) { put_blob(out, 6, name.text, (size_t)name.size); }

/* Functions and their strings; a file name is written once per run of functions that share it. */
static void put_functions(struct buffer *out, struct buffer *scratch, const struct export *data,
                          const struct strings *strings) {
    uint64_t next = W_FIRST_KIND + KIND_COUNT, file_index = 0;
    const char *file = NULL;
    for (uint32_t f = 0; f < data->frame_count; f++) {
        if (data->frames[f].function != f) continue;
        const PyCodeObject *code = data->frames[f].code;
        put_number(scratch, 1, (uint64_t)f + 1);
        put_number(scratch, 2, next);
        put_string(out, strings->functions[f]);
        next++;
        if (strings->files[f].text != file) {
            put_string(out, strings->files[f]);
            file = strings->files[f].text;
            file_index = next++;
        }
        put_number(scratch, 4, file_index);
        put_number(scratch, 5, code && code->co_firstlineno > 0 ? (uint64_t)code->co_firstlineno : 0);
        put_message(out, 5, scratch);
    }
}

static void put_head(struct buffer *out, struct buffer *scratch) {
    put_value_type(out, scratch, 1, W_INUSE_OBJECTS, W_COUNT);
    put_value_type(out, scratch, 1, W_INUSE_SPACE, W_BYTES);
    put_value_type(out, scratch, 1, W_ALLOC_OBJECTS, W_COUNT);
    put_value_type(out, scratch, 1, W_ALLOC_SPACE, W_BYTES);
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        put_string(out, (struct name){WORDS[i], (Py_ssize_t)strlen(WORDS[i])});
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const char *text = export_kind_name(kind);
        put_string(out, (struct name){text, (Py_ssize_t)strlen(text)});
    }
}

static void put_tail(struct buffer *out, struct buffer *scratch, const int64_t times[3]) {
    put_number(out, 9, (uint64_t)times[0]);
    put_number(out, 10, (uint64_t)times[1]);
    put_value_type(out, scratch, 11, W_SPACE, W_BYTES);
    put_number(out, 12, (uint64_t)times[2]);
    put_number(out, 14, W_INUSE_SPACE);
}

static void encode(struct buffer *out, const struct export *data, const struct strings *strings,
                   const int64_t times[3]) {
    struct buffer inner = {0}, scratch = {0};
    put_head(out, &scratch);
    for (uint32_t r = 0; r < data->row_count; r++) put_sample(out, &inner, &scratch, data, &data->rows[r]);
    for (uint32_t f = 0; f < data->frame_count; f++) put_location(out, &inner, &scratch, &data->frames[f], f);
    put_functions(out, &scratch, data, strings);
    put_tail(out, &scratch, times);
    out->failed |= inner.failed || scratch.failed;
    free(inner.bytes);
    free(scratch.bytes);
}

PyObject *export_pprof(const struct export *data, int64_t time_ns, int64_t duration_ns, int64_t period) {
    struct buffer out = {0};
    struct strings strings = {calloc(data->frame_count + 1, sizeof(struct name)),
                              calloc(data->frame_count + 1, sizeof(struct name))};
    const int64_t times[3] = {time_ns, duration_ns, period};
    PyObject *result = NULL;
    if (strings.functions && strings.files) {
        read_names(data, &strings);
        Py_BEGIN_ALLOW_THREADS
        encode(&out, data, &strings, times);
        Py_END_ALLOW_THREADS
        if (!out.failed) result = PyBytes_FromStringAndSize((const char *)out.bytes, (Py_ssize_t)out.size);
    }
    if (!result && !PyErr_Occurred()) PyErr_NoMemory();
    free(strings.functions);
    free(strings.files);
    free(out.bytes);
    return result;
}

#endif /* PLIMSOLL_SUPPORTED */
