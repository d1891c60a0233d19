/* Which CPython this is: the one place that reads interpreter-private layouts, gated by exact minor version.
 *
 * Frame layouts change with every minor version.  A version that is not listed here still compiles, with
 * PLIMSOLL_SUPPORTED 0, so that importing works and start() can refuse aloud instead of reading wild memory. */
#ifndef PLIMSOLL_INTERPRETER_H
#define PLIMSOLL_INTERPRETER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* pipe2, before any system header */
#endif
#define PY_SSIZE_T_CLEAN
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE 1
#endif
#include <Python.h>

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x030F0000 || defined(Py_GIL_DISABLED) || \
    defined(Py_STACKREF_DEBUG) || defined(PYPY_VERSION)
#define PLIMSOLL_SUPPORTED 0
#else
#define PLIMSOLL_SUPPORTED 1
#endif

#if PLIMSOLL_SUPPORTED
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>

#if PY_VERSION_HEX < 0x030D0000
#define CURRENT_FRAME(thread) ((thread)->cframe->current_frame)
#define CURRENT_THREAD_STATE() _PyThreadState_UncheckedGet()
#define IS_FINALIZING() _Py_IsFinalizing()
#else
#define CURRENT_FRAME(thread) ((thread)->current_frame)
#define CURRENT_THREAD_STATE() PyThreadState_GetUnchecked()
#define IS_FINALIZING() Py_IsFinalizing()
#endif

/* What a slot of a frame refers to (borrowed), or NULL.  Since 3.14 slots are tagged words: the low bits say that the
 * reference is only borrowed, or that there is a small number instead of an object. */
#if PY_VERSION_HEX < 0x030E0000
#define SLOT_OBJECT(slot) ((PyObject *)(slot))
#else
#include <internal/pycore_interpframe.h>
#include <internal/pycore_tstate.h>
#define SLOT_OBJECT(slot) (PyStackRef_IsTaggedInt(slot) ? NULL : PyStackRef_AsPyObjectBorrow(slot))
#endif

#if PY_VERSION_HEX < 0x030C0000
#define FRAME_FUNCTION(frame) ((PyObject *)(frame)->f_func)
#else
#define FRAME_FUNCTION(frame) SLOT_OBJECT((frame)->f_funcobj)
#endif

#if PY_VERSION_HEX < 0x030D0000
#define FRAME_CODE(frame) ((frame)->f_code)
#define FRAME_IS_SHIM(frame) 0
#else
#define FRAME_CODE(frame) ((PyCodeObject *)SLOT_OBJECT((frame)->f_executable))
#if PY_VERSION_HEX < 0x030E0000
#define FRAME_IS_ENTRY(frame) ((frame)->owner == FRAME_OWNED_BY_CSTACK)
#else
#define FRAME_IS_ENTRY(frame) ((frame)->owner >= FRAME_OWNED_BY_INTERPRETER)
#endif
#define FRAME_IS_SHIM(frame) (FRAME_IS_ENTRY(frame) || !PyCode_Check(FRAME_CODE(frame)))
#endif

#if PY_VERSION_HEX < 0x030C0000
#define HAS_OWN_GIL(interpreter) 0
#else
#define HAS_OWN_GIL(interpreter) ((interpreter)->ceval.own_gil && (interpreter) != PyInterpreterState_Main())
#endif
#endif /* PLIMSOLL_SUPPORTED */

#endif
