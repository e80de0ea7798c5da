/* SPDX-License-Identifier: Apache-2.0 */

/* Extended attributes, POSIX ACLs among them, in one sorted spelling. */

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "vault/intake.h"

#define LIST_MAX  (64 * KiB)
#define VALUE_MAX (64 * KiB)

static int
cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static err
add_one(int fd, const char *name, char *value, struct buf *b)
{
	ssize_t n = fgetxattr(fd, name, value, VALUE_MAX);

	if (n < 0) {
		/* Gone meanwhile, or not for us to read. */
		if (errno == ENODATA || errno == EPERM || errno == EACCES ||
		    errno == EOPNOTSUPP)
			return OK;
		return err_sys("attribute '%s'", name);
	}
	buf_varint(b, strlen(name));
	buf_str(b, name);
	buf_varint(b, (uint64_t)n);
	buf_add(b, value, (size_t)n);
	return OK;
}

err
xattrs_read(int fd, struct buf *b)
{
	AUTO(free_ptr) char *list = NULL;
	AUTO(free_ptr) char **names = NULL;
	ssize_t n = flistxattr(fd, NULL, 0);
	size_t count = 0, cap = 0;
	err e;

	/* Nearly every file has none. */
	if (n == 0 || (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)))
		return OK;
	if ((e = mem_alloc(LIST_MAX + VALUE_MAX, 1, &list)).code)
		return e;
	if ((n = flistxattr(fd, list, LIST_MAX)) < 0)
		return err_sys("attributes");
	for (char *p = list; p < list + n; p += strlen(p) + 1) {
		if ((e = mem_grow(&names, count + 1, &cap, sizeof(*names)))
		        .code)
			return e;
		names[count++] = p;
	}
	if (count > 1)
		qsort(names, count, sizeof(*names), cmp);
	for (size_t i = 0; i < count; i++)
		if ((e = add_one(fd, names[i], list + LIST_MAX, b)).code)
			return e;
	return buf_done(b);
}
