/* Protections that the simulation's own build of the lane switches off, one at a time, to prove that it would notice
 * (tests/simulation/mutants.def). In every other build CO_MUTANT(…) is 0 and nothing of it is left. */
#ifndef CHECKOUT_APP_MUTANT_H
#define CHECKOUT_APP_MUTANT_H

#ifdef CO_MUTANTS
#include "mutants.h"
#define CO_MUTANT(name) (co_mutant == CO_MUTANT_##name)
#else
#define CO_MUTANT(name) 0
#endif

#endif
