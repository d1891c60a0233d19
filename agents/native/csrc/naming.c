/* Naming edges as a person would: module, attribute, closure variable, local, element. */
#include "naming.h"

#if PLIMSOLL_SUPPORTED

#include "layouts.h"

#include <internal/pycore_dict.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES_MAX 120
#define NAMESPACE_ENTRIES_MAX 8192 /* larger dicts are data, not namespaces */
#define KEY_SCAN_MAX 256
#define HEAD_STEPS 24 /* of a longer path the middle is left out */
#define TAIL_STEPS 24

/* ---- text ------------------------------------------------------------------------------------------------------- */

static void put_char(struct text *text, char c) {
    if (text->size + 1 < text->capacity) text->bytes[text->size++] = c;
    else text->full = true;
}

void text_put(struct text *text, const char *string) {
    for (int n = 0; string && *string && n < NAME_BYTES_MAX; string++, n++)
        put_char(text, (unsigned char)*string < 32 ? '?' : *string);
}

void text_put_number(struct text *text, long long number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", number);
    text_put(text, digits);
}

static void put_code_point(struct text *text, Py_UCS4 c) {
    if (c < 0x80) {
        put_char(text, c < 32 ? '?' : (char)c);
    } else if (c < 0x800) {
        put_char(text, (char)(0xC0 | c >> 6));
        put_char(text, (char)(0x80 | (c & 63)));
    } else if (c >= 0xD800 && c < 0xE000) {
        put_char(text, '?');
    } else if (c < 0x10000) {
        put_char(text, (char)(0xE0 | c >> 12));
        put_char(text, (char)(0x80 | (c >> 6 & 63)));
        put_char(text, (char)(0x80 | (c & 63)));
    } else {
        put_char(text, (char)(0xF0 | c >> 18));
        put_char(text, (char)(0x80 | (c >> 12 & 63)));
        put_char(text, (char)(0x80 | (c >> 6 & 63)));
        put_char(text, (char)(0x80 | (c & 63)));
    }
}

static void put_unicode(struct text *text, PyObject *string) {
    if (!string || !PyUnicode_Check(string)) return;
    Py_ssize_t length = PyUnicode_GET_LENGTH(string);
    for (Py_ssize_t i = 0; i < length && i < NAME_BYTES_MAX; i++)
        put_code_point(text, PyUnicode_READ(PyUnicode_KIND(string), PyUnicode_DATA(string), i));
}

static const char *short_name(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static const char *short_type_name(PyObject *object) { return short_name(Py_TYPE(object)->tp_name); }

/* ---- what is held ----------------------------------------------------------------------------------------------- */

static long long length_of(PyObject *object) {
    if (PyDict_Check(object)) return PyDict_GET_SIZE(object);
    if (PyList_Check(object)) return PyList_GET_SIZE(object);
    if (PyTuple_Check(object)) return PyTuple_GET_SIZE(object);
    if (PyAnySet_Check(object)) return PySet_GET_SIZE(object);
    const char *name = Py_TYPE(object)->tp_name;
    if (strcmp(name, "collections.deque") == 0) return Py_SIZE(object);
    return -1;
}

static PyObject *code_of(PyObject *object) {
    if (PyFunction_Check(object)) return ((PyFunctionObject *)object)->func_code;
    if (PyFrame_Check(object)) {
        _PyInterpreterFrame *frame = ((PyFrameObject *)object)->f_frame;
        return frame ? (PyObject *)FRAME_CODE(frame) : NULL;
    }
    _PyInterpreterFrame *frame = frame_behind(object);
    return frame ? (PyObject *)FRAME_CODE(frame) : NULL;
}

/* "function shop.make.<locals>.callback", "class Order", "Order" */
static void put_description(struct text *text, PyObject *object) {
    PyObject *code = code_of(object);
    text_put(text, PyType_Check(object) ? "class" : short_type_name(object));
    if (code && PyCode_Check(code)) {
        put_char(text, ' ');
        put_unicode(text, ((PyCodeObject *)code)->co_qualname);
    } else if (PyType_Check(object)) {
        put_char(text, ' ');
        text_put(text, short_name(((PyTypeObject *)object)->tp_name));
    }
}

struct step {
    const char *how; /* global, local, attribute, closure, element, key, root, storage, buffer */
    PyObject *holder_type_of, *name;
    const char *plain_holder, *plain_name;
    bool hidden; /* an inner step that people do not think of */
};

static void put_step(struct text *text, const struct step *step, PyObject *held, long long node) {
    put_char(text, '\x1e');
    text_put(text, step->how);
    put_char(text, '\x1f');
    if (step->holder_type_of && PyType_Check(step->holder_type_of))
        text_put(text, short_name(((PyTypeObject *)step->holder_type_of)->tp_name));
    else if (step->holder_type_of && PyUnicode_Check(step->holder_type_of)) put_unicode(text, step->holder_type_of);
    else if (step->holder_type_of) text_put(text, short_type_name(step->holder_type_of));
    else text_put(text, step->plain_holder);
    put_char(text, '\x1f');
    if (step->name) put_unicode(text, step->name);
    else text_put(text, step->plain_name);
    put_char(text, '\x1f');
    if (held) put_description(text, held);
    put_char(text, '\x1f');
    text_put_number(text, held ? length_of(held) : -1);
    put_char(text, '\x1f');
    text_put_number(text, node);
}

/* ---- how it is held --------------------------------------------------------------------------------------------- */

/* The key of `child` in a dict whose keys are names, if it is a plain identifier. */
static PyObject *name_in(PyObject *dict, PyObject *child) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    if (!PyDict_Check(dict) || PyDict_GET_SIZE(dict) > NAMESPACE_ENTRIES_MAX) return NULL;
    while (PyDict_Next(dict, &position, &key, &value))
        if (value == child) return PyUnicode_Check(key) && PyUnicode_IsIdentifier(key) ? key : NULL;
    return NULL;
}

static bool is_key_of(PyObject *dict, PyObject *child) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    if (PyDict_GET_SIZE(dict) > KEY_SCAN_MAX) return false;
    while (PyDict_Next(dict, &position, &key, &value))
        if (key == child) return true;
    return false;
}

static const struct step HIDDEN = {.hidden = true};

static bool is_thread_local(PyObject *object) {
    for (PyTypeObject *type = Py_TYPE(object); type; type = type->tp_base)
        if (strcmp(type->tp_name, "_thread._local") == 0) return true;
    return false;
}

static struct step step_from_dict(PyObject *dict, PyObject *before, PyObject *before_that, PyObject *child) {
    if (before && PyModule_Check(before) && PyModule_GetDict(before) == dict)
        return (struct step){.how = "global", .name = name_in(dict, child)};
    if (before && PyType_Check(before) && ((PyTypeObject *)before)->tp_dict == dict)
        return (struct step){.how = "attribute", .holder_type_of = before, .name = name_in(dict, child)};
    if (before && !PyType_Check(before) && instance_dict(before) == dict)
        return (struct step){.how = "attribute", .holder_type_of = before, .name = name_in(dict, child)};
    if ((before && is_thread_local(before)) || (before_that && is_thread_local(before_that))) {
        if (PyDict_Check(child)) return HIDDEN;
        PyObject *name = name_in(dict, child);
        return (struct step){.how = "attribute", .plain_holder = "thread-local", .name = name};
    }
    return (struct step){.how = is_key_of(dict, child) ? "key" : "element", .holder_type_of = dict};
}

static struct step step_from_cell(PyObject *cell, PyObject *tuple, PyObject *function) {
    struct step step = {.how = "closure", .holder_type_of = function};
    if (!tuple || !function || !PyTuple_Check(tuple) || !PyFunction_Check(function)) return step;
    PyObject *names = ((PyCodeObject *)((PyFunctionObject *)function)->func_code)->co_localsplusnames;
    Py_ssize_t free_count = PyTuple_GET_SIZE(tuple), first = PyTuple_GET_SIZE(names) - free_count;
    for (Py_ssize_t i = 0; i < free_count && first >= 0; i++)
        if (PyTuple_GET_ITEM(tuple, i) == cell) step.name = PyTuple_GET_ITEM(names, first + i);
    return step;
}

static PyObject *variable_name(PyCodeObject *code, int slot) {
    if (slot < 0 || slot >= PyTuple_GET_SIZE(code->co_localsplusnames)) return NULL;
    return PyTuple_GET_ITEM(code->co_localsplusnames, slot);
}

static struct step step_from_frame(PyObject *object, _PyInterpreterFrame *frame, PyObject *child) {
    int slot = frame_slot_of(frame, child);
    PyObject *name = slot < 0 ? NULL : variable_name(FRAME_CODE(frame), slot);
    return (struct step){.how = name ? "local" : "element", .holder_type_of = object, .name = name};
}

static struct step step_from_function(PyObject *object, PyObject *child) {
    PyFunctionObject *function = (PyFunctionObject *)object;
    if (child == function->func_closure) return HIDDEN;
    if (child == function->func_dict) return HIDDEN;
    const char *name = child == function->func_defaults     ? "__defaults__"
                       : child == function->func_kwdefaults ? "__kwdefaults__"
                                                            : member_name(object, child);
    return (struct step){.how = "attribute", .holder_type_of = object, .plain_name = name};
}

static struct step step_from_object(PyObject *object, PyObject *child) {
    if (child == instance_dict(object) && PyDict_Check(child)) return HIDDEN;
    PyObject *name = instance_value_name(object, child);
    const char *member = name ? NULL : member_name(object, child);
    if (name && !PyUnicode_IsIdentifier(name)) name = NULL;
    if (name || member)
        return (struct step){.how = "attribute", .holder_type_of = object, .name = name, .plain_name = member};
    return (struct step){.how = "element", .holder_type_of = object};
}

static struct step step_between(PyObject *before_that, PyObject *before, PyObject *holder, PyObject *child) {
    if (PyDict_Check(holder)) {
        if (!PyDict_CheckExact(holder) && child == instance_dict(holder)) return HIDDEN;
        return step_from_dict(holder, before, before_that, child);
    }
    if (PyModule_Check(holder) && PyDict_Check(child)) return HIDDEN;
    if (PyType_Check(holder) && ((PyTypeObject *)holder)->tp_dict == child) return HIDDEN;
    if (PyFunction_Check(holder)) return step_from_function(holder, child);
    if (PyCell_Check(holder)) return step_from_cell(holder, before, before_that);
    if (PyTuple_Check(holder) && PyCell_Check(child)) return HIDDEN;
    _PyInterpreterFrame *frame = frame_behind(holder);
    if (frame) return step_from_frame(holder, frame, child);
    if (PyList_CheckExact(holder) || PyTuple_CheckExact(holder) || PyAnySet_CheckExact(holder))
        return (struct step){.how = "element", .holder_type_of = holder};
    return step_from_object(holder, child);
}

static struct step step_from_root(const struct root *root) {
    static const char *const PLACES[] = {[ROOT_THREAD] = "thread state", [ROOT_INTERPRETER] = "interpreter state",
                                         [ROOT_INTERNED] = "interned strings", [ROOT_NATIVE] = "native code",
                                         [ROOT_CYCLE] = "a reference cycle awaiting collection"};
    switch (root->kind) {
    case ROOT_MODULE: return (struct step){.how = "module", .holder_type_of = root->name};
    case ROOT_LOCAL:
    case ROOT_TEMPORARY: {
        PyCodeObject *code = (PyCodeObject *)root->name;
        return (struct step){.how = "frame", .holder_type_of = code->co_qualname,
                             .name = root->kind == ROOT_LOCAL ? variable_name(code, root->slot) : NULL};
    }
    default: return (struct step){.how = "root", .plain_holder = PLACES[root->kind]};
    }
}

/* ---- the path --------------------------------------------------------------------------------------------------- */

static PyObject *at(const struct graph *graph, uint32_t node) { return node & ROOT_BIT ? NULL : graph->queue[node]; }

static uint32_t up(const struct graph *graph, uint32_t node) {
    return node & ROOT_BIT ? ROOT_BIT : graph->parents[node];
}

static void write_edge(struct text *text, const struct graph *graph, uint32_t node) {
    PyObject *object = graph->queue[node];
    uint32_t parent = graph->parents[node];
    if (parent & ROOT_BIT) {
        const struct root *root = &graph->roots[parent & ~ROOT_BIT];
        struct step step = step_from_root(root);
        bool is_namespace = root->kind == ROOT_MODULE && PyDict_Check(object);
        put_step(text, &step, is_namespace ? NULL : object, is_namespace ? -1 : (long long)node);
        return;
    }
    uint32_t before = up(graph, parent);
    struct step step = step_between(before & ROOT_BIT ? NULL : at(graph, up(graph, before)), at(graph, before),
                                    graph->queue[parent], object);
    if (PyDict_Check(graph->queue[parent]) && before & ROOT_BIT && graph->roots[before & ~ROOT_BIT].kind == ROOT_MODULE)
        step = (struct step){.how = "global", .name = name_in(graph->queue[parent], object)};
    if (!step.hidden) put_step(text, &step, object, node);
}

static void write_leaf(struct text *text, const struct graph *graph, uint32_t holder, PyObject *leaf, int match) {
    if (match == MATCH_STORAGE || !leaf) {
        struct step step = {.how = match == MATCH_STORAGE ? "storage" : "element", .holder_type_of = at(graph, holder)};
        put_step(text, &step, NULL, -1);
        return;
    }
    struct step step;
    uint32_t before = up(graph, holder);
    if (match == MATCH_KEY) {
        step = (struct step){.how = "key", .holder_type_of = at(graph, holder)};
        put_step(text, &step, leaf, -1);
        return;
    }
    if (holder & ROOT_BIT) step = step_from_root(&graph->roots[holder & ~ROOT_BIT]);
    else if (PyDict_Check(graph->queue[holder]) && before & ROOT_BIT &&
             graph->roots[before & ~ROOT_BIT].kind == ROOT_MODULE)
        step = (struct step){.how = "global", .name = name_in(graph->queue[holder], leaf)};
    else
        step = step_between(before & ROOT_BIT ? NULL : at(graph, up(graph, before)), at(graph, before),
                            graph->queue[holder], leaf);
    if (step.hidden) step = (struct step){.how = "element", .holder_type_of = at(graph, holder)};
    put_step(text, &step, leaf, -1);
}

void write_path(struct text *text, const struct graph *graph, uint32_t holder, PyObject *leaf, int match) {
    uint32_t tail[TAIL_STEPS], head[HEAD_STEPS], length = 0, skipped;
    for (uint32_t node = holder; !(node & ROOT_BIT); node = graph->parents[node]) {
        if (length < TAIL_STEPS) tail[length] = node;
        length++;
    }
    uint32_t head_count = length > TAIL_STEPS ? length - TAIL_STEPS : 0, position = 0;
    skipped = head_count > HEAD_STEPS ? head_count - HEAD_STEPS : 0;
    for (uint32_t node = holder; !(node & ROOT_BIT); node = graph->parents[node], position++)
        if (position >= TAIL_STEPS + skipped) head[length - 1 - position] = node;
    for (uint32_t i = 0; i < head_count - skipped; i++) write_edge(text, graph, head[i]);
    if (skipped) {
        struct step step = {.how = "skipped"};
        put_step(text, &step, NULL, (long long)skipped);
    }
    for (uint32_t i = length < TAIL_STEPS ? length : TAIL_STEPS; i-- > 0;) write_edge(text, graph, tail[i]);
    write_leaf(text, graph, holder, leaf, match);
}

#endif /* PLIMSOLL_SUPPORTED */
