/* clone() with exit signal 0: no fork handlers run, no SIGCHLD comes, waitpid(-1) of the service does not see it.
 *
 * The child lowers itself before it looks at anything: no core dump (it would hold the service's memory), default
 * signal actions (the service's handlers must not run twice), no inherited files (a socket must close when the
 * service closes it), first to go when memory is short, scheduled behind the service, gone with its parent.  In
 * the parent only everyday system calls are made: a seccomp filter may kill for others. */
#include "interpreter.h"

#include "clone.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __WCLONE
#define __WCLONE 0x80000000
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLONE_OUTPUT_MAX (16u << 20)
#define CLOSE_FALLBACK_MAX 65536
#define CLONE_NICE 5 /* behind the service, but soon done: while the clone lives, pages that are written are copied */

static void close_range_of(unsigned first, unsigned last) {
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
    if (last > CLOSE_FALLBACK_MAX) last = CLOSE_FALLBACK_MAX;
    for (unsigned fd = first; fd <= last; fd++) close((int)fd);
}

static void volunteer_for_oom(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, "1000", 4) < 0) { /* not allowed: then the kernel decides */ }
    close(fd);
}

static void become_harmless(int keep_fd, uint64_t timeout_ns) {
    const struct rlimit no_core = {0, 0};
    rlim_t seconds = (rlim_t)(timeout_ns / 1000000000u) + 2;
    const struct rlimit cpu = {seconds, seconds};
    struct sigaction plain;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &no_core);
    memset(&plain, 0, sizeof plain);
    plain.sa_handler = SIG_DFL;
    for (int signal_number = 1; signal_number < 32; signal_number++) sigaction(signal_number, &plain, NULL);
    volunteer_for_oom();
    if (keep_fd > 0) close_range_of(0, (unsigned)keep_fd - 1);
    close_range_of((unsigned)keep_fd + 1, ~0u);
    setrlimit(RLIMIT_CPU, &cpu);
    setpriority(PRIO_PROCESS, 0, CLONE_NICE);
}

static bool read_some(struct cloned *result, size_t *capacity, int fd) {
    if (result->size == *capacity) {
        size_t bigger = *capacity ? *capacity * 2 : 1 << 16;
        char *bytes = bigger > CLONE_OUTPUT_MAX ? NULL : realloc(result->bytes, bigger);
        if (!bytes) return false;
        result->bytes = bytes;
        *capacity = bigger;
    }
    ssize_t got = read(fd, result->bytes + result->size, *capacity - result->size);
    if (got > 0) result->size += (size_t)got;
    return got > 0 || (got < 0 && errno == EINTR);
}

static void read_until_end(struct cloned *result, int fd, uint64_t deadline_ns) {
    size_t capacity = 0;
    for (;;) {
        uint64_t now = clock_ns(CLOCK_MONOTONIC);
        struct pollfd ready = {fd, POLLIN, 0};
        int events = now < deadline_ns ? poll(&ready, 1, (int)((deadline_ns - now) / 1000000u) + 1) : 0;
        if (events < 0 && errno == EINTR) continue;
        if (events <= 0) {
            result->timed_out = true;
            return;
        }
        if (!read_some(result, &capacity, fd)) {
            result->timed_out = result->size >= CLONE_OUTPUT_MAX; /* more than we take: not to be waited for */
            return;
        }
    }
}

static void reap(struct cloned *result, pid_t pid) {
    pid_t reaped;
    do reaped = waitpid(pid, &result->wait_status, (int)__WCLONE);
    while (reaped < 0 && errno == EINTR);
    if (reaped < 0) result->wait_status = -1;
}

struct cloned run_in_clone(void (*work)(void *context, int fd), void *context, uint64_t timeout_ns) {
    struct cloned result = {0};
    int ends[2];
    uint64_t started = clock_ns(CLOCK_MONOTONIC);
    if (pipe2(ends, O_CLOEXEC)) {
        result.error = errno;
        return result;
    }
    long pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        become_harmless(ends[1], timeout_ns);
        work(context, ends[1]);
        syscall(SYS_exit_group, 0);
    }
    if (pid < 0) result.error = errno;
    result.pause_ms = (double)(clock_ns(CLOCK_MONOTONIC) - started) / 1e6;
    close(ends[1]); /* before another thread may fork: a stranger with this end would keep us waiting */
    Py_BEGIN_ALLOW_THREADS
    if (pid > 0) {
        read_until_end(&result, ends[0], started + timeout_ns);
        if (result.timed_out) kill((pid_t)pid, SIGKILL);
        reap(&result, (pid_t)pid);
    }
    close(ends[0]);
    Py_END_ALLOW_THREADS
    return result;
}
