/* The one result type of every call that can fail for a reason outside the program.
 * Owns nothing. Never used for a refused command: a refusal is a verdict (domain/decide.h), not a failure. */
#ifndef CHECKOUT_STATUS_H
#define CHECKOUT_STATUS_H

#define CO_MUST_USE __attribute__((warn_unused_result))

/* What the caller may do is in the name of the class, not in the number. */
enum co_status {
#define CO_STATUS(name, class, text) CO_##name,
#include "checkout/tbl/status.def"
#undef CO_STATUS
};

/* The class alone picks the pipeline's action (app/lane.c):
 *   OK go on · RETRY wait with back-off and try again · RESET drop the work in hand and take the recovery path ·
 *   INVALID the input is wrong, no retry helps · FATAL end the process with the reason. */
enum co_class { CO_CLASS_OK, CO_CLASS_RETRY, CO_CLASS_RESET, CO_CLASS_INVALID, CO_CLASS_FATAL };

/* The row's name in lower case ("json_syntax"); never NULL. */
const char *co_status_name(enum co_status status);
/* The row's sentence for people; never NULL. */
const char *co_status_text(enum co_status status);
enum co_class co_status_class(enum co_status status);

/* Return from the enclosing function when `expr` is not CO_OK. */
#define CO_TRY(expr)                            \
	do {                                        \
		enum co_status co_try_status_ = (expr); \
		if (co_try_status_ != CO_OK)            \
			return co_try_status_;              \
	} while (0)

#endif
