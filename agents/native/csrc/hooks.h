/* The allocator hooks of the OBJ and MEM domains, and NumPy's data handler. */
#ifndef PLIMSOLL_HOOKS_H
#define PLIMSOLL_HOOKS_H

#include "sampler.h"

/* Puts the hooks in place unless calls already reach them; arms the sampler. */
void hooks_arm(void);
/* Takes the hooks out if they are still on top of both domains and no other interpreter runs; else leaves them
 * in place, forwarding only.  Returns HOOKS_PAUSED or HOOKS_PASSIVE. */
enum hook_state hooks_disarm(void);
/* What is true now, found by asking the allocators and by a probe allocation. */
enum hook_state hooks_state(void);

/* Patches NumPy's default data handler in place.  True when patched; false when NumPy is not loaded or its version
 * or handler is not known.  Never sets an exception. */
bool numpy_hook(void);
void numpy_unhook(void);
bool numpy_is_hooked(void);

#endif
