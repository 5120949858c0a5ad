/* Reading from a file that is open already.
 * Owns nothing. Never opens, closes or seeks. */
#ifndef CHECKOUT_FILE_H
#define CHECKOUT_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Up to `bytes_max` bytes, until the end of the file; signals do not cut it short. How many it read, or -1: errno says
 * why, and what is in `bytes` is of no use. May block. */
ssize_t co_file_fill(int file, char *bytes, size_t bytes_max);

#endif
