/* The Python entry points of the search for holders (search.c). */
#ifndef PLIMSOLL_SEARCH_H
#define PLIMSOLL_SEARCH_H

#include "interpreter.h"

PyObject *search_paths(PyObject *self, PyObject *args);
PyObject *search_census(PyObject *self, PyObject *args);

#define SEARCH_METHODS                                                                                               \
    {"find_paths", search_paths, METH_VARARGS, NULL}, {"census", search_census, METH_VARARGS, NULL},

#endif
