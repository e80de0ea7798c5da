/* SPDX-License-Identifier: Apache-2.0 */

/* Making files, and giving them their metadata. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/time.h"
#include "vault/restore.h"

/* Attributes that only the system or root may set are no loss elsewhere. */
static bool
may_miss(const char *name)
{
	return strncmp(name, "user.", 5) != 0 &&
	    strncmp(name, "system.posix_acl_", 17) != 0;
}

static err
set_xattrs(int fd, const struct tree_entry *e)
{
	struct cur c = CUR(e->xattrs, e->xattrs_len);
	char name[256];

	while (c.left > 0) {
		size_t n = (size_t)cur_varint(&c);
		const uint8_t *k = cur_bytes(&c, n);
		size_t m = (size_t)cur_varint(&c);
		const uint8_t *v = cur_bytes(&c, m);

		if (c.bad || n == 0 || n >= sizeof(name) || k == NULL)
			return err_new(E_CORRUPT, "damaged attributes");
		memcpy(name, k, n);
		name[n] = '\0';
		if (fsetxattr(fd, name, v != NULL ? v : (const void *)"", m,
		              0) != 0 &&
		    !may_miss(name))
			return err_sys("attribute '%s'", name);
	}
	return OK;
}

static void
times_of(const struct tree_entry *e, struct timespec ts[2])
{
	int64_t s = e->mtime_ns / NS_PER_S, ns = e->mtime_ns % NS_PER_S;

	if (ns < 0) {
		ns += NS_PER_S;
		s--;
	}
	ts[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
	ts[1] = (struct timespec){ .tv_sec = s, .tv_nsec = ns };
}

err
restore_meta(int fd, int name_fd, const char *name, const struct tree_entry *e,
             bool owners)
{
	struct timespec ts[2];
	err er;

	times_of(e, ts);
	if (fd < 0) {
		if (owners &&
		    fchownat(name_fd, name, e->uid, e->gid,
		             AT_SYMLINK_NOFOLLOW) != 0)
			return err_sys("owner");
		if (e->type != ENTRY_SYMLINK &&
		    fchmodat(name_fd, name, e->mode, 0) != 0)
			return err_sys("mode");
		if (utimensat(name_fd, name, ts, AT_SYMLINK_NOFOLLOW) != 0)
			return err_sys("times");
		return OK;
	}
	/* Owner first: changing it clears set-id bits. */
	if (owners && fchown(fd, e->uid, e->gid) != 0)
		return err_sys("owner");
	if (e->xattrs_len > 0 && (er = set_xattrs(fd, e)).code)
		return er;
	if (fchmod(fd, e->mode) != 0)
		return err_sys("mode");
	if (futimens(fd, ts) != 0)
		return err_sys("times");
	return OK;
}

static err
make_socket(int dir, const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char link[32];
	int s, n;

	/* bind() knows no directory descriptors: go by way of /proc. */
	n = snprintf(link, sizeof(link), "/proc/self/fd/%d/", dir);
	if ((size_t)n + strlen(name) >= sizeof(sa.sun_path))
		return err_new(E_LIMIT, "name too long for a socket");
	memcpy(sa.sun_path, link, (size_t)n);
	memcpy(sa.sun_path + n, name, strlen(name) + 1);
	if ((s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return err_sys("socket");
	if (bind(s, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		err e = err_sys("socket");

		(void)close(s);
		return e;
	}
	(void)close(s);
	return OK;
}

static err
make_other(int dir, const struct tree_entry *e, const char *name)
{
	char target[4096];
	mode_t kind;

	switch (e->type) {
	case ENTRY_SYMLINK:
		if (e->target_len >= sizeof(target) || e->target_len == 0 ||
		    memchr(e->target, '\0', e->target_len) != NULL)
			return err_new(E_CORRUPT, "impossible link target");
		memcpy(target, e->target, e->target_len);
		target[e->target_len] = '\0';
		if (symlinkat(target, dir, name) != 0)
			return err_sys("link");
		return OK;
	case ENTRY_SOCKET:
		return make_socket(dir, name);
	case ENTRY_FIFO:
		kind = S_IFIFO;
		break;
	case ENTRY_CHAR:
		kind = S_IFCHR;
		break;
	default:
		kind = S_IFBLK;
		break;
	}
	if (mknodat(dir, name, kind | 0600,
	            makedev(e->rdev_major, e->rdev_minor)) != 0)
		return err_sys("special file");
	return OK;
}

err
restore_other(const struct restore *r, int dir, const struct tree_entry *e,
              const char *name)
{
	err er = make_other(dir, e, name);

	return er.code ? er : restore_meta(-1, dir, name, e, r->owners);
}

void
rfile_fail(struct rfile *f, err e)
{
	pthread_mutex_lock(f->lock);
	err_keep(&f->error, e);
	pthread_mutex_unlock(f->lock);
	atomic_store(&f->failed, true);
}

void
rfile_refused(struct restore *r, struct rfile *f, err e)
{
	atomic_store(&r->unwritable, true);
	rfile_fail(f, e);
}

void
rfile_finish(struct restore *r, struct rfile *f)
{
	const char *name = f->temp != NULL ? f->temp : f->name;
	int fd;
	err e = OK;

	if (f->failed)
		return;
	fd = openat(f->dir->fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		rfile_refused(r, f, err_sys("cannot be written"));
		return;
	}
	if (ftruncate(fd, (off_t)f->meta.size) != 0) {
		e = err_sys("size");
		atomic_store(&r->unwritable, true);
	}
	if (!e.code)
		e = restore_meta(fd, -1, NULL, &f->meta, r->owners);
	(void)close(fd);
	if (e.code)
		rfile_fail(f, e);
}

void
batch_clear(struct batch *b)
{
	for (size_t i = 0; i < b->nfiles; i++) {
		struct rfile *f = &b->files[i];

		dirref_drop(f->dir);
		free(f->path);
		free(f->temp);
		free(f->enc);
		err_drop(f->error);
	}
	b->nfiles = b->nwants = 0;
}
