/* Named points at which a test build ends itself as kill -9 would: CO_CRASH=<name>[:<passes before>] in the
 * environment; or at which the thread that passes hangs: CO_HANG, written the same; for ever, or with
 * CO_HANG_FILE=<path> until the file is gone that it makes there. Nothing of it is in a build without CO_CRASH_POINTS.
 */
#ifndef CHECKOUT_CRASH_H
#define CHECKOUT_CRASH_H

#ifdef CO_CRASH_POINTS
void co_crash_point(const char *name);
#else
static inline void co_crash_point(const char *name)
{
	(void)name;
}
#endif

#endif
