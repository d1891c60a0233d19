/* NumPy's buffers: its default data handler (NEP 49) is patched in place, since arrays remember their handler and
 * nearly all of a numeric program's bytes never pass the interpreter's allocators.
 *
 * The handler is called with the GIL held (NumPy's own block cache relies on it).  Nothing of NumPy is imported or
 * linked: the capsule is found in sys.modules, and an unknown version is left alone. */
#include "hooks.h"

#if PLIMSOLL_SUPPORTED

#include <string.h>

#define NUMPY_FEATURE_VERSION_MIN 0x0F /* 1.22, the first with data handlers */
#define API_FEATURE_VERSION 211
#define API_DEFAULT_HANDLER 306
#define HANDLER_VERSION 1

typedef struct {
    void *ctx;
    void *(*malloc)(void *ctx, size_t size);
    void *(*calloc)(void *ctx, size_t count, size_t each);
    void *(*realloc)(void *ctx, void *old, size_t size);
    void (*free)(void *ctx, void *p, size_t size);
} data_allocator;

typedef struct {
    char name[127];
    uint8_t version;
    data_allocator allocator;
} data_handler;

static data_allocator wrapped;
static data_handler *patched;
static struct countdown *const countdown = &countdowns[2];

static void *hooked_malloc(void *context, size_t size) {
    if (LIKELY((countdown->remaining -= (int64_t)size) >= 0)) return wrapped.malloc(context, size);
    countdown->remaining = NEVER;
    void *p = wrapped.malloc(context, size);
    if (p) sampler_record(countdown, p, size, KIND_NUMPY);
    else sampler_redraw(countdown);
    return p;
}

static void *hooked_calloc(void *context, size_t count, size_t each) {
    if (LIKELY((countdown->remaining -= (int64_t)(count * each)) >= 0)) return wrapped.calloc(context, count, each);
    countdown->remaining = NEVER;
    void *p = wrapped.calloc(context, count, each);
    if (p) sampler_record(countdown, p, count * each, KIND_NUMPY);
    else sampler_redraw(countdown);
    return p;
}

static void *hooked_realloc(void *context, void *old, size_t size) {
    struct live_sample sample;
    bool fired = (countdown->remaining -= (int64_t)size) < 0;
    if (fired) countdown->remaining = NEVER;
    bool tracked = old && maybe_sampled(old) && sampler_take(old, &sample);
    void *p = wrapped.realloc(context, old, size);
    if (tracked) {
        if (p) sampler_settle(&sample);
        else sampler_restore(sample);
    }
    if (fired && p) sampler_record(countdown, p, size, KIND_NUMPY);
    else if (fired) sampler_redraw(countdown);
    return p;
}

static void hooked_free(void *context, void *p, size_t size) {
    struct live_sample sample;
    if (UNLIKELY(maybe_sampled(p)) && p && sampler_take(p, &sample)) sampler_settle(&sample);
    wrapped.free(context, p, size);
}

/* ---- finding the handler ---------------------------------------------------------------------------------------- */

static PyObject *loaded_module(const char *name) {
    return PyDict_GetItemString(PyImport_GetModuleDict(), name); /* borrowed */
}

static bool is_known_version(PyObject *numpy) {
    PyObject *version = PyObject_GetAttrString(numpy, "__version__");
    const char *text = version && PyUnicode_Check(version) ? PyUnicode_AsUTF8(version) : NULL;
    bool known = text && (!strncmp(text, "1.", 2) || !strncmp(text, "2.", 2));
    Py_XDECREF(version);
    return known;
}

static void **array_api(void) {
    PyObject *module = loaded_module("numpy._core._multiarray_umath");
    if (!module) module = loaded_module("numpy.core._multiarray_umath");
    PyObject *capsule = module ? PyObject_GetAttrString(module, "_ARRAY_API") : NULL;
    void **api = capsule && PyCapsule_CheckExact(capsule) ? PyCapsule_GetPointer(capsule, NULL) : NULL;
    Py_XDECREF(capsule); /* the module keeps it */
    return api;
}

static data_handler *default_handler(void) {
    PyObject *numpy = loaded_module("numpy");
    if (!numpy || !is_known_version(numpy)) return NULL;
    void **api = array_api();
    if (!api || ((unsigned int (*)(void))api[API_FEATURE_VERSION])() < NUMPY_FEATURE_VERSION_MIN) return NULL;
    PyObject *capsule = *(PyObject **)api[API_DEFAULT_HANDLER];
    data_handler *handler = capsule ? PyCapsule_GetPointer(capsule, "mem_handler") : NULL;
    if (!handler || handler->version != HANDLER_VERSION || strcmp(handler->name, "default_allocator")) return NULL;
    return handler;
}

bool numpy_is_hooked(void) { return patched && patched->allocator.malloc == hooked_malloc; }

bool numpy_hook(void) {
    if (numpy_is_hooked()) return true;
    data_handler *handler = default_handler();
    PyErr_Clear();
    if (!handler || handler->allocator.malloc == hooked_malloc) return false;
    wrapped = handler->allocator;
    patched = handler;
    handler->allocator.malloc = hooked_malloc;
    handler->allocator.calloc = hooked_calloc;
    handler->allocator.realloc = hooked_realloc;
    handler->allocator.free = hooked_free;
    return true;
}

void numpy_unhook(void) {
    if (!numpy_is_hooked() || patched->allocator.free != hooked_free) return;
    patched->allocator = wrapped;
    patched = NULL;
}

#endif /* PLIMSOLL_SUPPORTED */
