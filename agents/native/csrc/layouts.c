/* Private layouts, per minor version, and the hidden storage of a few standard types. */
#include "layouts.h"

#if PLIMSOLL_SUPPORTED

#include "graph.h"

#include <internal/pycore_dict.h>
#include <internal/pycore_object.h>
#include <internal/pycore_runtime.h>
#include <frameobject.h>
#include <structmember.h>
#include <string.h>

/* ---- agreement -------------------------------------------------------------------------------------------------- */

#if PY_VERSION_HEX < 0x030D0000
bool layouts_agree(void) { return true; } /* these interpreters do not say */
#else
bool layouts_agree(void) {
    const _Py_DebugOffsets *said = &_PyRuntime.debug_offsets;
    return !said->free_threaded && said->interpreter_state.gc == offsetof(PyInterpreterState, gc) &&
           said->interpreter_state.ceval_gil == offsetof(PyInterpreterState, ceval.gil) &&
           said->thread_state.current_frame == offsetof(PyThreadState, current_frame) &&
           said->thread_state.thread_id == offsetof(PyThreadState, thread_id) &&
           said->interpreter_frame.size == sizeof(_PyInterpreterFrame) &&
           said->interpreter_frame.executable == offsetof(_PyInterpreterFrame, f_executable) &&
           said->interpreter_frame.previous == offsetof(_PyInterpreterFrame, previous) &&
           said->interpreter_frame.instr_ptr == offsetof(_PyInterpreterFrame, instr_ptr) &&
           said->interpreter_frame.localsplus == offsetof(_PyInterpreterFrame, localsplus) &&
           said->interpreter_frame.owner == offsetof(_PyInterpreterFrame, owner) &&
           said->code_object.localsplusnames == offsetof(PyCodeObject, co_localsplusnames) &&
           said->code_object.co_code_adaptive == offsetof(PyCodeObject, co_code_adaptive);
}
#endif

/* ---- instances -------------------------------------------------------------------------------------------------- */

#if PY_VERSION_HEX < 0x030C0000
static PyDictValues *values_of(PyObject *object) { return *_PyObject_ValuesPointer(object); }
static PyObject *managed_dict(PyObject *object) { return *_PyObject_ManagedDictPointer(object); }
uintptr_t instance_values_block(PyObject *object) {
    return PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_MANAGED_DICT) ? (uintptr_t)values_of(object) : 0;
}
#elif PY_VERSION_HEX < 0x030D0000
static PyDictValues *values_of(PyObject *object) {
    PyDictOrValues either = *_PyObject_DictOrValuesPointer(object);
    return _PyDictOrValues_IsValues(either) ? _PyDictOrValues_GetValues(either) : NULL;
}
static PyObject *managed_dict(PyObject *object) {
    PyDictOrValues either = *_PyObject_DictOrValuesPointer(object);
    return _PyDictOrValues_IsValues(either) ? NULL : _PyDictOrValues_GetDict(either);
}
uintptr_t instance_values_block(PyObject *object) {
    return PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_MANAGED_DICT) ? (uintptr_t)values_of(object) : 0;
}
#else
static PyDictValues *values_of(PyObject *object) {
    if (!PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_INLINE_VALUES)) return NULL;
    PyDictValues *values = _PyObject_InlineValues(object);
    return values->valid ? values : NULL;
}
static PyObject *managed_dict(PyObject *object) { return (PyObject *)_PyObject_GetManagedDict(object); }
uintptr_t instance_values_block(PyObject *Py_UNUSED(object)) { return 0; }
#endif

PyObject *instance_dict(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    if (PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT)) return managed_dict(object);
    if (type->tp_dictoffset <= 0) return NULL; /* negative: var-sized, rare */
    return *(PyObject **)((char *)object + type->tp_dictoffset);
}

static PyDictKeysObject *shared_keys(PyObject *object) {
    if (!PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE)) return NULL;
    PyDictKeysObject *keys = ((PyHeapTypeObject *)Py_TYPE(object))->ht_cached_keys;
    return keys && keys->dk_kind != DICT_KEYS_GENERAL ? keys : NULL;
}

PyObject **instance_values(PyObject *object, int *count) {
    if (!PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_MANAGED_DICT)) return NULL;
    PyDictValues *values = values_of(object);
    PyDictKeysObject *keys = values ? shared_keys(object) : NULL;
    if (!keys) return NULL;
    *count = (int)keys->dk_nentries;
    return values->values;
}

PyObject *instance_value_name(PyObject *object, PyObject *child) {
    int count = 0;
    PyObject **values = instance_values(object, &count);
    if (!values) return NULL;
    PyDictUnicodeEntry *entries = DK_UNICODE_ENTRIES(shared_keys(object));
    for (int i = 0; i < count; i++)
        if (values[i] == child) return entries[i].me_key;
    return NULL;
}

const char *member_name(PyObject *object, PyObject *child) {
    for (PyTypeObject *type = Py_TYPE(object); type; type = type->tp_base)
        for (PyMemberDef *member = type->tp_members; member && member->name; member++) {
            if (member->type != T_OBJECT && member->type != T_OBJECT_EX) continue;
            PyObject *value;
            memcpy(&value, (char *)object + member->offset, sizeof value);
            if (value == child) return member->name;
        }
    return NULL;
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

_PyInterpreterFrame *frame_behind(PyObject *object) {
    if (PyFrame_Check(object)) return ((PyFrameObject *)object)->f_frame;
    if (!PyGen_Check(object) && !PyCoro_CheckExact(object) && !PyAsyncGen_CheckExact(object)) return NULL;
    PyGenObject *generator = (PyGenObject *)object;
    if (generator->gi_frame_state >= FRAME_CLEARED) return NULL;
    return (_PyInterpreterFrame *)&generator->gi_iframe;
}

int frame_slot_count(_PyInterpreterFrame *frame) {
    int locals = FRAME_CODE(frame)->co_nlocalsplus;
#if PY_VERSION_HEX < 0x030E0000
    return frame->stacktop >= locals ? frame->stacktop : locals; /* a running frame does not say how high its stack is */
#else
    return frame->stackpointer ? (int)(frame->stackpointer - frame->localsplus) : locals; /* debug builds do not say */
#endif
}

int frame_slot_of(_PyInterpreterFrame *frame, PyObject *child) {
    int count = frame_slot_count(frame);
    for (int i = 0; i < count; i++)
        if (SLOT_OBJECT(frame->localsplus[i]) == child) return i;
    return -1;
}

/* ---- hidden storage --------------------------------------------------------------------------------------------- */

struct ordered_dict_node { /* Objects/odictobject.c */
    PyObject *key;
    Py_hash_t hash;
    struct ordered_dict_node *next, *previous;
};

struct ordered_dict {
    PyDictObject dict;
    struct ordered_dict_node *first, *last;
};

#define DEQUE_BLOCK_LENGTH 64 /* Modules/_collectionsmodule.c */

struct deque_block {
    struct deque_block *left;
    PyObject *data[DEQUE_BLOCK_LENGTH];
    struct deque_block *right;
};

struct deque {
    PyObject_VAR_HEAD
    struct deque_block *left_block, *right_block;
};

struct array_fields { /* numpy/ndarraytypes.h: the same in 1.x and 2.x */
    PyObject_HEAD
    char *data;
    int dimension_count;
    Py_ssize_t *dimensions, *strides;
    PyObject *base;
    struct { PyObject_HEAD PyTypeObject *type; char kind, letter; } *element;
};

static void expand_ordered_dict(struct graph *graph, PyObject *object) {
    uint32_t seen = 0;
    for (struct ordered_dict_node *node = ((struct ordered_dict *)object)->first; node; node = node->next) {
        graph_match(graph, (uintptr_t)node, MATCH_STORAGE, NULL);
        if (!(++seen & 4095)) graph_stop_if_late(graph);
        if (graph->late) return;
    }
}

static void expand_deque(struct graph *graph, PyObject *object) {
    struct deque *deque = (struct deque *)object;
    for (struct deque_block *block = deque->left_block; block; block = block->right) {
        graph_match(graph, (uintptr_t)block, MATCH_STORAGE, NULL);
        if (block == deque->right_block) return;
    }
}

/* tp_traverse leaves out the keys of a dict whose keys are all strings. */
static void match_keys(struct graph *graph, PyObject *dict) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    if (((PyDictObject *)dict)->ma_keys->dk_kind == DICT_KEYS_GENERAL) return;
    while (PyDict_Next(dict, &position, &key, &value)) {
        graph_match(graph, (uintptr_t)key, MATCH_KEY, key);
        if (!(position & 4095)) graph_stop_if_late(graph);
        if (graph->late) return;
    }
}

static void expand_array(struct graph *graph, PyObject *object) {
    struct array_fields *array = (struct array_fields *)object;
    graph_match(graph, (uintptr_t)array->data, MATCH_STORAGE, NULL);
    graph_match(graph, (uintptr_t)array->dimensions, MATCH_STORAGE, NULL);
    if (array->base) {
        graph_visit(graph, array->base);
        return;
    }
    if (!array->element || array->element->letter != 'O') return;
    Py_ssize_t count = 1;
    for (int i = 0; i < array->dimension_count; i++) count *= array->dimensions[i];
    for (Py_ssize_t i = 0; i < count && !graph->late; i++) {
        PyObject *element = ((PyObject **)array->data)[i];
        if (element) graph_visit(graph, element);
        if (!(i & 4095)) graph_stop_if_late(graph);
    }
}

/* Most types are told apart by their size alone. */
static bool is_kind_of(PyObject *object, PyTypeObject *type) {
    if (!type) return false;
    PyTypeObject *own = Py_TYPE(object);
    return own == type || (own->tp_basicsize >= type->tp_basicsize && PyType_IsSubtype(own, type));
}

static bool is_array(const struct graph *graph, PyObject *object) { return is_kind_of(object, graph->ndarray); }

bool graph_must_queue_leaf(const struct graph *graph, PyObject *object) {
    return PyCode_Check(object) || is_array(graph, object);
}

void graph_expand_hidden(struct graph *graph, PyObject *object) {
    if (PyCode_Check(object)) {
        graph_visit(graph, ((PyCodeObject *)object)->co_consts);
    } else if (is_array(graph, object)) {
        expand_array(graph, object);
    } else if (graph->target_count && PyODict_Check(object)) {
        expand_ordered_dict(graph, object);
    } else if (graph->target_count && is_kind_of(object, graph->deque)) {
        expand_deque(graph, object);
    }
    if (graph->target_count && PyDict_Check(object) && !graph->sketch) match_keys(graph, object);
    if (graph->target_count) {
        uintptr_t values = instance_values_block(object);
        if (values) graph_match(graph, values, MATCH_STORAGE, NULL);
    }
}

#endif /* PLIMSOLL_SUPPORTED */
