/* The Python entry points of allocators.c; they exist on every interpreter. */
#ifndef PLIMSOLL_ALLOCATORS_H
#define PLIMSOLL_ALLOCATORS_H

#include "interpreter.h"

PyObject *allocators_malloc(PyObject *self, PyObject *none);
PyObject *allocators_pymalloc(PyObject *self, PyObject *none);

#define ALLOCATOR_METHODS                                                                                            \
    {"malloc_info", allocators_malloc, METH_NOARGS, NULL}, {"pymalloc_info", allocators_pymalloc, METH_NOARGS, NULL},

#endif
