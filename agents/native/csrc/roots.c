/* Where the walk starts: modules, running frames, per-thread and per-interpreter state. */
#include "graph.h"

#if PLIMSOLL_SUPPORTED

#include "layouts.h"

uint32_t graph_new_root(struct graph *graph, struct root root) {
    if (graph->root_count >= GRAPH_ROOTS_MAX) graph->overflowed = true;
    else graph->roots[graph->root_count++] = root;
    return ROOT_BIT | (graph->root_count - 1);
}

static void add(struct graph *graph, struct root root, PyObject *object) {
    if (!object) return;
    graph->current = graph_new_root(graph, root);
    graph_visit(graph, object);
}

static void add_modules(struct graph *graph, PyObject *modules) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(modules); i++) {
        PyObject *pair = PyList_GET_ITEM(modules, i), *module = PyTuple_GET_ITEM(pair, 1);
        if (!PyModule_Check(module)) continue;
        graph->current = graph_new_root(graph, (struct root){ROOT_MODULE, 0, PyTuple_GET_ITEM(pair, 0)});
        graph_visit(graph, PyModule_GetDict(module));
        graph_visit(graph, module); /* a C module's own state */
    }
}

static void add_frame(struct graph *graph, _PyInterpreterFrame *frame) {
    PyCodeObject *code = FRAME_CODE(frame);
    int count = frame_slot_count(frame);
    for (int i = 0; i < count; i++) {
        int kind = i < code->co_nlocalsplus ? ROOT_LOCAL : ROOT_TEMPORARY;
        add(graph, (struct root){kind, i, (PyObject *)code}, SLOT_OBJECT(frame->localsplus[i]));
    }
    add(graph, (struct root){ROOT_TEMPORARY, 0, (PyObject *)code}, FRAME_FUNCTION(frame));
    add(graph, (struct root){ROOT_TEMPORARY, 0, (PyObject *)code}, frame->f_locals);
}

static void add_thread(struct graph *graph, PyThreadState *thread) {
    for (_PyInterpreterFrame *frame = CURRENT_FRAME(thread); frame; frame = frame->previous)
        if (!FRAME_IS_SHIM(frame) && !_PyFrame_IsIncomplete(frame)) add_frame(graph, frame);
    struct root root = {ROOT_THREAD, 0, NULL};
    add(graph, root, thread->dict);
    add(graph, root, thread->context);
    add(graph, root, thread->c_profileobj);
    add(graph, root, thread->c_traceobj);
#if PY_VERSION_HEX >= 0x030E0000
    add(graph, root, ((_PyThreadStateImpl *)thread)->asyncio_running_loop);
    add(graph, root, ((_PyThreadStateImpl *)thread)->asyncio_running_task);
#endif
    for (_PyErr_StackItem *item = thread->exc_info; item; item = item->previous_item) add(graph, root, item->exc_value);
}

static void add_exit_callbacks(struct graph *graph, const struct atexit_state *at_exit) {
    struct root root = {ROOT_INTERPRETER, 0, NULL};
#if PY_VERSION_HEX >= 0x030E0000
    PyObject *list = at_exit->callbacks; /* of (function, args, kwargs) */
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++)
        for (Py_ssize_t part = 0; part < PyTuple_GET_SIZE(PyList_GET_ITEM(list, i)); part++)
            add(graph, root, PyTuple_GET_ITEM(PyList_GET_ITEM(list, i), part));
    add(graph, root, list);
#else
    for (int i = 0; i < at_exit->ncallbacks; i++) {
        if (!at_exit->callbacks[i]) continue;
        add(graph, root, at_exit->callbacks[i]->func);
        add(graph, root, at_exit->callbacks[i]->args);
        add(graph, root, at_exit->callbacks[i]->kwargs);
    }
#endif
}

static void add_interpreter(struct graph *graph, PyInterpreterState *interpreter) {
    struct root root = {ROOT_INTERPRETER, 0, NULL};
    add_exit_callbacks(graph, &interpreter->atexit);
#ifdef HAVE_FORK
    add(graph, root, interpreter->before_forkers);
    add(graph, root, interpreter->after_forkers_parent);
    add(graph, root, interpreter->after_forkers_child);
#endif
    add(graph, root, interpreter->audit_hooks);
    add(graph, root, interpreter->dict);
#if PY_VERSION_HEX >= 0x030C0000
    add(graph, (struct root){ROOT_INTERNED, 0, NULL}, interpreter->cached_objects.interned_strings);
#endif
}

void graph_add_roots(struct graph *graph, PyObject *modules) {
    PyInterpreterState *interpreter = PyInterpreterState_Get();
    add_modules(graph, modules);
    for (PyThreadState *thread = PyInterpreterState_ThreadHead(interpreter); thread; thread = PyThreadState_Next(thread))
        add_thread(graph, thread);
    add_interpreter(graph, interpreter);
}

#endif /* PLIMSOLL_SUPPORTED */
