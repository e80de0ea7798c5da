/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A directory as a store; FORMAT.md has its layout, place.c how objects get
 * into it.  What else holds:
 *
 *  1. Everything happens below the descriptor of the root, taken at open: what
 *     is mounted or renamed over its path later is never written to.
 *  2. No marker, no store: an empty mount point is neither read nor written.
 *     The marker is the last thing that store_create() makes.
 *  3. "It is not there" is said only while the marker is still seen; a medium
 *     that went away is unreachable, not empty.
 *  4. A listing sees every object, or ends with an error, and OK means that
 *     what it has shown survives power loss.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fs.h"
#include "base/mem.h"
#include "store/dir.h"
#include "store/place.h"

/* The newest layout that this program knows; see FORMAT.md. */
#define FORMAT_NEWEST 1

#define MARKER_TEXT                                                            \
	"casemate store\n"                                                     \
	"format 1\n"                                                           \
	"compat 0\n"                                                           \
	"ro-compat 0\n"                                                        \
	"incompat 0\n"

static void dir_close(void *k);

static void
dir_auto(struct dir **d)
{
	if (*d != NULL)
		dir_close(*d);
}

static void
close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

/* ---- what errors say ---- */

static const char *
advice(enum err_code code)
{
	switch (code) {
	case E_NOSPACE:
		return "; free space there, then run again";
	case E_DENIED:
		return "; see who may write there, and whether it is mounted "
		       "read-only";
	case E_IO:
		return "; look at the health of the disk, then run again";
	default:
		return "";
	}
}

/* Say of which object ${e} tells, and what to do; see invariant 3. */
static err
of_object(const struct dir *d, const char *name, err e)
{
	struct stat st;
	err out;

	if (e.code == E_OK)
		return e;
	if ((e.code == E_NOTFOUND || e.code == E_IO) &&
	    fstatat(d->root, DIR_MARKER, &st, AT_SYMLINK_NOFOLLOW) != 0)
		out = err_new(E_UNREACHABLE,
		              "'%s': the store went away; mount its disk "
		              "again, then run again",
		              name);
	else if (e.code == E_NOTFOUND)
		out = err_new(E_NOTFOUND, "'%s' is not there", name);
	else
		out = err_new(e.code, "'%s': %s%s", name, err_text(e),
		              advice(e.code));
	err_drop(e);
	return out;
}

/* ---- the marker ---- */

/* Step over "${word} " in ${*s} and return the number behind it, or -1. */
static long long
marker_line(const char **s, const char *word, int base)
{
	size_t n = strlen(word);
	long long v;
	char *end;

	if (strncmp(*s, word, n) != 0 || (*s)[n] != ' ')
		return -1;
	errno = 0;
	v = strtoll(*s + n + 1, &end, base);
	if (errno != 0 || end == *s + n + 1 || *end != '\n' || v < 0)
		return -1;
	*s = end + 1;
	return v;
}

static err
marker_parse(const char *s, bool *ret_read_only)
{
	static const char magic[] = "casemate store\n";
	long long format, compat, ro, in;

	if (strncmp(s, magic, sizeof(magic) - 1) != 0)
		return err_new(E_INVALID,
		               "its file '" DIR_MARKER "' is none of ours");
	s += sizeof(magic) - 1;
	if ((format = marker_line(&s, "format", 10)) < 1)
		return err_new(E_CORRUPT,
		               "its file '" DIR_MARKER "' is damaged; take "
		               "it from another copy of the store");
	if (format > FORMAT_NEWEST)
		return err_new(E_UNSUPPORTED,
		               "it has layout %lld, this program knows up to "
		               "%d; use a newer casemate",
		               format, FORMAT_NEWEST);
	if ((compat = marker_line(&s, "compat", 16)) < 0 ||
	    (ro = marker_line(&s, "ro-compat", 16)) < 0 ||
	    (in = marker_line(&s, "incompat", 16)) < 0)
		return err_new(E_CORRUPT,
		               "its file '" DIR_MARKER "' is damaged; take "
		               "it from another copy of the store");
	if (in != 0)
		return err_new(E_UNSUPPORTED,
		               "it needs features %llx that this program does "
		               "not know; use a newer casemate",
		               in);
	*ret_read_only = ro != 0;
	return OK;
}

static err
marker_read(struct dir *d, const char *path)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4 * KiB);
	err e;

	e = fs_read(d->root, DIR_MARKER, &b);
	if (e.code == E_NOTFOUND) {
		err_drop(e);
		return err_new(E_INVALID,
		               "'%s' is no store: it has no file "
		               "'" DIR_MARKER "'; mount the disk that holds "
		               "the store, or make one there",
		               path);
	}
	if (e.code == E_OK)
		e = marker_parse(buf_cstr(&b), &d->read_only);
	return err_in(e, "'%s'", path);
}

/* ---- open and create ---- */

/* Set ${*ret} to the path that a file:// URL, or a path, means. */
static err
path_of_url(const char *url, char **ret)
{
	static const char scheme[] = "file://";
	AUTO(free_ptr) char *path = NULL;
	const char *s = url;
	char *out;
	err e;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return mem_dup(url, strlen(url), ret);
	s += sizeof(scheme) - 1;
	if (s[0] != '/')
		return err_new(E_INVALID,
		               "'%s' names a host; a file URL has three "
		               "slashes, as in file:///mnt/vault",
		               url);
	if ((e = mem_dup(s, strlen(s), &path)).code)
		return e;
	for (out = path; *s != '\0'; s++, out++) {
		*out = *s;
		if (*s != '%')
			continue;
		if (!hex_decode(s + 1, 1, out) || *out == '\0')
			return err_new(E_INVALID,
			               "'%s' has a stray %%; write it as %%25",
			               url);
		s += 2;
	}
	*out = '\0';
	*ret = take(path);
	return OK;
}

/* May a store be made here?  What mkfs or a broken-off create left is fine. */
static err
check_empty(const struct dir *d, const char *path)
{
	static const char *const fine[] = { ".", "..", "lost+found", "tmp" };
	AUTO(close_dir) DIR *dir = NULL;
	AUTO(close_fd) int fd = -1;
	struct dirent *ent;

	fd = openat(d->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (dir = fdopendir(fd)) == NULL)
		return err_sys("listing '%s'", path);
	fd = -1;
	while (errno = 0, (ent = readdir(dir)) != NULL) {
		bool ok = false;

		for (size_t i = 0; i < ARRAY_LEN(fine); i++)
			ok |= strcmp(ent->d_name, fine[i]) == 0;
		if (strcmp(ent->d_name, DIR_MARKER) == 0)
			return err_new(E_EXISTS, "'%s' is a store already",
			               path);
		if (!ok)
			return err_new(E_EXISTS,
			               "'%s' is not empty; name a new or an "
			               "empty directory",
			               path);
	}
	if (errno != 0)
		return err_sys("listing '%s'", path);
	return OK;
}

/* Open "tmp"; a copy of a store may lack it. */
static err
open_tmp(struct dir *d)
{
	err e;

	e = fs_open_beneath(d->root, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC,
	                    0, &d->tmp);
	if (e.code != E_NOTFOUND)
		return err_in(e, "opening 'tmp'");
	err_drop(e);
	if (mkdirat(d->root, "tmp", d->dir_mode) != 0 && errno != EEXIST)
		return err_sys("making the directory 'tmp'");
	return err_in(fs_open_beneath(d->root, "tmp",
	                              O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
	                              &d->tmp),
	              "opening 'tmp'");
}

/* Fill the empty root; the marker comes last: what lacks it is no store. */
static err
fill_root(struct dir *d)
{
	err e;

	/* A create that broke off may have made the root and not synced it. */
	e = fs_sync_dir(d->root, "..");
	if (e.code && e.code != E_DENIED)
		return e;
	err_drop(e);
	if ((e = open_tmp(d)).code || (e = fs_sync_dir(d->root, ".")).code)
		return e;
	return place_put(d, DIR_MARKER, MARKER_TEXT, strlen(MARKER_TEXT),
	                 false);
}

static err
open_root(struct dir *d, const char *path)
{
	struct stat st;

	d->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->root < 0 && errno == ENOENT)
		return err_new(E_NOTFOUND,
		               "nothing is at '%s'; mount the disk that holds "
		               "the store, or make one there",
		               path);
	if (d->root < 0 || fstat(d->root, &st) != 0)
		return err_sys("opening '%s'", path);

	/* Whom the owner of the root lets in may use what we make below it. */
	d->dir_mode = st.st_mode & 07777;
	d->file_mode = st.st_mode & 0444;
	return OK;
}

static err
dir_open(const char *url, bool create, void **ret)
{
	AUTO(dir_auto) struct dir *d = NULL;
	AUTO(free_ptr) char *path = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*d), &d)).code)
		return e;
	d->root = d->tmp = -1;
	(void)pthread_mutex_init(&d->lock, NULL);
	if ((e = fdcache_new(&d->fds)).code ||
	    (e = path_of_url(url, &path)).code)
		return e;
	if (create && (e = fs_mkdirs(AT_FDCWD, path, 0700)).code)
		return err_in(e, "making '%s'", path);
	if ((e = open_root(d, path)).code)
		return e;

	if (create) {
		if ((e = check_empty(d, path)).code)
			return e;
		e = fill_root(d);
	} else {
		if ((e = marker_read(d, path)).code)
			return e;
		e = open_tmp(d);
	}
	if (e.code)
		return err_in(e, "'%s'", path);
	if (!d->read_only)
		place_sweep(d);
	*ret = take(d);
	return OK;
}

static void
dir_close(void *k)
{
	struct dir *d = k;

	fdcache_free(d->fds);
	close_fd(&d->tmp);
	close_fd(&d->root);
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
}

/* ---- put and delete ---- */

static err
may_write(const struct dir *d, const char *name)
{
	if (!d->read_only)
		return OK;
	return err_new(E_UNSUPPORTED,
	               "'%s': a newer casemate made this store, this one may "
	               "only read it; use the newer",
	               name);
}

static err
dir_put(void *k, const char *name, const void *p, size_t n, bool replace)
{
	struct dir *d = k;
	err e;

	if ((e = may_write(d, name)).code)
		return e;
	e = place_put(d, name, p, n, replace);
	if (replace)
		fdcache_forget(d->fds, name);
	if (e.code == E_NOTFOUND) {
		/* Only what is ours can be missing here. */
		err_drop(e);
		e = err_new(E_IO, "the store lost a directory meanwhile");
	}
	return of_object(d, name, e);
}

static err
remove_object(struct dir *d, const char *name)
{
	struct place at = place_of(name);
	AUTO(close_fd) int home = -1;
	struct stat st;
	err e;

	e = fs_open_beneath(d->root, at.home,
	                    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &home);
	if (e.code == E_OK && unlinkat(home, at.leaf, 0) != 0)
		e = err_sys("deleting");

	/* Not there is fine, if that is the store and not its absence. */
	if (e.code == E_NOTFOUND &&
	    fstatat(d->root, DIR_MARKER, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		err_drop(e);
		e = OK;
	}
	if (e.code == E_OK && home >= 0)
		e = err_in(fs_sync_dir(home, "."), "syncing its directory");
	return e;
}

static err
dir_delete(void *k, const char *name)
{
	struct dir *d = k;
	err e;

	if ((e = may_write(d, name)).code)
		return e;
	fdcache_forget(d->fds, name);
	return of_object(d, name, remove_object(d, name));
}

/* ---- get ---- */

static err
open_object(const struct dir *d, const char *name, int *ret_fd,
            uint64_t *ret_size)
{
	struct place at = place_of(name);
	AUTO(close_fd) int fd = -1;
	struct stat st;
	err e;

	/* A planted FIFO must not hang us. */
	if ((e = fs_open_beneath(d->root, at.path,
	                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	                         0, &fd))
	        .code)
		return e;
	if (fstat(fd, &st) != 0)
		return err_sys("opening");
	if (!S_ISREG(st.st_mode))
		return err_new(E_CORRUPT, "is no file; remove it");
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = fd;
	fd = -1;
	return OK;
}

static err
read_object(const struct dir *d, const char *name, struct buf *b)
{
	AUTO(close_fd) int fd = -1;
	uint64_t size;
	size_t got;
	uint8_t *p;
	err e;

	if ((e = open_object(d, name, &fd, &size)).code)
		return e;
	if (size > STORE_OBJECT_MAX || size > b->max - b->len)
		return err_new(E_LIMIT, "has %llu bytes, at most %zu may be",
		               (unsigned long long)size,
		               MIN(STORE_OBJECT_MAX, b->max - b->len));
	if ((p = buf_room(b, (size_t)size)) == NULL)
		return buf_done(b);
	if ((e = fs_pread_full(fd, p, (size_t)size, 0, &got)).code)
		return err_in(e, "reading");
	if (got != size)
		return err_new(E_CORRUPT, "became shorter while it was read");
	b->len += got;
	return OK;
}

static err
dir_get(void *k, const char *name, struct buf *b)
{
	return of_object(k, name, read_object(k, name, b));
}

static err
read_range(struct dir *d, const char *name, uint64_t off, size_t n, void *p)
{
	struct fdcache_loan loan;
	uint64_t size;
	size_t got = 0;
	int fd;
	err e;

	if (off > INT64_MAX - n)
		return err_new(E_CORRUPT, "is shorter than %llu + %zu bytes",
		               (unsigned long long)off, n);
	if (!fdcache_take(d->fds, name, &loan)) {
		if ((e = open_object(d, name, &fd, &size)).code)
			return e;
		loan = fdcache_add(d->fds, name, fd);
	}
	e = fs_pread_full(loan.fd, p, n, (off_t)off, &got);
	fdcache_return(d->fds, loan);
	if (e.code)
		return err_in(e, "reading");
	if (got < n)
		return err_new(E_CORRUPT, "is shorter than %llu + %zu bytes",
		               (unsigned long long)off, n);
	return OK;
}

static err
dir_get_range(void *k, const char *name, uint64_t off, size_t n, void *p)
{
	return of_object(k, name, read_range(k, name, off, n, p));
}

static err
dir_size(void *k, const char *name, uint64_t *ret)
{
	AUTO(close_fd) int fd = -1;

	return of_object(k, name, open_object(k, name, &fd, ret));
}

/* ---- list ---- */

/* Whom a listing tells, and of what. */
struct listing {
	struct dir *d;
	const char *kind;
	err (*fn)(const struct store_item *item, void *arg);
	void *arg;
};

static bool
is_fan(const char *name)
{
	uint8_t byte;

	return strlen(name) == 2 && hex_decode(name, 1, &byte);
}

static err
show_entry(const struct listing *l, int fd, const char *fan, const char *leaf)
{
	char name[STORE_NAME_MAX + 1];
	struct store_item item;
	struct place at;
	struct stat st;
	int n;

	/* Only a file that store_get() would find by its name is an object. */
	n = snprintf(name, sizeof(name), "%s/%s", l->kind, leaf);
	if (n < 0 || (size_t)n >= sizeof(name) || !store_name_ok(name))
		return OK;
	at = place_of(name);
	if (strcmp(at.fan, fan) != 0)
		return OK;
	if (fstatat(fd, leaf, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return OK;
		return err_sys("'%s'", name);
	}
	if (!S_ISREG(st.st_mode))
		return err_new(E_CORRUPT, "'%s' is no file; remove it", name);
	item = (struct store_item){
		.name = name,
		.size = (uint64_t)st.st_size,
		.changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
		    st.st_mtim.tv_nsec,
	};
	return l->fn(&item, l->arg);
}

static err
list_dir(const struct listing *l, const char *path, const char *fan)
{
	AUTO(close_dir) DIR *dir = NULL;
	AUTO(close_fd) int fd = -1;
	struct dirent *ent;
	struct stat st;
	err e;

	e = fs_open_beneath(l->d->root, path,
	                    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &fd);

	/* A kind without a directory has no objects, if the store is there. */
	if (e.code == E_NOTFOUND &&
	    fstatat(l->d->root, DIR_MARKER, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		err_drop(e);
		return OK;
	}
	if (e.code)
		return of_object(l->d, path, e);
	if ((dir = fdopendir(fd)) == NULL)
		return of_object(l->d, path, err_sys("listing"));
	fd = -1;
	while (errno = 0, (ent = readdir(dir)) != NULL) {
		const char *s = ent->d_name;
		bool down = fan[0] == '\0' && is_fan(s) &&
		    fstatat(dirfd(dir), s, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode);

		if (down) {
			char below[STORE_NAME_MAX + 4];

			(void)snprintf(below, sizeof(below), "%s/%.2s", path,
			               s);
			e = list_dir(l, below, s);
		} else {
			e = show_entry(l, dirfd(dir), fan, s);
		}
		if (e.code)
			return e;
	}
	if (errno != 0)
		return of_object(l->d, path, err_sys("listing"));
	return OK;
}

static err
dir_list(void *k, const char *kind,
         err (*fn)(const struct store_item *item, void *arg), void *arg)
{
	struct listing l = { .d = k, .kind = kind, .fn = fn, .arg = arg };
	err e;

	if ((e = list_dir(&l, kind, "")).code)
		return e;

	/* Names whose writer died before its sync were shown, too. */
	return of_object(k, kind, place_settle(k, kind));
}

/* ---- space ---- */

static err
dir_space(void *k, uint64_t *ret_free, uint64_t *ret_total)
{
	const struct dir *d = k;
	struct statvfs v;

	if (fstatvfs(d->root, &v) != 0)
		return err_sys("asking for free space");
	*ret_free = (uint64_t)v.f_bavail * v.f_frsize;
	*ret_total = (uint64_t)v.f_blocks * v.f_frsize;
	return OK;
}

const struct store_ops dir_ops = {
	.open = dir_open,
	.close = dir_close,
	.put = dir_put,
	.get = dir_get,
	.get_range = dir_get_range,
	.size = dir_size,
	.list = dir_list,
	.delete = dir_delete,
	.space = dir_space,
};
