/* Which protection is switched off in this run of the simulation. Only the simulation's own build of the lane sees this
 * header (services/session-worker/app/mutant.h); no product build holds any of it. */
#ifndef CO_MUTANTS_H
#define CO_MUTANTS_H

enum co_mutant_id {
	CO_MUTANT_NONE,
#define CO_MUTANT_ROW(name, first, seeds, text) CO_MUTANT_##name,
#include "mutants.def"
#undef CO_MUTANT_ROW
	CO_MUTANT_COUNT
};

extern enum co_mutant_id co_mutant;

#endif
