/* find_paths() and census(): one walk, in a clone of the process or in the process itself. */
#include "search.h"

#if PLIMSOLL_SUPPORTED

#include "clone.h"
#include "naming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES (8u << 20)
#define SUMMARY_BYTES 128u /* kept free for the last line */
#define CENSUS_LINES_MAX 512
#define CENSUS_CAPACITY 2000000u

struct job {
    struct graph graph;
    struct text text;
    PyObject *modules;
    uint64_t timeout_ns;
};

static pid_t running_in; /* one search at a time, guarded by the GIL; a forked child inherits none */

static PyTypeObject *loaded_type(const char *module_name, const char *type_name) {
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), module_name);
    PyObject *type = module && PyModule_Check(module) ? PyDict_GetItemString(PyModule_GetDict(module), type_name) : NULL;
    return type && PyType_Check(type) ? (PyTypeObject *)type : NULL; /* borrowed; modules keep their types */
}

static bool job_init(struct job *job, PyObject *modules, const Py_buffer views[2], uint32_t capacity) {
    uint32_t count = views ? (uint32_t)(views[0].len / 8) : 0;
    if (!graph_init(&job->graph, views ? views[0].buf : NULL, views ? views[1].buf : NULL, count, capacity)) return false;
    job->graph.ndarray = loaded_type("numpy", "ndarray");
    job->graph.deque = loaded_type("collections", "deque");
    job->graph.random_state = clock_ns(CLOCK_MONOTONIC);
    job->modules = modules;
    job->text = (struct text){map_pages(TEXT_BYTES), 0, TEXT_BYTES - SUMMARY_BYTES, false};
    if (job->text.bytes) return true;
    graph_free(&job->graph);
    return false;
}

static void job_free(struct job *job) {
    unmap_pages(job->text.bytes, TEXT_BYTES);
    graph_free(&job->graph);
}

/* Why the walk is not whole, in a word that the Python side turns into a sentence; "complete" if it is. */
static const char *outcome_of(const struct job *job) {
    if (job->graph.late) return "late";
    if (job->graph.overflowed) return "full";
    if (job->text.full) return "cut";
    return job->graph.sketched_count ? "sketched" : "complete";
}

static void end_line(struct text *text) {
    if (text->size < text->capacity) text->bytes[text->size++] = '\n';
}

/* "#containers edges found outcome\n", last of all: what lacks it was cut off. */
static void write_summary(struct job *job, const char *outcome) {
    struct text *text = &job->text;
    const struct graph *graph = &job->graph;
    const long long numbers[] = {graph->count, (long long)graph->edges, graph->found};
    while (text->full && text->size && text->bytes[text->size - 1] != '\n') text->size--; /* half a line */
    text->capacity = TEXT_BYTES;
    text_put(text, "#");
    for (int i = 0; i < 3; i++) {
        text_put_number(text, numbers[i]);
        text_put(text, " ");
    }
    text_put(text, outcome);
    end_line(text);
}

/* One line per target that was found: index, match kind, path. */
static void write_targets(struct job *job) {
    for (uint32_t i = 0; i < job->graph.target_count && !job->text.full; i++) {
        const struct target *target = &job->graph.targets[i];
        if (target->owner == NOT_FOUND) continue;
        text_put_number(&job->text, i);
        text_put(&job->text, " ");
        text_put_number(&job->text, target->match);
        write_path(&job->text, &job->graph, target->owner, target->leaf, target->match);
        end_line(&job->text);
    }
}

static void search_everything(struct job *job) {
    struct graph *graph = &job->graph;
    graph_add_roots(graph, job->modules);
    graph_walk(graph);
    if (graph->sketch) graph_deepen(graph);
    else if (graph->found < graph->target_count && !graph->late) graph_walk_unreached(graph);
    write_targets(job);
    write_summary(job, outcome_of(job));
}

static void search_in_clone(void *context, int fd) {
    struct job *job = context;
    job->graph.deadline_ns = clock_ns(CLOCK_MONOTONIC) + job->timeout_ns / 10 * 8;
    search_everything(job);
    for (size_t done = 0; done < job->text.size;) {
        ssize_t wrote = write(fd, job->text.bytes + done, job->text.size - done);
        if (wrote <= 0) return;
        done += (size_t)wrote;
    }
}

static PyObject *clone_result(struct cloned *cloned, double setup_ms) {
    PyObject *result = Py_BuildValue("(y#{sdsisisi})", cloned->bytes ? cloned->bytes : "", (Py_ssize_t)cloned->size,
                                     "pause_ms", cloned->pause_ms + setup_ms, "error", cloned->error, "timed_out",
                                     (int)cloned->timed_out, "wait_status", cloned->wait_status);
    free(cloned->bytes);
    return result;
}

static PyObject *walk_in_process(struct job *job, uint64_t started) {
    job->graph.deadline_ns = started + job->timeout_ns;
    search_everything(job);
    double pause_ms = (double)(clock_ns(CLOCK_MONOTONIC) - started) / 1e6;
    return Py_BuildValue("(y#{sdsisisi})", job->text.bytes, (Py_ssize_t)job->text.size, "pause_ms", pause_ms, "error", 0,
                         "timed_out", (int)job->graph.late, "wait_status", 0);
}

static PyObject *walk_in_clone(struct job *job, uint64_t started) {
    double setup_ms = (double)(clock_ns(CLOCK_MONOTONIC) - started) / 1e6;
    struct cloned cloned = run_in_clone(search_in_clone, job, job->timeout_ns);
    return clone_result(&cloned, setup_ms);
}

/* find_paths(modules, addresses, sizes, clone, timeout_seconds, sketch, capacity) -> (text, info) */
PyObject *search_paths(PyObject *Py_UNUSED(self), PyObject *args) {
    struct job job = {0};
    Py_buffer views[2];
    int use_clone;
    double timeout;
    unsigned int sketch, capacity;
    PyObject *modules, *result = NULL;
    if (!PyArg_ParseTuple(args, "O!y*y*pdII", &PyList_Type, &modules, &views[0], &views[1], &use_clone, &timeout,
                          &sketch, &capacity))
        return NULL;
    uint64_t started = clock_ns(CLOCK_MONOTONIC);
    job.timeout_ns = (uint64_t)(timeout * 1e9);
    if (views[0].len != views[1].len) PyErr_SetString(PyExc_ValueError, "addresses and sizes differ in length");
    else if (running_in == getpid()) PyErr_SetString(PyExc_RuntimeError, "a search is running already");
    else if (!job_init(&job, modules, views, capacity)) PyErr_NoMemory();
    else {
        running_in = getpid();
        job.graph.sketch = sketch;
        job.graph.big_length = PY_SSIZE_T_MAX;
        result = use_clone ? walk_in_clone(&job, started) : walk_in_process(&job, started);
        running_in = 0;
        job_free(&job);
    }
    PyBuffer_Release(&views[0]);
    PyBuffer_Release(&views[1]);
    return result;
}

static void write_big_containers(struct job *job) {
    const struct graph *graph = &job->graph;
    for (uint32_t i = 0; i < graph->big_count && i < CENSUS_LINES_MAX && !job->text.full; i++) {
        uint32_t node = graph->big[i].node;
        text_put_number(&job->text, graph->big[i].length);
        text_put(&job->text, " 0");
        write_path(&job->text, graph, graph->parents[node], graph->queue[node], MATCH_OBJECT);
        end_line(&job->text);
        graph_stop_if_late(&job->graph);
        if (graph->late) return;
    }
}

static int by_length(const void *a, const void *b) {
    Py_ssize_t left = ((const struct big_container *)a)->length, right = ((const struct big_container *)b)->length;
    return left < right ? 1 : left > right ? -1 : 0;
}

/* census(modules, deadline_seconds, sketch, min_length) -> (text, info) */
PyObject *search_census(PyObject *Py_UNUSED(self), PyObject *args) {
    struct job job = {0};
    double timeout;
    unsigned int sketch;
    Py_ssize_t min_length;
    PyObject *modules;
    if (!PyArg_ParseTuple(args, "O!dIn", &PyList_Type, &modules, &timeout, &sketch, &min_length)) return NULL;
    uint64_t started = clock_ns(CLOCK_MONOTONIC);
    if (running_in == getpid()) {
        PyErr_SetString(PyExc_RuntimeError, "a search is running already");
        return NULL;
    }
    if (!job_init(&job, modules, NULL, CENSUS_CAPACITY)) return PyErr_NoMemory();
    job.graph.sketch = sketch ? sketch : 1;
    job.graph.big_length = min_length;
    job.graph.deadline_ns = started + (uint64_t)(timeout * 1e9);
    graph_add_roots(&job.graph, modules);
    graph_walk(&job.graph);
    const char *outcome = outcome_of(&job);
    qsort(job.graph.big, job.graph.big_count, sizeof *job.graph.big, by_length);
    job.graph.late = false; /* what was found is named even when the walk ran out of time */
    job.graph.deadline_ns += (uint64_t)(timeout * 1e9) / 4;
    write_big_containers(&job);
    write_summary(&job, outcome);
    double pause_ms = (double)(clock_ns(CLOCK_MONOTONIC) - started) / 1e6;
    PyObject *result = Py_BuildValue("(y#{sd})", job.text.bytes, (Py_ssize_t)job.text.size, "pause_ms", pause_ms);
    job_free(&job);
    return result;
}

#endif /* PLIMSOLL_SUPPORTED */
