/* One forward walk over the object graph, from named roots to the sampled blocks.
 *
 * Only containers are queued, each with a link to the container that it was found through.  Sampled addresses are
 * compared by value and never followed.  The walk calls nothing but tp_traverse and reads memory: it allocates no
 * Python object, so it runs unchanged in a raw clone of the process. */
#ifndef PLIMSOLL_GRAPH_H
#define PLIMSOLL_GRAPH_H

#include "interpreter.h"
#include "platform.h"

#define GRAPH_PAGE_SLOTS 65536u
#define GRAPH_ROOTS_MAX 65536u
#define GRAPH_BIG_MAX 65536u
#define HEADER_REACH 64 /* an object starts at most so far behind its block's start: GC and instance-dict headers */
#define ROOT_BIT 0x80000000u
#define NOT_FOUND UINT32_MAX

enum root_kind { ROOT_MODULE, ROOT_LOCAL, ROOT_TEMPORARY, ROOT_THREAD, ROOT_INTERPRETER, ROOT_INTERNED, ROOT_NATIVE,
                 ROOT_CYCLE };
enum match_kind { MATCH_OBJECT, MATCH_BUFFER, MATCH_STORAGE, MATCH_KEY };

struct root {
    int kind;
    int slot;       /* ROOT_LOCAL: index into the code's variables */
    PyObject *name; /* ROOT_MODULE: str; ROOT_LOCAL, ROOT_TEMPORARY: code object */
};

struct target {
    uintptr_t address;
    uint64_t size;
    uint32_t next;      /* in its page's chain, + 1 */
    uint32_t owner;     /* queue index, or a root with ROOT_BIT, or NOT_FOUND */
    int match;          /* match_kind */
    PyObject *leaf;     /* the object that the owner refers to; NULL for MATCH_STORAGE */
};

struct big_container {
    uint32_t node;
    Py_ssize_t length;
};

struct graph {
    struct target *targets;
    uint32_t target_count, found;
    uint8_t *page_filter;
    uint32_t *page_heads;
    PyObject **queue;
    uint32_t *parents; /* per queued object: queue index, or a root with ROOT_BIT */
    uint32_t count, capacity, next;
    uint32_t *hash, hash_size;
    struct root *roots;
    uint32_t root_count;
    uint32_t current; /* what is being looked at: queue index or root */
    uint64_t edges, deadline_ns;
    bool late, overflowed;
    PyTypeObject *ndarray, *deque; /* NULL while not loaded */
    /* Sketching: of a container longer than this only so many elements are followed; 0 = follow all. */
    uint32_t sketch;
    Py_ssize_t big_length;
    struct big_container *big;
    uint32_t big_count;
    uint32_t *sketched, sketched_count; /* nodes of which not all elements were followed */
    uint64_t random_state;
};

bool graph_init(struct graph *graph, const uint64_t *addresses, const uint64_t *sizes, uint32_t count,
                uint32_t capacity);
void graph_free(struct graph *graph);
/* `modules`: a list of (name, module) in the order of preference. */
void graph_add_roots(struct graph *graph, PyObject *modules);
/* Follows what is queued until nothing is left, all targets are found, or time is up. */
void graph_walk(struct graph *graph);
/* After a walk that sketched: follows more elements while time is left. */
void graph_deepen(struct graph *graph);
/* Continues from tracked objects that no root reaches: first those that something else than they holds (native code),
 * then what is left (reference cycles that the collector has not seen yet). */
void graph_walk_unreached(struct graph *graph);
/* For the walkers of special layouts. */
void graph_match(struct graph *graph, uintptr_t p, int kind, PyObject *leaf);
void graph_visit(struct graph *graph, PyObject *object);
bool graph_queue(struct graph *graph, PyObject *object, uint32_t parent);
bool graph_is_queued(const struct graph *graph, const PyObject *object);
uint32_t graph_new_root(struct graph *graph, struct root root);
void graph_stop_if_late(struct graph *graph);
/* Storage and elements that tp_traverse does not show (layouts.c). */
void graph_expand_hidden(struct graph *graph, PyObject *object);
bool graph_must_queue_leaf(const struct graph *graph, PyObject *object);

#endif
