/* What the process's allocators hold: glibc's mallinfo2 and CPython's own report on pymalloc.
 *
 * Both are looked up at run time: an older C library or another interpreter build lacks them, and says None. */
#include "interpreter.h"

#include "allocators.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct malloc_totals { /* the C library's struct mallinfo2 */
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

/* malloc_info() -> (mmapped, in use, free) bytes, or None.  Takes each arena's lock for a moment. */
PyObject *allocators_malloc(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none)) {
    static struct malloc_totals (*read)(void);
    if (!read) *(void **)&read = dlsym(RTLD_DEFAULT, "mallinfo2");
    if (!read) Py_RETURN_NONE;
    struct malloc_totals totals = read();
    return Py_BuildValue("(nnn)", (Py_ssize_t)totals.hblkhd, (Py_ssize_t)totals.uordblks, (Py_ssize_t)totals.fordblks);
}

/* "12 arenas * 1048576 bytes/arena" -> 12582912; -1 where there is no such line. */
static long long arena_bytes(const char *report) {
    const char *found = strstr(report, " arenas * ");
    while (found && found > report && found[-1] >= '0' && found[-1] <= '9') found--;
    long long count, each;
    return found && sscanf(found, "%lld arenas * %lld", &count, &each) == 2 ? count * each : -1;
}

/* "# bytes in allocated blocks  =  1,234,567" -> 1234567; -1 where there is no such line. */
static long long block_bytes(const char *report) {
    const char *found = strstr(report, "# bytes in allocated blocks");
    found = found ? strchr(found, '=') : NULL;
    if (!found) return -1;
    long long bytes = 0;
    for (found++; *found && *found != '\n'; found++)
        if (*found >= '0' && *found <= '9') bytes = bytes * 10 + (*found - '0');
    return bytes;
}

/* pymalloc_info() -> (arenas, blocks in use) bytes, or None.  CPython reports nothing while anyone hooks its allocators.
 * The report goes to a memory stream: the host's stderr is never touched. */
PyObject *allocators_pymalloc(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none)) {
    static int (*report_to)(FILE *);
    if (!report_to) *(void **)&report_to = dlsym(RTLD_DEFAULT, "_PyObject_DebugMallocStats");
    char *report = NULL;
    size_t size = 0;
    FILE *stream = report_to ? open_memstream(&report, &size) : NULL;
    if (!stream) Py_RETURN_NONE;
    report_to(stream);
    fclose(stream);
    long long held = report ? arena_bytes(report) : -1, used = report ? block_bytes(report) : -1;
    free(report);
    if (held < 0 || used < 0) Py_RETURN_NONE;
    return Py_BuildValue("(LL)", held, used);
}
