/* A small file read whole: the registry and its key files.
 * Owns nothing; the caller frees what it got. Never waits for a writer: what is no regular file is refused. */
#ifndef CHECKOUT_ADAPTERS_FILE_BYTES_H
#define CHECKOUT_ADAPTERS_FILE_BYTES_H

#include <stddef.h>

#include "checkout/bytes.h"

/* NULL, and *out holds the file's bytes (co_file_free) with a NUL behind them; or a sentence that says why not, to be
 * used before the next call of this thread, and *out is absent. At most `bytes_max` bytes are read; a larger file is
 * refused. */
const char *co_file_bytes_read(const char *path, size_t bytes_max, struct co_view *out);
/* Wipes and frees. The absent view is fine. */
void co_file_free(struct co_view *bytes);

#endif
