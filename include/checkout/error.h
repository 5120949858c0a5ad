/* A bounded account of what went wrong, in the caller's storage. First write wins; no allocation. */
#ifndef CHECKOUT_ERROR_H
#define CHECKOUT_ERROR_H

struct co_error {
	char path[64];  /* a JSON pointer, configuration key or file position; "" when there is none */
	char text[256]; /* a sentence; "" while nothing went wrong */
};

/* Fill `error` unless it holds a text already. `error` may be NULL: then nothing happens. Both texts are cut to fit. */
void co_error_set(struct co_error *error, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
