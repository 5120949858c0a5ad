/* Runs the fuzz target over the files named: the corpus as a plain test, with any compiler. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *name)
{
	static uint8_t room[1 << 20];
	FILE *file = fopen(name, "rb");
	uint8_t *exact;
	size_t size;

	if (!file) {
		perror(name);
		return 1;
	}
	size = fread(room, 1, sizeof room, file);
	fclose(file);
	/* a block of the input's own size, so that a sanitizer sees one byte too many */
	exact = malloc(size ? size : 1);
	if (!exact)
		return 1;
	for (size_t i = 0; i < size; i++)
		exact[i] = room[i];
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

int main(int count, char **names)
{
	int failures = 0;

	for (int i = 1; i < count; i++)
		failures += replay(names[i]);
	printf("%d inputs replayed, %d unreadable\n", count - 1, failures);
	return count < 2 || failures > 0;
}
