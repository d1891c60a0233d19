/* Hot paths.  A hook passes the context it was given straight on, and finds everything else at fixed addresses: so
 * a caller that sees the allocator struct half written (new function, old context) still works.
 *
 * RAW is left alone: it may be called without the GIL, holds under 0.2 % of the bytes of Python programs, and large
 * OBJ requests end there, which would count twice. */
#include "hooks.h"

#if PLIMSOLL_SUPPORTED

static PyMemAllocatorEx wrapped_object, wrapped_buffer;
static bool paused = true;

#define DEFINE_HOOKS(NAME, INDEX, KIND)                                                                              \
    static COLD void *NAME##_sampled_malloc(void *context, size_t size) {                                            \
        countdowns[INDEX].remaining = NEVER;                                                                         \
        void *p = wrapped_##NAME.malloc(context, size);                                                              \
        if (p) sampler_record(&countdowns[INDEX], p, size, KIND);                                                    \
        else sampler_redraw(&countdowns[INDEX]);                                                                     \
        return p;                                                                                                    \
    }                                                                                                                \
    static void *NAME##_malloc(void *context, size_t size) {                                                         \
        if (UNLIKELY((countdowns[INDEX].remaining -= (int64_t)size) < 0))                                            \
            return NAME##_sampled_malloc(context, size);                                                             \
        return wrapped_##NAME.malloc(context, size);                                                                 \
    }                                                                                                                \
    static COLD void *NAME##_sampled_calloc(void *context, size_t count, size_t each) {                              \
        countdowns[INDEX].remaining = NEVER;                                                                         \
        void *p = wrapped_##NAME.calloc(context, count, each);                                                       \
        if (p) sampler_record(&countdowns[INDEX], p, count * each, KIND);                                            \
        else sampler_redraw(&countdowns[INDEX]);                                                                     \
        return p;                                                                                                    \
    }                                                                                                                \
    static void *NAME##_calloc(void *context, size_t count, size_t each) {                                           \
        if (UNLIKELY((countdowns[INDEX].remaining -= (int64_t)(count * each)) < 0))                                  \
            return NAME##_sampled_calloc(context, count, each);                                                      \
        return wrapped_##NAME.calloc(context, count, each);                                                          \
    }                                                                                                                \
    static COLD void *NAME##_slow_realloc(void *context, void *old, size_t size, bool fired) {                       \
        struct live_sample sample;                                                                                   \
        if (fired) countdowns[INDEX].remaining = NEVER;                                                              \
        bool tracked = old && maybe_sampled(old) && sampler_take(old, &sample); /* before it can be reused */        \
        void *p = wrapped_##NAME.realloc(context, old, size);                                                        \
        if (tracked) {                                                                                               \
            if (p) sampler_settle(&sample);                                                                          \
            else sampler_restore(sample);                                                                            \
        }                                                                                                            \
        if (fired && p) sampler_record(&countdowns[INDEX], p, size, old ? KIND_CONTAINER : KIND);                    \
        else if (fired) sampler_redraw(&countdowns[INDEX]);                                                          \
        return p;                                                                                                    \
    }                                                                                                                \
    static void *NAME##_realloc(void *context, void *old, size_t size) {                                             \
        bool fired = (countdowns[INDEX].remaining -= (int64_t)size) < 0;                                             \
        if (LIKELY(!fired && !maybe_sampled(old))) return wrapped_##NAME.realloc(context, old, size);                \
        return NAME##_slow_realloc(context, old, size, fired);                                                       \
    }                                                                                                                \
    static COLD void NAME##_slow_free(void *context, void *p) {                                                      \
        struct live_sample sample;                                                                                   \
        if (p && sampler_take(p, &sample)) sampler_settle(&sample);                                                  \
        wrapped_##NAME.free(context, p);                                                                             \
    }                                                                                                                \
    static void NAME##_free(void *context, void *p) {                                                                \
        if (UNLIKELY(maybe_sampled(p))) NAME##_slow_free(context, p);                                                \
        else wrapped_##NAME.free(context, p);                                                                        \
    }

DEFINE_HOOKS(object, 0, KIND_OBJECT)
DEFINE_HOOKS(buffer, 1, KIND_BUFFER)

/* ---- installing ------------------------------------------------------------------------------------------------ */

/* Whether an allocation in this domain passes through our hook, on top or below someone else's. */
static bool is_reached(PyMemAllocatorDomain domain, struct countdown *countdown) {
    int64_t before = countdown->remaining;
    countdown->remaining = NEVER;
    if (domain == PYMEM_DOMAIN_OBJ) PyObject_Free(PyObject_Malloc(1));
    else PyMem_Free(PyMem_Malloc(1));
    bool reached = countdown->remaining != NEVER;
    countdown->remaining = before; /* gaps have no memory: the probe's byte need not count */
    return reached;
}

static bool is_on_top(void) {
    PyMemAllocatorEx object, buffer;
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &object);
    PyMem_GetAllocator(PYMEM_DOMAIN_MEM, &buffer);
    return object.malloc == object_malloc && buffer.malloc == buffer_malloc;
}

static void install(PyMemAllocatorDomain domain, PyMemAllocatorEx *wrapped, PyMemAllocatorEx hooks) {
    PyMem_GetAllocator(domain, wrapped);
    hooks.ctx = wrapped->ctx;
    PyMem_SetAllocator(domain, &hooks);
}

/* With several interpreters, others may be inside the very call that would be swapped. */
static bool is_only_interpreter(void) {
    PyInterpreterState *first = PyInterpreterState_Head();
    return first && !PyInterpreterState_Next(first);
}

void hooks_arm(void) {
    if (!is_reached(PYMEM_DOMAIN_OBJ, &countdowns[0]))
        install(PYMEM_DOMAIN_OBJ, &wrapped_object,
                (PyMemAllocatorEx){NULL, object_malloc, object_calloc, object_realloc, object_free});
    if (!is_reached(PYMEM_DOMAIN_MEM, &countdowns[1]))
        install(PYMEM_DOMAIN_MEM, &wrapped_buffer,
                (PyMemAllocatorEx){NULL, buffer_malloc, buffer_calloc, buffer_realloc, buffer_free});
    paused = false;
    sampler_arm();
}

enum hook_state hooks_disarm(void) {
    sampler_disarm();
    paused = true;
    if (!is_on_top() || !is_only_interpreter()) return HOOKS_PASSIVE;
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &wrapped_object);
    PyMem_SetAllocator(PYMEM_DOMAIN_MEM, &wrapped_buffer);
    return HOOKS_PAUSED;
}

enum hook_state hooks_state(void) {
    if (!sampler.started) return HOOKS_OFF;
    bool reached = is_reached(PYMEM_DOMAIN_OBJ, &countdowns[0]) && is_reached(PYMEM_DOMAIN_MEM, &countdowns[1]);
    if (paused) return reached ? HOOKS_PASSIVE : HOOKS_PAUSED;
    return reached ? HOOKS_ARMED : HOOKS_DISPLACED;
}

#endif /* PLIMSOLL_SUPPORTED */
