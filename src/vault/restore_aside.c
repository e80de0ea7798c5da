/* SPDX-License-Identifier: Apache-2.0 */

/* Keeping aside what a restore replaces, under the path that it had. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "vault/restore.h"

/* Open the directory above ${path} below ${root}, making what is missing. */
err
restore_parent(int root, const char *path, bool make, int *ret)
{
	AUTO(free_ptr) char *copy = NULL;
	char *slash;
	err e;

	if ((e = mem_dup(path, strlen(path), &copy)).code)
		return e;
	if ((slash = strrchr(copy, '/')) == NULL) {
		*ret = fcntl(root, F_DUPFD_CLOEXEC, 3);
		return *ret < 0 ? err_sys("directory") : OK;
	}
	*slash = '\0';
	if (make && (e = fs_mkdirs(root, copy, 0700)).code)
		return e;
	return fs_open_beneath(root, copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC,
	                       0, ret);
}

/* Where replaced files go; on the file system of the target if need be. */
static err
open_displaced(struct restore *r, bool near, int *ret)
{
	AUTO(buf_release) struct buf b = BUF_MAX(8 * KiB);
	err e;

	if (!near && r->opts->displaced != NULL)
		buf_str(&b, r->opts->displaced);
	else
		buf_fmt(&b, "%s/.casemate-displaced-%.12s", r->opts->target,
		        digest_str(&r->snap->id));
	if ((e = fs_mkdirs(AT_FDCWD, buf_cstr(&b), 0700)).code)
		return e;
	*ret = open(buf_cstr(&b), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret < 0)
		return err_sys("'%s'", buf_cstr(&b));
	free(r->report->displaced_dir);
	r->report->displaced_dir = strdup(buf_cstr(&b));
	return OK;
}

/* Move (or, for a file about to be replaced, link) ${name} aside. */
static err
displace_to(struct restore *r, int dir, const char *name, const char *path,
            bool keep, bool near)
{
	AUTO(close_fd) int root = -1;
	AUTO(close_fd) int parent = -1;
	AUTO(buf_release) struct buf b = BUF_MAX(8 * KiB);
	err e;

	if ((e = open_displaced(r, near, &root)).code ||
	    (e = restore_parent(root, path, true, &parent)).code)
		return e;
	for (unsigned n = 0; n < 10000; n++) {
		int done;

		buf_clear(&b);
		buf_str(&b, name);
		if (n > 0)
			buf_fmt(&b, ".%u", n);
		if (keep)
			done = linkat(dir, name, parent, buf_cstr(&b), 0);
		else
			done = renameat2(dir, name, parent, buf_cstr(&b),
			                 RENAME_NOREPLACE);
		if (done == 0) {
			r->report->displaced++;
			return fs_sync(parent);
		}
		if (errno != EEXIST)
			return err_sys("keeping the old one aside");
	}
	return err_new(E_EXISTS, "too many old ones kept aside");
}

err
restore_displace(struct restore *r, int dir, const char *name, const char *path,
                 bool keep)
{
	struct stat there, here;
	bool near = r->opts->displaced == NULL;
	struct buf up = BUF_MAX(8 * KiB);
	const char *probe;

	/* A rename stays on one file system. */
	if (!near) {
		(void)mkdir(r->opts->displaced, 0700);
		probe = r->opts->displaced;
		if (stat(probe, &there) != 0) {
			buf_fmt(&up, "%s", r->v->state_dir);
			probe = buf_cstr(&up);
			near = stat(probe, &there) != 0;
		}
		near = near || fstat(dir, &here) != 0 ||
		    here.st_dev != there.st_dev;
		buf_release(&up);
	}
	return displace_to(r, dir, name, path, keep, near);
}
