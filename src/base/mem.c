/* SPDX-License-Identifier: Apache-2.0 */

/* Allocation with overflow checks, and the cleanups of locals. */

#include <string.h>
#include <unistd.h>

#include "base/mem.h"

err
mem_alloc(size_t n, size_t size, void *ret)
{
	void *p;

	if ((p = calloc(n ? n : 1, size ? size : 1)) == NULL)
		return err_nomem();
	*(void **)ret = p;
	return OK;
}

err
mem_grow(void *p, size_t n, size_t *cap, size_t size)
{
	size_t want, bytes;
	void *q;

	if (n <= *cap)
		return OK;
	want = *cap < 8 ? 8 : *cap * 2;
	if (want < n)
		want = n;
	if (__builtin_mul_overflow(want, size, &bytes))
		return err_nomem();
	if ((q = realloc(*(void **)p, bytes)) == NULL)
		return err_nomem();
	*(void **)p = q;
	*cap = want;
	return OK;
}

err
mem_dup(const void *p, size_t n, char **ret)
{
	char *q;

	if ((q = malloc(n + 1)) == NULL)
		return err_nomem();
	if (n > 0)
		memcpy(q, p, n);
	q[n] = '\0';
	*ret = q;
	return OK;
}

void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
