#include "checkout/file.h"

#include <errno.h>
#include <unistd.h>

ssize_t co_file_fill(int file, char *bytes, size_t bytes_max)
{
	size_t len = 0;

	while (len < bytes_max) {
		ssize_t got = read(file, bytes + len, bytes_max - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}
