/* Which protection is switched off in this run. Only builds for tests see this header (include/checkout/mutant.h): the
 * simulation's own of the lane, and session-worker-mutant; no product build holds any of it. */
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
