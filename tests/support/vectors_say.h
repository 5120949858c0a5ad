/* Sentences about a step that does not hold: which, what, expected, got. Each is to be freed; NULL: it holds. */
#ifndef CO_VECTORS_SAY_H
#define CO_VECTORS_SAY_H

#include "vectors.h"

char *co_vectors_differs(const struct co_vector_case *of, size_t step, const char *what, const char *expected,
						 const char *got);
char *co_vectors_wrong(const struct co_vector_case *of, size_t step, const char *what, const char *expected,
					   struct co_view got);
/* NULL when they are equal. */
char *co_vectors_wrong_json(const struct co_vector_case *of, size_t step, const char *what, const json_t *expected,
							const json_t *got);
char *co_vectors_wrong_text(const struct co_vector_case *of, size_t step, const char *what, const char *expected,
							const json_t *got);

#define TRY(expression)                \
	do {                               \
		char *failure_ = (expression); \
		if (failure_)                  \
			return failure_;           \
	} while (0)

#endif
