/* Writing a path from a root to a target as structured text; names and types, never contents. */
#ifndef PLIMSOLL_NAMING_H
#define PLIMSOLL_NAMING_H

#include "graph.h"

/* Steps are separated by '\x1e', fields of a step by '\x1f':
 *     how it is held | name of the holder's type or place | name | type of what is held | length or -1 | node
 * A name is given only if it is an attribute, global or variable; dict keys are contents and never written. */
struct text {
    char *bytes;
    size_t size, capacity;
    bool full;
};

void text_put(struct text *text, const char *string);
void text_put_number(struct text *text, long long number);
/* The path to queue index or root `holder`, then to `leaf` (NULL: the holder's own storage). */
void write_path(struct text *text, const struct graph *graph, uint32_t holder, PyObject *leaf, int match);

#endif
