/* Reading the running thread's stack from the interpreter's own frames: no allocation, no line look-up. */
#include "sampler.h"

#if PLIMSOLL_SUPPORTED

#include <pthread.h>

static uint32_t only_marker(struct frame_ref *frames, int marker) {
    frames[0] = (struct frame_ref){NULL, marker};
    return 1;
}

/* The thread state if this thread truly holds the GIL.  Before 3.12 the "current" thread state is a global that
 * may belong to another thread, hence the comparison of thread idents. */
static PyThreadState *own_thread_state(void) {
    PyThreadState *thread = CURRENT_THREAD_STATE();
    if (!thread || thread->thread_id != (unsigned long)pthread_self()) return NULL;
    return thread;
}

uint32_t capture_frames(struct frame_ref frames[STACK_DEPTH_LIMIT + 1]) {
    PyThreadState *thread = own_thread_state();
    if (!thread) return only_marker(frames, MARK_NO_GIL);
    if (HAS_OWN_GIL(thread->interp)) return only_marker(frames, MARK_OTHER_GIL);
    uint32_t count = 0;
    for (_PyInterpreterFrame *frame = CURRENT_FRAME(thread); frame; frame = frame->previous) {
        if (FRAME_IS_SHIM(frame) || _PyFrame_IsIncomplete(frame)) continue;
        PyCodeObject *code = FRAME_CODE(frame);
        if (Py_REFCNT(code) <= 0) continue; /* being torn down: must not be revived */
        if (count == STACK_DEPTH_LIMIT) {
            frames[count++] = (struct frame_ref){NULL, MARK_TRUNCATED};
            return count;
        }
        frames[count++] = (struct frame_ref){code, _PyInterpreterFrame_LASTI(frame) * (int)sizeof(_Py_CODEUNIT)};
    }
    return count ? count : only_marker(frames, MARK_NO_FRAME);
}

#endif /* PLIMSOLL_SUPPORTED */
