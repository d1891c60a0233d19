/* Merging small pages into huge ones before a clone (pages.c). */
#ifndef PLIMSOLL_PAGES_H
#define PLIMSOLL_PAGES_H

#include "interpreter.h"

PyObject *pages_merge(PyObject *self, PyObject *args);

#define PAGES_METHODS {"merge_pages", pages_merge, METH_VARARGS, NULL},

#endif
