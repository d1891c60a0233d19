/* Interned stacks: a trie of (code object, instruction) from root to leaf, and one record per distinct stack.
 *
 * A terminal node (no code) closes each stack and tells which kind of memory was asked for there, so that an object
 * and the storage that a container re-allocated at the same line stay apart.  Nodes hold one reference to their code
 * object.  References are never dropped inside an allocation: released nodes wait as "condemned" until
 * stack_table_bury() runs at a point where Python code may run. */
#ifndef PLIMSOLL_STACK_TABLE_H
#define PLIMSOLL_STACK_TABLE_H

#include "interpreter.h"
#include "platform.h"

#define STACK_DEPTH_LIMIT 128 /* frames nearest the leaf that are kept */
#define NODES_PER_STACK 8     /* room for this many unshared frames per stack, on average */
#define NODE_HASH_SLOTS 32768u
#define LINE_UNKNOWN INT32_MIN

enum memory_kind { KIND_OBJECT, KIND_BUFFER, KIND_CONTAINER, KIND_NUMPY, KIND_COUNT };
/* Pseudo-frames, for allocations whose Python stack cannot be read. */
enum marker { MARK_OVERFLOW = 100, MARK_NO_GIL, MARK_OTHER_GIL, MARK_TRUNCATED, MARK_NO_FRAME };

struct frame_ref {
    PyCodeObject *code; /* NULL: a marker */
    int32_t lasti;      /* byte offset of the instruction, or the marker */
};

struct trie_node {
    PyCodeObject *code;
    int32_t lasti;       /* for code == NULL: a memory_kind (terminal) or a marker */
    uint32_t parent;     /* 0 = root */
    uint32_t references; /* children */
    uint32_t next;       /* in its hash chain, or in the free or condemned list */
    uint32_t stack;      /* terminal nodes: the stack record, else 0 */
    int32_t line;        /* resolved lazily by the exporter */
};

struct stack_record {
    double alloc_objects, alloc_bytes; /* unbiased, since start */
    uint32_t live;                     /* live samples that point here */
    uint32_t node;                     /* terminal node; 0 = free record */
    uint32_t touched;                  /* sampled since the last sweep */
    uint32_t next_free;
};

struct stack_table {
    struct trie_node *nodes;
    struct stack_record *stacks;
    uint32_t *heads; /* hash chains over nodes */
    uint32_t max_nodes, max_stacks;
    uint32_t node_top, stack_top; /* high-water marks; ids start at 1 */
    uint32_t free_node, free_stack, condemned, condemned_count;
    uint32_t node_count, stack_count;
    uint32_t pins; /* exporters at work: nothing may be released */
    uint64_t evicted;
};

bool stack_table_init(struct stack_table *table, uint32_t max_stacks);
/* Gives the memory back.  Condemn and bury everything first, unless the interpreter is already gone. */
void stack_table_free(struct stack_table *table);
/* The record of this stack (leaf first), making it if needed; 0 when the table is full. */
uint32_t stack_table_intern(struct stack_table *table, const struct frame_ref *frames, uint32_t count, int kind);
bool stack_table_is_crowded(const struct stack_table *table);
/* Releases stacks without live samples: those not sampled since the last sweep, or all if `all`. */
uint32_t stack_table_sweep(struct stack_table *table, bool all);
size_t stack_table_bytes(const struct stack_table *table);

#endif
