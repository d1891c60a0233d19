/* What no root reaches: held by native code, or a reference cycle that still waits for the collector.
 *
 * As the collector does it: among the tracked objects that were not reached, references from one to another are
 * counted; an object with more references than that is held from outside the object graph. */
#include "graph.h"

#if PLIMSOLL_SUPPORTED

#include "layouts.h"

#include <internal/pycore_gc.h>
#include <string.h>

#define UNREACHED_MAX 1000000u

/* 3.14.0 to 3.14.4 collect incrementally: one young and two old lists, which lie where the three generations do. */
#if PY_VERSION_HEX >= 0x030E0000 && PY_VERSION_HEX < 0x030E0500
#define GENERATIONS_AT offsetof(struct _gc_runtime_state, young)
#else
#define GENERATIONS_AT offsetof(struct _gc_runtime_state, generations)
#endif

struct unreached {
    struct graph *graph;
    PyObject **objects;
    uint32_t *inner; /* references from other unreached objects */
    uint32_t *hash, hash_size;
    uint32_t count;
};

static uint32_t slot_of(const struct unreached *set, const PyObject *object) {
    uint32_t mask = set->hash_size - 1;
    uint32_t i = (uint32_t)(((uint64_t)((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15ull) >> 32) & mask;
    while (set->hash[i] && set->objects[set->hash[i] - 1] != object) i = (i + 1) & mask;
    return i;
}

static void collect_generation(struct unreached *set, PyGC_Head *head) {
    for (PyGC_Head *gc = (PyGC_Head *)(head->_gc_next & ~(uintptr_t)3); gc && gc != head;
         gc = (PyGC_Head *)(gc->_gc_next & ~(uintptr_t)3)) {
        PyObject *object = (PyObject *)(gc + 1);
        if (!(set->count & 1023)) graph_stop_if_late(set->graph);
        if (set->graph->late) return;
        if (graph_is_queued(set->graph, object)) continue;
        if (set->count >= UNREACHED_MAX) return;
        set->objects[set->count] = object;
        set->hash[slot_of(set, object)] = ++set->count;
    }
}

static int count_inner(PyObject *object, void *context) {
    struct unreached *set = context;
    uint32_t i = slot_of(set, object);
    if (set->hash[i]) set->inner[set->hash[i] - 1]++;
    return 0;
}

static bool can_traverse(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    return type->tp_traverse && (!type->tp_is_gc || type->tp_is_gc(object));
}

/* Since 3.14 a suspended frame shows also what it only borrowed: no reference stands behind that. */
static void discount_borrowed(struct unreached *set, PyObject *object) {
#if PY_VERSION_HEX >= 0x030E0000
    _PyInterpreterFrame *frame = frame_behind(object);
    for (int slot = frame ? frame_slot_count(frame) : 0; slot-- > 0;) {
        _PyStackRef reference = frame->localsplus[slot];
        if (PyStackRef_IsNullOrInt(reference) || PyStackRef_RefcountOnObject(reference)) continue;
        uint32_t i = slot_of(set, PyStackRef_AsPyObjectBorrow(reference));
        if (set->hash[i] && set->inner[set->hash[i] - 1]) set->inner[set->hash[i] - 1]--;
    }
#endif
}

static void count_references_of(struct unreached *set, PyObject *object) {
    if (!can_traverse(object)) return;
    Py_TYPE(object)->tp_traverse(object, count_inner, set);
    discount_borrowed(set, object);
}

static bool unreached_init(struct unreached *set, struct graph *graph) {
    *set = (struct unreached){.graph = graph, .hash_size = 1u << 21};
    set->objects = map_pages((size_t)UNREACHED_MAX * sizeof *set->objects);
    set->inner = map_pages((size_t)UNREACHED_MAX * 4);
    set->hash = map_pages((size_t)set->hash_size * 4);
    return set->objects && set->inner && set->hash;
}

static void unreached_free(struct unreached *set) {
    unmap_pages(set->objects, (size_t)UNREACHED_MAX * sizeof *set->objects);
    unmap_pages(set->inner, (size_t)UNREACHED_MAX * 4);
    unmap_pages(set->hash, (size_t)set->hash_size * 4);
}

static void queue_as_root(struct graph *graph, PyObject *object, int kind) {
    if (graph_is_queued(graph, object)) return;
    graph->current = graph_new_root(graph, (struct root){kind, 0, NULL});
    graph_visit(graph, object);
}

void graph_walk_unreached(struct graph *graph) {
    struct unreached set;
    struct _gc_runtime_state *gc = &PyInterpreterState_Get()->gc;
    struct gc_generation *generations = (struct gc_generation *)((char *)gc + GENERATIONS_AT);
    if (unreached_init(&set, graph)) {
        for (int generation = 0; generation < NUM_GENERATIONS; generation++)
            collect_generation(&set, &generations[generation].head);
        collect_generation(&set, &gc->permanent_generation.head);
        for (uint32_t i = 0; i < set.count; i++) count_references_of(&set, set.objects[i]);
        for (uint32_t i = 0; i < set.count; i++)
            if (Py_REFCNT(set.objects[i]) > (Py_ssize_t)set.inner[i]) queue_as_root(graph, set.objects[i], ROOT_NATIVE);
        graph_walk(graph);
        for (uint32_t i = 0; i < set.count && !graph->late; i++) queue_as_root(graph, set.objects[i], ROOT_CYCLE);
        graph_walk(graph);
    }
    unreached_free(&set);
}

#endif /* PLIMSOLL_SUPPORTED */
