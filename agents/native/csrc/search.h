/* The Python entry points of the search for holders (search.c). */
#ifndef PLIMSOLL_SEARCH_H
#define PLIMSOLL_SEARCH_H

#include "interpreter.h"

#define SEARCH_METHODS

#endif
