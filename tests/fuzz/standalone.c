/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Replays a corpus through a fuzz target, without libFuzzer: each file of the
 * folders that are named, or each file named, is one case of TAP.  Beside the
 * file itself, it is tried cut off at some lengths.
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

#define INPUT_MAX (16 * 1024 * 1024)

/* At how many lengths an input is cut off. */
#define CUTOFFS 64

static int cases;
static int failures;

/* Each try gets memory of just its length, so that a read behind it shows. */
static int
try(const unsigned char *p, size_t n)
{
	unsigned char *copy = malloc(n ? n : 1);
	int r;

	if (copy == NULL)
		return -1;
	memcpy(copy, p, n);
	r = LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	return r;
}

/* The content of a file of at most INPUT_MAX bytes; NULL if there is none. */
static unsigned char *
slurp(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	unsigned char *p = malloc(INPUT_MAX);

	if (f != NULL && p != NULL) {
		*ret_n = fread(p, 1, INPUT_MAX, f);
		if (!ferror(f) && fgetc(f) == EOF) {
			(void)fclose(f);
			return p;
		}
	}
	if (f != NULL)
		(void)fclose(f);
	free(p);
	return NULL;
}

static void
replay(const char *path)
{
	unsigned char *p;
	size_t n = 0, step;
	int bad = 0;

	if ((p = slurp(path, &n)) == NULL) {
		bad = 1;
	} else {
		bad |= try(p, n);
		step = n / CUTOFFS + 1;
		for (size_t i = 0; i < n; i += step)
			bad |= try(p, i);
	}
	free(p);
	failures += bad != 0;
	printf("%sok %d - %s\n", bad ? "not " : "", ++cases, path);
	(void)fflush(stdout);
}

static void
replay_folder(const char *folder)
{
	struct dirent **names;
	char path[4096];
	int n = scandir(folder, &names, NULL, alphasort);

	if (n < 0) {
		replay(folder);
		return;
	}
	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
		               names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			replay(path);
		free(names[i]);
	}
	free(names);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay_folder(argv[i]);
	printf("1..%d\n", cases);
	return cases == 0 || failures > 0;
}
