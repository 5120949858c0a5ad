#include "vectors_say.h"

#include "tk.h"

#include <stdlib.h>
#include <string.h>

/* "step 3 (id): what" + expected and got. */
char *co_vectors_differs(const struct co_vector_case *of, size_t step, const char *what, const char *expected,
						 const char *got)
{
	return co_tk_format("  step %zu (%s): %s\n    expected: %s\n    got:      %s", step,
						of->steps[step].id ? of->steps[step].id : "no id", what, expected, got);
}

char *co_vectors_wrong(const struct co_vector_case *of, size_t step, const char *what, const char *expected,
					   struct co_view got)
{
	char *shown = co_tk_show(got);
	char *text = co_vectors_differs(of, step, what, expected, shown);

	free(shown);
	return text;
}

char *co_vectors_wrong_json(const struct co_vector_case *of, size_t step, const char *what, const json_t *expected,
							const json_t *got)
{
	char *difference = co_tk_json_difference(expected, got);

	if (!difference)
		return NULL;
	char *text = co_tk_format("  step %zu (%s): %s differs at %s", step,
							  of->steps[step].id ? of->steps[step].id : "no id", what, difference);
	free(difference);
	return text;
}

char *co_vectors_wrong_text(const struct co_vector_case *of, size_t step, const char *what, const char *expected,
							const json_t *got)
{
	if (json_is_string(got) && strcmp(json_string_value(got), expected) == 0)
		return NULL;
	char *shown = co_tk_json_text(got);
	char *text = co_vectors_differs(of, step, what, expected, shown);
	free(shown);
	return text;
}
