/* Which protection session-worker-mutant goes without: CO_MUTANT=NAME in the environment. No name, or one of a
 * protection that the adapters do not switch, is refused: a mutant that is none would be a test that proves nothing. */
#include "checkout/mutant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum co_mutant_id co_mutant;

__attribute__((constructor)) static void choose_mutant(void)
{
	static const struct {
		const char *name;
		enum co_mutant_id id;
	} mutants[] = {
#define ROW(name) {#name, CO_MUTANT_##name}
		ROW(NO_CAS), ROW(GENERATION_AT_COMMIT), ROW(NO_RECYCLE_END), ROW(NO_RECYCLE_OFFSETS), ROW(OFFSETS_OUTSIDE),
#undef ROW
	};
	const char *wanted = getenv("CO_MUTANT");

	for (size_t i = 0; wanted && i < sizeof(mutants) / sizeof(*mutants); i++)
		if (strcmp(wanted, mutants[i].name) == 0)
			co_mutant = mutants[i].id;
	if (co_mutant != CO_MUTANT_NONE)
		return;
	(void)fprintf(stderr, "session-worker-mutant: CO_MUTANT=%s: no protection of the adapters has that name\n",
				  wanted ? wanted : "");
	_Exit(2);
}
