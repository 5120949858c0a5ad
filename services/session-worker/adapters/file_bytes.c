#include "file_bytes.h"

#include "checkout/file.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *read_open(int file, size_t bytes_max, struct co_view *out)
{
	struct stat about;
	char *bytes;
	size_t cap;
	ssize_t len;

	if (fstat(file, &about) != 0)
		return strerror(errno);
	if (!S_ISREG(about.st_mode))
		return "not a regular file";
	if (about.st_size < 0 || (size_t)about.st_size > bytes_max)
		return "the file is too large";
	/* One byte more than it should have: that it grew meanwhile must not go unnoticed. */
	cap = (size_t)about.st_size + 1;
	bytes = OPENSSL_malloc(cap + 1);
	if (!bytes)
		return "out of memory";
	len = co_file_fill(file, bytes, cap);
	if (len < 0 || (size_t)len == cap) {
		const char *reason = len < 0 ? strerror(errno) : "the file grew while it was read";

		OPENSSL_clear_free(bytes, cap + 1);
		return reason;
	}
	bytes[len] = '\0';
	*out = co_view_make(bytes, (size_t)len);
	return NULL;
}

const char *co_file_bytes_read(const char *path, size_t bytes_max, struct co_view *out)
{
	/* Non-blocking: opening a pipe would wait for its writer. */
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *reason;

	*out = co_view_make(NULL, 0);
	if (file < 0)
		return strerror(errno);
	reason = read_open(file, bytes_max, out);
	(void)close(file); /* nothing was written: there is nothing to lose */
	return reason;
}

void co_file_free(struct co_view *bytes)
{
	OPENSSL_clear_free((char *)(uintptr_t)bytes->ptr, bytes->len);
	*bytes = co_view_make(NULL, 0);
}
