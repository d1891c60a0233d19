/* The Python surface of the sampler; the package's __init__ gives it types and prose. */
#include "allocators.h"
#include "interpreter.h"

#if PLIMSOLL_SUPPORTED
#include "export.h"
#include "hooks.h"
#include "layouts.h"
#include "pages.h"
#include "search.h"

#define STOP_WAIT_TURNS 500 /* × 1 ms that stop() waits for an exporter in another thread */

static PyObject *refuse(const char *text) {
    PyErr_SetString(PyExc_RuntimeError, text);
    return NULL;
}

static bool require_main_interpreter(void) {
    if (PyInterpreterState_Get() == PyInterpreterState_Main()) return true;
    refuse("the sampler can only be driven from the main interpreter");
    return false;
}

static PyObject *module_start(PyObject *Py_UNUSED(self), PyObject *args) {
    double interval;
    unsigned int max_stacks, max_live;
    int numpy;
    PyObject *seed_object;
    if (!PyArg_ParseTuple(args, "dpIIO", &interval, &numpy, &max_stacks, &max_live, &seed_object)) return NULL;
    if (!require_main_interpreter()) return NULL;
    if (sampler.started) return refuse("already started");
    uint64_t seed = seed_object == Py_None ? 0 : PyLong_AsUnsignedLongLongMask(seed_object);
    if (PyErr_Occurred()) return NULL;
    if (!sampler_begin(interval, max_stacks, max_live, seed_object == Py_None ? NULL : &seed)) return PyErr_NoMemory();
    hooks_arm();
    if (numpy) numpy_hook();
    Py_RETURN_NONE;
}

static bool exporters_are_gone(void) {
    for (int turn = 0; turn < STOP_WAIT_TURNS; turn++) {
        if (!sampler.stacks.pins) return true;
        Py_BEGIN_ALLOW_THREADS
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        Py_END_ALLOW_THREADS
    }
    return false;
}

/* After stop() hooks that could not be taken out only forward. */
static PyObject *module_stop(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none)) {
    if (!require_main_interpreter()) return NULL;
    if (!sampler.started) Py_RETURN_NONE;
    hooks_disarm();
    numpy_unhook();
    if (!exporters_are_gone()) return refuse("a snapshot is being taken in another thread; hooks are disarmed");
    if (sampler.started) sampler_end();
    Py_RETURN_NONE;
}

static PyObject *module_pause(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none)) {
    if (!require_main_interpreter()) return NULL;
    if (!sampler.started) return refuse("not started");
    hooks_disarm();
    Py_RETURN_NONE;
}

/* Frees were missed while the hooks were out, so the live samples of before are forgotten; after a pause unless told
 * otherwise. */
static PyObject *module_resume(PyObject *Py_UNUSED(self), PyObject *args) {
    int keep_live;
    if (!PyArg_ParseTuple(args, "p", &keep_live) || !require_main_interpreter()) return NULL;
    if (!sampler.started) return refuse("not started");
    enum hook_state state = hooks_state();
    if ((state == HOOKS_PAUSED && !keep_live) || state == HOOKS_DISPLACED) sampler_forget_live();
    hooks_arm();
    Py_RETURN_NONE;
}

static PyObject *module_hook_numpy(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none)) {
    return PyBool_FromLong(sampler.started && numpy_hook());
}

static bool put_number(PyObject *dict, const char *key, uint64_t value) {
    PyObject *number = PyLong_FromUnsignedLongLong(value);
    bool ok = number && PyDict_SetItemString(dict, key, number) == 0;
    Py_XDECREF(number);
    return ok;
}

static PyObject *module_stats(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none)) {
    sampler_bury();
    PyObject *dict = PyDict_New();
    const struct sampler_counters c = sampler.counters;
    const struct { const char *key; uint64_t value; } rows[] = {
        {"hook_state", (uint64_t)hooks_state()},
        {"numpy_hooked", numpy_is_hooked()},
        {"interval_bytes", (uint64_t)sampler.interval},
        {"base_interval_bytes", (uint64_t)sampler.base_interval},
        {"samples", c.samples},
        {"live", sampler.live.count},
        {"stacks", sampler.stacks.stack_count},
        {"frames", sampler.stacks.node_count},
        {"thinned", c.thinned},
        {"thin_rounds", c.thin_rounds},
        {"interval_raises", c.interval_raises},
        {"evicted_stacks", sampler.stacks.evicted},
        {"overflow", c.overflow},
        {"without_gil", c.without_gil},
        {"other_gil", c.other_gil},
        {"slow_frees", c.slow_frees},
        {"tracked_frees", c.tracked_frees},
        {"forks", sampler.forks},
        {"own_bytes", sampler_bytes()},
    };
    for (size_t i = 0; dict && i < sizeof rows / sizeof *rows; i++)
        if (!put_number(dict, rows[i].key, rows[i].value)) Py_CLEAR(dict);
    return dict;
}

static PyObject *module_columns(PyObject *Py_UNUSED(self), PyObject *args) {
    struct export data;
    int with_live;
    if (!PyArg_ParseTuple(args, "p", &with_live)) return NULL;
    if (!sampler.started) return refuse("not started");
    sampler_bury();
    if (!export_begin(&data, with_live)) return NULL;
    PyObject *result = export_columns(&data);
    if (result && !put_number(result, "held_ns", data.held_ns)) Py_CLEAR(result);
    export_end(&data);
    return result;
}

static PyObject *module_pprof(PyObject *Py_UNUSED(self), PyObject *args) {
    struct export data;
    long long time_ns, duration_ns;
    if (!PyArg_ParseTuple(args, "LL", &time_ns, &duration_ns)) return NULL;
    if (!sampler.started) return refuse("not started");
    sampler_bury();
    if (!export_begin(&data, false)) return NULL;
    PyObject *result = export_pprof(&data, time_ns, duration_ns, (int64_t)sampler.interval);
    export_end(&data);
    return result;
}

static PyMethodDef METHODS[] = {
    {"start", module_start, METH_VARARGS, NULL},
    {"stop", module_stop, METH_NOARGS, NULL},
    {"pause", module_pause, METH_NOARGS, NULL},
    {"resume", module_resume, METH_VARARGS, NULL},
    {"hook_numpy", module_hook_numpy, METH_NOARGS, NULL},
    {"stats", module_stats, METH_NOARGS, NULL},
    {"columns", module_columns, METH_VARARGS, NULL},
    {"pprof", module_pprof, METH_VARARGS, NULL},
    SEARCH_METHODS
    PAGES_METHODS
    ALLOCATOR_METHODS
    {NULL, NULL, 0, NULL},
};
#else
static PyMethodDef METHODS[] = {ALLOCATOR_METHODS {NULL, NULL, 0, NULL}};
#define layouts_agree() 0
#endif

static struct PyModuleDef DEFINITION = {
    PyModuleDef_HEAD_INIT, .m_name = "plimsoll_agent_native._native", .m_size = -1, .m_methods = METHODS};

PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = PyModule_Create(&DEFINITION);
    if (module && PyModule_AddIntConstant(module, "SUPPORTED", layouts_agree())) Py_CLEAR(module);
    return module;
}
