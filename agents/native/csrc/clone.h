/* Running a walk in a raw clone of the process: a frozen copy, while the service goes on. */
#ifndef PLIMSOLL_CLONE_H
#define PLIMSOLL_CLONE_H

#include "platform.h"

struct cloned {
    char *bytes; /* malloc'ed: what the child wrote */
    size_t size;
    double pause_ms;  /* how long the service stood still for clone() */
    int error;        /* errno of a failed pipe() or clone(), else 0 */
    bool timed_out;   /* the child was killed */
    int wait_status;  /* as waitpid() gives it; -1 when someone else reaped the child */
};

/* Clones; `work(context, fd)` runs in the child, without any lock, fork handler or file of the parent, and writes to
 * fd.  The parent waits without the GIL. */
struct cloned run_in_clone(void (*work)(void *context, int fd), void *context, uint64_t timeout_ns);

#endif
