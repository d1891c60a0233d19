/* Interning, eviction and deferred release of stacks. */
#include "stack_table.h"

#if PLIMSOLL_SUPPORTED

static uint32_t hash_node(uint32_t parent, const PyCodeObject *code, int32_t lasti) {
    uint64_t h = ((uint64_t)(uintptr_t)code >> 4) * 0x9E3779B97F4A7C15ull;
    h ^= ((uint64_t)parent << 32 | (uint32_t)lasti) * 0xD6E8FEB86659FD93ull;
    return (uint32_t)(h >> 40) & (NODE_HASH_SLOTS - 1);
}

bool stack_table_init(struct stack_table *table, uint32_t max_stacks) {
    *table = (struct stack_table){.max_stacks = max_stacks, .max_nodes = max_stacks * NODES_PER_STACK};
    table->nodes = map_pages((size_t)(table->max_nodes + 1) * sizeof *table->nodes);
    table->stacks = map_pages((size_t)(max_stacks + 1) * sizeof *table->stacks);
    table->heads = map_pages((size_t)NODE_HASH_SLOTS * sizeof *table->heads);
    table->node_top = table->stack_top = 1;
    if (table->nodes && table->stacks && table->heads) return true;
    stack_table_free(table);
    return false;
}

void stack_table_free(struct stack_table *table) {
    unmap_pages(table->nodes, (size_t)(table->max_nodes + 1) * sizeof *table->nodes);
    unmap_pages(table->stacks, (size_t)(table->max_stacks + 1) * sizeof *table->stacks);
    unmap_pages(table->heads, (size_t)NODE_HASH_SLOTS * sizeof *table->heads);
    *table = (struct stack_table){0};
}

static uint32_t take_free_node(struct stack_table *table) {
    uint32_t id = table->free_node;
    if (id) table->free_node = table->nodes[id].next;
    else if (table->node_top <= table->max_nodes) id = table->node_top++;
    if (id) table->node_count++;
    return id;
}

static uint32_t child_node(struct stack_table *table, uint32_t parent, struct frame_ref frame) {
    uint32_t *head = &table->heads[hash_node(parent, frame.code, frame.lasti)];
    for (uint32_t id = *head; id; id = table->nodes[id].next) {
        struct trie_node *node = &table->nodes[id];
        if (node->code == frame.code && node->lasti == frame.lasti && node->parent == parent) return id;
    }
    uint32_t id = take_free_node(table);
    if (!id) return 0;
    Py_XINCREF(frame.code);
    table->nodes[id] = (struct trie_node){frame.code, frame.lasti, parent, 0, *head, 0, LINE_UNKNOWN};
    *head = id;
    table->nodes[parent].references++; /* the root's count is never read */
    return id;
}

static void unlink_node(struct stack_table *table, uint32_t id) {
    struct trie_node *node = &table->nodes[id];
    uint32_t *link = &table->heads[hash_node(node->parent, node->code, node->lasti)];
    while (*link != id) link = &table->nodes[*link].next;
    *link = node->next;
}

/* Condemns a node that nothing needs any more, and then its parents as far as they are alone too. */
static void release_chain(struct stack_table *table, uint32_t id) {
    while (id && !table->nodes[id].references && !table->nodes[id].stack) {
        uint32_t parent = table->nodes[id].parent;
        unlink_node(table, id);
        table->nodes[id].next = table->condemned;
        table->condemned = id;
        table->condemned_count++;
        table->node_count--;
        table->nodes[parent].references--;
        id = parent;
    }
}

static uint32_t new_stack(struct stack_table *table, uint32_t node) {
    uint32_t id = table->free_stack;
    if (id) table->free_stack = table->stacks[id].next_free;
    else if (table->stack_top <= table->max_stacks) id = table->stack_top++;
    if (!id) return 0;
    table->stacks[id] = (struct stack_record){.node = node};
    table->nodes[node].stack = id;
    table->stack_count++;
    return id;
}

uint32_t stack_table_intern(struct stack_table *table, const struct frame_ref *frames, uint32_t count, int kind) {
    uint32_t node = 0;
    for (uint32_t i = count + 1; i-- > 0;) {
        struct frame_ref step = i ? frames[i - 1] : (struct frame_ref){NULL, kind};
        uint32_t child = child_node(table, node, step);
        if (!child) {
            release_chain(table, node);
            return 0;
        }
        node = child;
    }
    uint32_t stack = table->nodes[node].stack;
    if (!stack) stack = new_stack(table, node);
    if (!stack) release_chain(table, node);
    return stack;
}

bool stack_table_is_crowded(const struct stack_table *table) {
    return table->stack_count >= table->max_stacks ||
           table->node_count + table->condemned_count + 2 * STACK_DEPTH_LIMIT >= table->max_nodes;
}

static bool is_cold(const struct stack_record *stack, bool all) {
    return stack->node && !stack->live && (all || !stack->touched);
}

uint32_t stack_table_sweep(struct stack_table *table, bool all) {
    if (table->pins) return 0;
    uint32_t released = 0;
    for (uint32_t id = 1; id < table->stack_top; id++) {
        struct stack_record *stack = &table->stacks[id];
        if (!is_cold(stack, all)) {
            stack->touched = 0;
            continue;
        }
        table->nodes[stack->node].stack = 0;
        release_chain(table, stack->node);
        *stack = (struct stack_record){.next_free = table->free_stack};
        table->free_stack = id;
        released++;
    }
    table->stack_count -= released;
    table->evicted += released;
    return released;
}

size_t stack_table_bytes(const struct stack_table *table) {
    if (!table->nodes) return 0;
    return (size_t)table->node_top * sizeof *table->nodes + (size_t)table->stack_top * sizeof *table->stacks +
           (size_t)NODE_HASH_SLOTS * sizeof *table->heads;
}

#endif /* PLIMSOLL_SUPPORTED */
