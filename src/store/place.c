/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How an object gets into a directory store.  What holds at every instant, for
 * writers in any number of processes, each of which may be killed, and for a
 * power loss:
 *
 *  1. The bytes of an object are synced in a file of "tmp" before its name
 *     exists.  A name is made by link(2), which never replaces.
 *  2. The temp file bears the name of its object.  It outlives the moment when
 *     that name, and every directory made for it, is durable.  So a name or a
 *     directory that is visible and has no temp file survives power loss, and
 *     one that has a temp file is made durable by whoever relies on it: by a
 *     listing, by a put that finds the object there, by a put below the same
 *     directory.
 *  3. A name, once linked, is not taken back by a put that then fails: another
 *     writer may have found it, made it durable and acknowledged it.
 *  4. After a failed sync a file is never synced again and then believed.
 *  5. A temp file is locked while its writer lives.  A sweep takes only files
 *     that are a day old and that nobody locks, and settles their names first.
 */

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fs.h"
#include "base/mem.h"
#include "store/place.h"

/* Bytes between two nudges to the disk, and the size that needs them. */
#define WRITE_STEP MiB

/* Age, by the file system's times, at which a temp file is nobody's. */
#define SWEEP_AGE_S (24 * 60 * 60)

/* "kind,leaf,16 hex digits" and a terminator. */
#define TEMP_NAME (STORE_NAME_MAX + 19)

/* A file in "tmp" on its way. */
struct temp {
	struct dir *dir;
	int fd; /* -1 if there is none. */
	char name[TEMP_NAME];
	bool linked; /* Its inode may have the object's name, too. */
	bool keep;   /* Something visible is not durable: see invariant 2. */
};

struct place
place_of(const char *name)
{
	struct place at = { 0 };
	size_t n = strlen(name);
	const char *slash = strchr(name, '/');
	size_t kind = slash != NULL ? (size_t)(slash - name) : 0;
	size_t leaf = slash != NULL ? kind + 1 : 0;
	struct digest d;

	assert(n <= STORE_NAME_MAX);
	memcpy(at.name, name, n);
	memcpy(at.kind, name, kind);
	memcpy(at.leaf, name + leaf, n - leaf);
	if (slash != NULL && digest_parse(at.leaf, &d))
		memcpy(at.fan, at.leaf, 2);

	(void)snprintf(at.home, sizeof(at.home), "%s%s%s",
	               slash != NULL ? at.kind : ".", at.fan[0] ? "/" : "",
	               at.fan);
	(void)snprintf(at.path, sizeof(at.path), "%s%s%s%s%s", at.kind,
	               slash != NULL ? "/" : "", at.fan, at.fan[0] ? "/" : "",
	               at.leaf);
	return at;
}

static err
open_dir(const struct dir *d, const char *path, int *ret_fd)
{
	return fs_open_beneath(d->root, path,
	                       O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, ret_fd);
}

/* ---- what is on its way ---- */

/* Set ${*ret} to the place that the temp file ${file} is meant for. */
static bool
temp_parse(const char *file, struct place *ret)
{
	char name[TEMP_NAME];
	char *comma;

	if (strlen(file) >= sizeof(name))
		return false;
	memcpy(name, file, strlen(file) + 1);
	if ((comma = strrchr(name, ',')) == NULL || strlen(comma) != 17)
		return false;
	*comma = '\0';
	if ((comma = strchr(name, ',')) != NULL)
		*comma = '/';
	if (!store_name_ok(name) && strcmp(name, DIR_MARKER) != 0)
		return false;
	*ret = place_of(name);
	return true;
}

static void
close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

/* Call ${fn} for every temp file of ours, until it returns an error. */
static err
each_temp(struct dir *d,
          err (*fn)(struct dir *d, const char *file, const struct place *at,
                    void *arg),
          void *arg)
{
	AUTO(close_dir) DIR *dir = NULL;
	AUTO(close_fd) int fd = -1;
	struct dirent *ent;
	struct place at;
	err e;

	if ((e = open_dir(d, "tmp", &fd)).code)
		return e;
	if ((dir = fdopendir(fd)) == NULL)
		return err_sys("listing 'tmp'");
	fd = -1;
	while (errno = 0, (ent = readdir(dir)) != NULL)
		if (temp_parse(ent->d_name, &at) &&
		    (e = fn(d, ent->d_name, &at, arg)).code)
			return e;
	if (errno != 0)
		return err_sys("listing 'tmp'");
	return OK;
}

/* Make ${at}'s directories durable; those that do not exist are. */
static err
sync_home(const struct dir *d, const struct place *at)
{
	const char *const chain[] = { ".", at->kind, at->home };
	err e;

	for (size_t i = 0; i < ARRAY_LEN(chain); i++) {
		if (chain[i][0] == '\0' ||
		    (i == 2 && strcmp(at->home, at->kind) == 0))
			continue;
		e = fs_sync_dir(d->root, chain[i]);
		if (e.code == E_NOTFOUND) {
			err_drop(e);
			return OK;
		}
		if (e.code)
			return err_in(e, "syncing '%s'", chain[i]);
	}
	return OK;
}

static err
settle_one(struct dir *d, const char *file, const struct place *at, void *arg)
{
	const char *kind = arg;

	(void)file;
	if (strcmp(at->kind, kind) != 0)
		return OK;
	return sync_home(d, at);
}

err
place_settle(struct dir *d, const char *kind)
{
	char arg[STORE_NAME_MAX + 1];

	(void)snprintf(arg, sizeof(arg), "%s", kind);
	return each_temp(d, settle_one, arg);
}

static err
sweep_one(struct dir *d, const char *file, const struct place *at, void *arg)
{
	AUTO(close_fd) int fd = -1;
	const struct timespec *now = arg;
	struct stat st;

	if (fstatat(d->tmp, file, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) || now->tv_sec - st.st_mtime < SWEEP_AGE_S)
		return OK;
	fd = openat(d->tmp, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 ||
	    (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK))
		return OK;

	/* It is the only mark of a name that may not be durable. */
	err e = sync_home(d, at);
	if (e.code == E_OK)
		(void)unlinkat(d->tmp, file, 0);
	err_drop(e);
	return OK;
}

void
place_sweep(struct dir *d)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	err_drop(each_temp(d, sweep_one, &now));
}

/* ---- temp files ---- */

static void
temp_drop(struct temp *t)
{
	if (t->fd < 0)
		return;
	if (!t->keep)
		(void)unlinkat(t->dir->tmp, t->name, 0);
	else if (!t->linked && ftruncate(t->fd, 0) != 0) {
		/* It is a mark of doubt only; its bytes merely take space. */
	}
	close_fd(&t->fd);
}

static err
temp_make(struct dir *d, const struct place *at, struct temp *t)
{
	uint64_t r;
	char *slash;
	int fd;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return err_sys("asking for random bytes");
	(void)snprintf(t->name, sizeof(t->name), "%s,%016llx", at->name,
	               (unsigned long long)r);
	if ((slash = strchr(t->name, '/')) != NULL)
		*slash = ',';
	fd = openat(d->tmp, t->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	            d->file_mode);

	/* E_EXISTS would say that the object is stored. */
	if (fd < 0 && errno == EEXIST)
		return err_new(E_BUSY, "its name in 'tmp' is taken; run again");
	if (fd < 0)
		return err_sys("making a file in 'tmp'");
	t->dir = d;
	t->fd = fd;

	/* Where the file system has no locks, a sweep goes by age alone. */
	(void)flock(fd, LOCK_EX | LOCK_NB);

	/* The mask of this process must not shut out who shares the store. */
	(void)fchmod(fd, d->file_mode);
	return OK;
}

/* Write and sync the bytes; large ones leave the page cache to others. */
static err
temp_fill(const struct temp *t, const void *p, size_t n)
{
	const uint8_t *bytes = p;
	err e;

	for (size_t done = 0, step; done < n; done += step) {
		step = MIN(n - done, WRITE_STEP);
		if ((e = fs_pwrite_full(t->fd, bytes + done, step, (off_t)done))
		        .code)
			return err_in(e, "writing");
		if (n > WRITE_STEP)
			(void)sync_file_range(t->fd, (off_t)done, (off_t)step,
			                      SYNC_FILE_RANGE_WRITE);
	}
	if ((e = fs_sync(t->fd)).code)
		return err_in(e, "syncing");
	if (n > WRITE_STEP)
		(void)posix_fadvise(t->fd, 0, 0, POSIX_FADV_DONTNEED);
	return OK;
}

/* ---- directories ---- */

/* Look up, or mark, the directories of ${at} as durable. */
static bool
proven(struct dir *d, const struct place *at, bool mark)
{
	struct dir_proven *p = NULL;
	uint8_t fan = 0;
	bool known = false;

	if (at->kind[0] == '\0')
		return true;
	(void)pthread_mutex_lock(&d->lock);
	for (unsigned i = 0; i < d->n_proven && p == NULL; i++)
		if (strcmp(d->proven[i].kind, at->kind) == 0)
			p = &d->proven[i];
	if (p == NULL && mark && d->n_proven < DIR_KINDS) {
		p = &d->proven[d->n_proven++];
		memcpy(p->kind, at->kind, sizeof(p->kind));
	}
	if (p != NULL && at->fan[0] == '\0') {
		p->direct |= mark;
		known = p->direct;
	} else if (p != NULL && hex_decode(at->fan, 1, &fan)) {
		p->fan[fan / 8] |= (uint8_t)(mark ? 1u << fan % 8 : 0);
		known = p->fan[fan / 8] >> fan % 8 & 1;
	}
	(void)pthread_mutex_unlock(&d->lock);
	return known;
}

static err
make_dir(const struct dir *d, const char *path)
{
	if (mkdirat(d->root, path, d->dir_mode) != 0) {
		if (errno == EEXIST)
			return OK;
		return err_sys("making the directory '%s'", path);
	}

	/* As with files; a file system may have no modes. */
	if (fchmodat(d->root, path, d->dir_mode, 0) != 0 && errno != EPERM &&
	    errno != EOPNOTSUPP)
		return err_sys("opening the directory '%s' to others", path);
	return OK;
}

struct others {
	const char *kind;
	const char *mine; /* The name of our temp file. */
	bool found;
};

static err
see_other(struct dir *d, const char *file, const struct place *at, void *arg)
{
	struct others *o = arg;

	(void)d;
	if (strcmp(at->kind, o->kind) == 0 && strcmp(file, o->mine) != 0)
		o->found = true;
	return OK;
}

/*
 * Open the directory of ${at} into ${*ret_fd}, making what is missing; it is
 * durable in its parents then.  ${t} stands for what is not, meanwhile.
 */
static err
home_open(struct dir *d, const struct place *at, struct temp *t, int *ret_fd)
{
	AUTO(close_fd) int fd = -1;
	struct others o = { .kind = at->kind, .mine = t->name };
	err e;

	e = open_dir(d, at->home, &fd);
	if (e.code == E_NOTFOUND) {
		err_drop(e);
		t->keep = o.found = true;
		if ((e = make_dir(d, at->kind)).code ||
		    (e = make_dir(d, at->home)).code)
			return e;
		e = open_dir(d, at->home, &fd);
	}
	if (e.code)
		return err_in(e, "opening '%s'", at->home);

	/* Another writer made it, perhaps, and has not synced it or died. */
	if (!o.found && !proven(d, at, false) &&
	    (e = each_temp(d, see_other, &o)).code)
		return e;
	if (o.found && (e = sync_home(d, at)).code)
		return e;
	t->keep = false;
	(void)proven(d, at, true);
	*ret_fd = fd;
	fd = -1;
	return OK;
}

/* ---- names ---- */

/* The object is there already: that is only true if it stays there. */
static err
found_there(const struct dir *d, const struct place *at)
{
	struct stat st;
	err e;

	if (fstatat(d->root, at->path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_sys("looking at what is there");
	if (!S_ISREG(st.st_mode))
		return err_new(E_CORRUPT,
		               "something that is no file stands in its place; "
		               "remove it");
	if ((e = sync_home(d, at)).code)
		return e;
	return err_new(E_EXISTS, "is stored already");
}

/*
 * Name the file where links do not exist (FAT, some network file systems): a
 * second, empty temp file stands for the name that the rename takes.
 */
static err
name_by_rename(struct temp *t, const struct place *at, int home)
{
	AUTO(temp_drop) struct temp mark = { .fd = -1 };
	err e;

	if ((e = temp_make(t->dir, at, &mark)).code)
		return e;
	if (renameat2(t->dir->tmp, t->name, home, at->leaf, RENAME_NOREPLACE) !=
	    0) {
		if (errno == EEXIST)
			return found_there(t->dir, at);
		if (errno == EINVAL || errno == ENOSYS)
			return err_new(E_UNSUPPORTED,
			               "its file system can neither link nor "
			               "rename without replacing; use another");
		return err_sys("naming it");
	}
	mark.keep = mark.linked = true;
	if ((e = fs_sync_dir(home, ".")).code)
		return err_in(e, "syncing its directory");
	mark.keep = false;
	return OK;
}

/* Give the synced file its name, durably. */
static err
name_file(struct temp *t, const struct place *at, int home, bool replace)
{
	struct stat st;
	err e;

	if (linkat(t->dir->tmp, t->name, home, at->leaf, 0) != 0) {
		if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS ||
		    errno == EMLINK) {
			e = name_by_rename(t, at, home);
			if (e.code != E_EXISTS || !replace)
				return e;
			err_drop(e);
		} else if (errno != EEXIST) {
			return err_sys("naming it");
		}

		/* NFS says so, too, of a link that it made and asked again. */
		if (fstat(t->fd, &st) != 0)
			return err_sys("looking at a file in 'tmp'");
		if (st.st_nlink < 2) {
			if (!replace)
				return found_there(t->dir, at);
			if (renameat(t->dir->tmp, t->name, home, at->leaf) != 0)
				return err_sys("replacing it");
		}
	}
	t->keep = t->linked = true;
	if ((e = fs_sync_dir(home, ".")).code)
		return err_in(e, "syncing its directory");
	t->keep = false;
	return OK;
}

err
place_put(struct dir *d, const char *name, const void *p, size_t n,
          bool replace)
{
	struct place at = place_of(name);
	AUTO(temp_drop) struct temp t = { .fd = -1 };
	AUTO(close_fd) int home = -1;
	struct stat st;
	err e;

	/* Do not write megabytes to find out that they are there. */
	if (!replace &&
	    fstatat(d->root, at.path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return found_there(d, &at);

	if ((e = temp_make(d, &at, &t)).code ||
	    (e = temp_fill(&t, p, n)).code ||
	    (e = home_open(d, &at, &t, &home)).code)
		return e;
	return name_file(&t, &at, home, replace);
}
