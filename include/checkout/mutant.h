/* Protections that builds for tests switch off, one at a time, to prove that it would be noticed
 * (tests/simulation/mutants.def): the simulation's own build of the lane, and session-worker-mutant, the whole worker
 * for tests/integration/mutants_test.c. In every other build CO_MUTANT(…) is 0 and nothing of it is left: what only a
 * mutant calls is static inline, and named mutant_…, so that tests/gates/mutants.cmake would find it. */
#ifndef CHECKOUT_MUTANT_H
#define CHECKOUT_MUTANT_H

#ifdef CO_MUTANTS
#include "mutants.h"
#define CO_MUTANT(name) (co_mutant == CO_MUTANT_##name)
#else
#define CO_MUTANT(name) 0
#endif

#endif
