#include "checkout/error.h"

#include <stdarg.h>
#include <stdio.h>

void co_error_set(struct co_error *error, const char *path, const char *format, ...)
{
	va_list arguments;

	if (!error || error->text[0])
		return;
	(void)snprintf(error->path, sizeof(error->path), "%s", path ? path : "");
	va_start(arguments, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
}
