/* The breadth-first walk itself. */
#include "graph.h"

#if PLIMSOLL_SUPPORTED

#include "random.h"

#include <string.h>

#define HASH_FIRST_SIZE 65536u
#define TIME_CHECK_MASK 255u
#define DEEPEN_ROUNDS 6
#define LEAF_SCAN_BYTES 256
#define STRUCT_SCAN_BYTES 1024

/* ---- set-up ----------------------------------------------------------------------------------------------------- */

static uint32_t page_slot(uintptr_t p) { return (uint32_t)(p >> 12) & (GRAPH_PAGE_SLOTS - 1); }

static void index_targets(struct graph *graph, const uint64_t *addresses, const uint64_t *sizes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uintptr_t address = (uintptr_t)addresses[i];
        uint32_t slot = page_slot(address);
        graph->targets[i] = (struct target){address, sizes[i], graph->page_heads[slot], NOT_FOUND, 0, NULL};
        graph->page_heads[slot] = i + 1;
        graph->page_filter[slot] = 1;
        graph->page_filter[page_slot(address + HEADER_REACH)] = 1;
    }
    graph->target_count = count;
}

bool graph_init(struct graph *graph, const uint64_t *addresses, const uint64_t *sizes, uint32_t count,
                uint32_t capacity) {
    *graph = (struct graph){.capacity = capacity, .hash_size = HASH_FIRST_SIZE, .target_count = count};
    graph->targets = map_pages(((size_t)count + 1) * sizeof *graph->targets);
    graph->page_filter = map_pages(GRAPH_PAGE_SLOTS);
    graph->page_heads = map_pages((size_t)GRAPH_PAGE_SLOTS * 4);
    graph->queue = map_pages((size_t)capacity * sizeof *graph->queue);
    graph->parents = map_pages((size_t)capacity * sizeof *graph->parents);
    graph->hash = map_pages((size_t)graph->hash_size * 4);
    graph->roots = map_pages((size_t)GRAPH_ROOTS_MAX * sizeof *graph->roots);
    graph->big = map_pages((size_t)GRAPH_BIG_MAX * sizeof *graph->big);
    graph->sketched = map_pages((size_t)GRAPH_BIG_MAX * sizeof *graph->sketched);
    if (graph->targets && graph->page_filter && graph->page_heads && graph->queue && graph->parents && graph->hash &&
        graph->roots && graph->big && graph->sketched) {
        index_targets(graph, addresses, sizes, count);
        return true;
    }
    graph_free(graph);
    return false;
}

void graph_free(struct graph *graph) {
    unmap_pages(graph->targets, ((size_t)graph->target_count + 1) * sizeof *graph->targets);
    unmap_pages(graph->page_filter, GRAPH_PAGE_SLOTS);
    unmap_pages(graph->page_heads, (size_t)GRAPH_PAGE_SLOTS * 4);
    unmap_pages(graph->queue, (size_t)graph->capacity * sizeof *graph->queue);
    unmap_pages(graph->parents, (size_t)graph->capacity * sizeof *graph->parents);
    unmap_pages(graph->hash, (size_t)graph->hash_size * 4);
    unmap_pages(graph->roots, (size_t)GRAPH_ROOTS_MAX * sizeof *graph->roots);
    unmap_pages(graph->big, (size_t)GRAPH_BIG_MAX * sizeof *graph->big);
    unmap_pages(graph->sketched, (size_t)GRAPH_BIG_MAX * sizeof *graph->sketched);
    *graph = (struct graph){0};
}

/* ---- targets ---------------------------------------------------------------------------------------------------- */

static void match_in_page(struct graph *graph, uint32_t slot, uintptr_t p, int kind, PyObject *leaf) {
    for (uint32_t i = graph->page_heads[slot]; i; i = graph->targets[i - 1].next) {
        struct target *target = &graph->targets[i - 1];
        uintptr_t reach = target->size < HEADER_REACH ? (target->size ? target->size : 1) : HEADER_REACH;
        if (p - target->address >= reach || target->owner != NOT_FOUND) continue;
        target->owner = graph->current;
        target->match = kind;
        target->leaf = leaf;
        graph->found++;
    }
}

void graph_match(struct graph *graph, uintptr_t p, int kind, PyObject *leaf) {
    if (LIKELY(!graph->page_filter[page_slot(p)])) return;
    match_in_page(graph, page_slot(p), p, kind, leaf);
    uint32_t before = page_slot(p - HEADER_REACH);
    if (before != page_slot(p)) match_in_page(graph, before, p, kind, leaf);
}

/* ---- the queue -------------------------------------------------------------------------------------------------- */

static uint32_t hash_object(const struct graph *graph, const PyObject *object) {
    return (uint32_t)(((uint64_t)((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15ull) >> 32) & (graph->hash_size - 1);
}

static bool grow_hash(struct graph *graph) {
    uint32_t *old = graph->hash, old_size = graph->hash_size;
    uint32_t *bigger = map_pages((size_t)old_size * 8);
    if (!bigger) return false;
    graph->hash = bigger;
    graph->hash_size = old_size * 2;
    for (uint32_t n = 0; n < graph->count; n++) {
        uint32_t i = hash_object(graph, graph->queue[n]);
        while (bigger[i]) i = (i + 1) & (graph->hash_size - 1);
        bigger[i] = n + 1;
    }
    unmap_pages(old, (size_t)old_size * 4);
    return true;
}

static uint32_t hash_slot(const struct graph *graph, const PyObject *object) {
    uint32_t i = hash_object(graph, object);
    while (graph->hash[i] && graph->queue[graph->hash[i] - 1] != object) i = (i + 1) & (graph->hash_size - 1);
    return i;
}

bool graph_is_queued(const struct graph *graph, const PyObject *object) {
    return graph->hash[hash_slot(graph, object)] != 0;
}

bool graph_queue(struct graph *graph, PyObject *object, uint32_t parent) {
    uint32_t i = hash_slot(graph, object);
    if (graph->hash[i]) return false;
    if (graph->count >= graph->capacity) {
        graph->overflowed = true;
        return false;
    }
    graph->queue[graph->count] = object;
    graph->parents[graph->count] = parent;
    graph->hash[i] = ++graph->count;
    if (graph->count * 2 > graph->hash_size && !grow_hash(graph)) {
        graph->overflowed = true;
        graph->capacity = graph->count;
    }
    return true;
}

void graph_stop_if_late(struct graph *graph) {
    if (clock_ns(CLOCK_MONOTONIC) > graph->deadline_ns) graph->late = true;
}

/* ---- edges ------------------------------------------------------------------------------------------------------ */

static bool is_plain_leaf(const PyTypeObject *type) {
    return type == &PyUnicode_Type || type == &PyBytes_Type || type == &PyLong_Type || type == &PyFloat_Type ||
           type == &PyBool_Type || type == Py_TYPE(Py_None);
}

/* An object without references may own raw blocks (bytearray, array, compiled pattern …): any word of its struct that
 * points to a sampled block counts. */
static void scan_struct(struct graph *graph, PyObject *object, Py_ssize_t bytes, int kind) {
    const char *start = (const char *)object;
    PyObject *leaf = kind == MATCH_BUFFER ? object : NULL;
    for (Py_ssize_t at = sizeof(PyObject); at + (Py_ssize_t)sizeof(uintptr_t) <= bytes; at += sizeof(uintptr_t)) {
        uintptr_t word;
        memcpy(&word, start + at, sizeof word);
        graph_match(graph, word, kind, leaf);
    }
}

void graph_visit(struct graph *graph, PyObject *object) {
    graph_match(graph, (uintptr_t)object, MATCH_OBJECT, object);
    PyTypeObject *type = Py_TYPE(object);
    if (is_plain_leaf(type)) return;
    if (PyType_HasFeature(type, Py_TPFLAGS_HAVE_GC) || graph_must_queue_leaf(graph, object))
        graph_queue(graph, object, graph->current);
    else if (!type->tp_itemsize && type->tp_basicsize <= LEAF_SCAN_BYTES)
        scan_struct(graph, object, type->tp_basicsize, MATCH_BUFFER);
}

static int visit_edge(PyObject *object, void *context) {
    struct graph *graph = context;
    if (!(++graph->edges & TIME_CHECK_MASK)) graph_stop_if_late(graph);
    if (graph->late) return 1;
    graph_visit(graph, object);
    return 0;
}

static Py_ssize_t container_length(PyObject *object) {
    if (PyDict_Check(object)) return PyDict_GET_SIZE(object);
    if (PyList_Check(object)) return PyList_GET_SIZE(object);
    if (PyAnySet_Check(object)) return PySet_GET_SIZE(object);
    return -1;
}

static void remember_big(struct graph *graph, Py_ssize_t length) {
    if (length < graph->big_length || graph->big_count >= GRAPH_BIG_MAX) return;
    graph->big[graph->big_count++] = (struct big_container){graph->current, length};
}

/* Compares every element of a huge list by value, and follows a few of them. */
static void sketch_list(struct graph *graph, PyObject *list, Py_ssize_t length) {
    PyObject **items = ((PyListObject *)list)->ob_item;
    if (graph->target_count)
        for (Py_ssize_t i = 0; i < length; i++)
            if (items[i]) graph_match(graph, (uintptr_t)items[i], MATCH_OBJECT, NULL);
    for (uint32_t k = 0; k < graph->sketch; k++) {
        PyObject *item = items[random_next(&graph->random_state) % (uint64_t)length];
        if (item) visit_edge(item, graph);
    }
}

static void sketch_dict(struct graph *graph, PyObject *dict, Py_ssize_t length) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    if (graph->target_count)
        while (PyDict_Next(dict, &position, &key, &value)) {
            graph_match(graph, (uintptr_t)key, MATCH_OBJECT, NULL);
            graph_match(graph, (uintptr_t)value, MATCH_OBJECT, NULL);
        }
    for (uint32_t k = 0; k < graph->sketch; k++) {
        position = (Py_ssize_t)(random_next(&graph->random_state) % (uint64_t)length);
        if (!PyDict_Next(dict, &position, &key, &value)) continue;
        visit_edge(key, graph);
        visit_edge(value, graph);
    }
}

static void remember_sketched(struct graph *graph) {
    if (graph->sketched_count < GRAPH_BIG_MAX) graph->sketched[graph->sketched_count++] = graph->current;
}

static bool sketched(struct graph *graph, PyObject *object) {
    Py_ssize_t length = container_length(object);
    remember_big(graph, length);
    if (length <= (Py_ssize_t)graph->sketch * 2) return false;
    if (PyList_Check(object)) sketch_list(graph, object, length);
    else if (PyDict_Check(object)) sketch_dict(graph, object, length);
    else return false;
    remember_sketched(graph);
    return true;
}

static void traverse(struct graph *graph, PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    if (graph->sketch && sketched(graph, object)) return;
    if (PyType_HasFeature(type, Py_TPFLAGS_HAVE_GC) && type->tp_traverse && (!type->tp_is_gc || type->tp_is_gc(object)))
        type->tp_traverse(object, visit_edge, graph);
}

/* How much of an object may be read as a struct; static types are shorter than their metatype says. */
static Py_ssize_t readable_bytes(PyObject *object) {
    if (PyType_Check(object) && !PyType_HasFeature((PyTypeObject *)object, Py_TPFLAGS_HEAPTYPE)) return 0;
    Py_ssize_t bytes = Py_TYPE(object)->tp_basicsize;
    return bytes <= STRUCT_SCAN_BYTES ? bytes : 0;
}

/* References first: what they explain is not also "storage". */
static void expand(struct graph *graph, PyObject *object) {
    traverse(graph, object);
    graph_expand_hidden(graph, object);
    if (graph->target_count) scan_struct(graph, object, readable_bytes(object), MATCH_STORAGE);
}

/* Looks at more elements of the containers that were only sketched, in rounds, for as long as time is left. */
void graph_deepen(struct graph *graph) {
    uint32_t targets = graph->target_count, found_all = targets && graph->found == targets;
    for (int round = 0; round < DEEPEN_ROUNDS && !graph->late && !found_all; round++) {
        uint32_t count = graph->sketched_count;
        graph->sketch *= 4;
        for (uint32_t i = 0; i < count && !graph->late; i++) {
            graph->current = graph->sketched[i];
            PyObject *object = graph->queue[graph->current];
            graph->target_count = 0; /* its elements were compared already */
            if (PyList_Check(object)) sketch_list(graph, object, PyList_GET_SIZE(object));
            else sketch_dict(graph, object, PyDict_GET_SIZE(object));
            graph->target_count = targets;
            graph_walk(graph);
        }
        found_all = targets && graph->found == targets;
    }
}

void graph_walk(struct graph *graph) {
    for (; graph->next < graph->count && !graph->late; graph->next++) {
        if (!(graph->next & 255)) {
            graph_stop_if_late(graph);
            if (graph->target_count && graph->found == graph->target_count) return;
        }
        if (graph->next + 4 < graph->count) __builtin_prefetch(graph->queue[graph->next + 4]);
        graph->current = graph->next;
        expand(graph, graph->queue[graph->next]);
    }
}

#endif /* PLIMSOLL_SUPPORTED */
