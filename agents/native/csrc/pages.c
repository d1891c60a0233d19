/* Merging small pages into huge ones, so that a clone copies hundreds of page-table entries, not a hundred thousand.
 *
 * A service stands still for a clone() as long as the kernel copies its page table: one entry per resident page of
 * 4 KiB.  MADV_COLLAPSE (Linux 6.1) moves 512 neighbours into one huge page, whose entry is copied in one go.  It works
 * block by block, off the service's threads; one that needs the page table meanwhile waits for a single block.
 *
 * A block is merged only when its pages are resident and mapped by this process alone (pagemap says so): nothing that a
 * forked sibling shares is copied.  A few pages may be missing, since pymalloc leaves the ragged ends of its arenas
 * untouched; they become resident.  What the administrator set for huge pages is asked first: "never" means never.
 *
 * While the clone lives, each page that the service writes is copied out of its huge page, which stays charged to the
 * cgroup whole.  So the same is done once more when the clone is gone: what was torn is merged anew, and freed. */
#include "pages.h"

#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define PAGE_BYTES 4096u
#define BLOCK_PAGES 512u
#define BLOCK_BYTES ((uintptr_t)PAGE_BYTES * BLOCK_PAGES)
#define HOLES_MAX 8 /* pages of a block that may be missing: the ends of two arenas of 1 MiB in pools of 16 KiB */
#define FILLED_PAGES_MAX 2048 /* of all blocks together: what a search may add to resident memory, 8 MiB */
#define MAPPING_LINE_MAX 512
#define SETTING_MAX 64
#define REST_MIN_NS 200000 /* after each block as long as it took, for threads that wait for the page table */
#define REST_MAX_NS 20000000

/* Documentation/admin-guide/mm/pagemap.rst of Linux */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_FILE_OR_SHARED (1ull << 61)
#define PAGE_EXCLUSIVE (1ull << 56)
#define PAGE_SOFT_DIRTY (1ull << 55) /* set for pages that were never touched, too */

struct merging {
    int pagemap;
    uint64_t deadline_ns;
    uint64_t merged; /* blocks */
    unsigned filled; /* pages that were missing */
    uint64_t longest_ns;
};

static bool huge_pages_are_allowed(void) {
    char text[SETTING_MAX] = {0};
    int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return size > 0 && !strstr(text, "[never]");
}

static bool is_late(const struct merging *m) { return clock_ns(CLOCK_MONOTONIC) > m->deadline_ns; }

/* How many pages are missing; BLOCK_PAGES when the block is not to be merged. */
static unsigned holes_of(const struct merging *m, uintptr_t block) {
    uint64_t pages[BLOCK_PAGES];
    off_t at = (off_t)(block / PAGE_BYTES * sizeof *pages);
    unsigned holes = 0;
    if (pread(m->pagemap, pages, sizeof pages, at) != (ssize_t)sizeof pages) return BLOCK_PAGES;
    for (unsigned i = 0; i < BLOCK_PAGES; i++) {
        bool is_ours = (pages[i] & PAGE_PRESENT) && (pages[i] & PAGE_EXCLUSIVE) && !(pages[i] & PAGE_FILE_OR_SHARED);
        bool is_hole = !(pages[i] & ~PAGE_SOFT_DIRTY);
        if (!is_hole && !is_ours) return BLOCK_PAGES; /* shared, of a file, or swapped out */
        holes += is_hole;
    }
    return holes <= HOLES_MAX && m->filled + holes <= FILLED_PAGES_MAX ? holes : BLOCK_PAGES;
}

/* False when the kernel does not know the advice, or the mapping may not have huge pages. */
static bool merge_block(struct merging *m, uintptr_t block) {
    unsigned holes = holes_of(m, block);
    if (holes == BLOCK_PAGES) return true;
    uint64_t started = clock_ns(CLOCK_MONOTONIC);
    if (madvise((void *)block, BLOCK_BYTES, MADV_COLLAPSE)) return errno != EINVAL;
    uint64_t took = clock_ns(CLOCK_MONOTONIC) - started;
    m->merged++;
    m->filled += holes;
    if (took > m->longest_ns) m->longest_ns = took;
    uint64_t rest = took < REST_MIN_NS ? REST_MIN_NS : took < REST_MAX_NS ? took : REST_MAX_NS;
    nanosleep(&(struct timespec){0, (long)rest}, NULL);
    return true;
}

static void merge_mapping(struct merging *m, const char *line) {
    unsigned long first, last, inode;
    char permissions[5], name[2] = "";
    if (sscanf(line, "%lx-%lx %4s %*x %*s %lu %1s", &first, &last, permissions, &inode, name) < 4) return;
    bool is_heap = strstr(line, "[heap]") || strstr(line, "[anon:");
    if (strcmp(permissions, "rw-p") || inode || (*name && !is_heap)) return;
    uintptr_t block = (first + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1);
    while (block + BLOCK_BYTES <= last && !is_late(m) && merge_block(m, block)) block += BLOCK_BYTES;
}

static void merge_all(struct merging *m) {
    char line[MAPPING_LINE_MAX];
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps) return;
    while (!is_late(m) && fgets(line, sizeof line, maps)) merge_mapping(m, line);
    fclose(maps);
}

/* merge_pages(seconds) -> (bytes merged, milliseconds of the longest block) */
PyObject *pages_merge(PyObject *Py_UNUSED(self), PyObject *args) {
    double seconds;
    if (!PyArg_ParseTuple(args, "d", &seconds)) return NULL;
    struct merging m = {.deadline_ns = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9)};
    Py_BEGIN_ALLOW_THREADS
    m.pagemap = sysconf(_SC_PAGESIZE) == PAGE_BYTES && huge_pages_are_allowed()
                    ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1;
    if (m.pagemap >= 0) {
        merge_all(&m);
        close(m.pagemap);
    }
    Py_END_ALLOW_THREADS
    return Py_BuildValue("Kd", (unsigned long long)m.merged * BLOCK_BYTES, (double)m.longest_ns / 1e6);
}
