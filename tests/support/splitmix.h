/* Random numbers for tests: the same from the same seed, on every machine.
 * Owns nothing; the state is the caller's. */
#ifndef CO_SPLITMIX_H
#define CO_SPLITMIX_H

#include <stdint.h>

/* splitmix64. Any state is a seed. */
static inline uint64_t splitmix_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0..count-1 */
static inline uint64_t splitmix_pick(uint64_t *state, uint64_t count)
{
	return splitmix_next(state) % count;
}

#endif
