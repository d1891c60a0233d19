/* Where CPython keeps the parts of an object that no public function shows without allocating. */
#ifndef PLIMSOLL_LAYOUTS_H
#define PLIMSOLL_LAYOUTS_H

#include "interpreter.h"

#include <stdbool.h>
#include <stdint.h>

#if PLIMSOLL_SUPPORTED
/* Whether the interpreter that runs is laid out as the headers said that this was built with: a wheel may meet
 * another release of its minor version. */
bool layouts_agree(void);

/* The instance's __dict__ if it exists as an object; never makes one. */
PyObject *instance_dict(PyObject *object);
/* Attribute values that are kept without a dict, and their names' dict keys; NULL when there are none. */
PyObject **instance_values(PyObject *object, int *count);
/* The block that holds such values when it is one of its own (3.11, 3.12), else 0. */
uintptr_t instance_values_block(PyObject *object);
/* The name of the value that `child` is, or NULL. */
PyObject *instance_value_name(PyObject *object, PyObject *child);
/* The slot or C member that refers to `child`, or NULL. */
const char *member_name(PyObject *object, PyObject *child);
/* The frame behind a frame object, generator or coroutine; NULL when there is none (any more). */
_PyInterpreterFrame *frame_behind(PyObject *object);
/* The index of the variable or stack slot that refers to `child`, or -1. */
int frame_slot_of(_PyInterpreterFrame *frame, PyObject *child);
/* How many slots of the frame can be read. */
int frame_slot_count(_PyInterpreterFrame *frame);
#endif /* PLIMSOLL_SUPPORTED */

#endif
