/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Files and directories.
 *
 * 1. A name that others read appears only by rename or link, after the bytes
 *    behind it were synced; the directory is synced before OK.
 * 2. After a failed sync the file is given up, never synced again: the kernel
 *    may have dropped the dirty pages and would then call it clean.
 * 3. What a function made on the way to an error it removes again.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

#define READ_STEP  (64 * KiB)
#define TEMP_TRIES 16
#define RACE_TRIES 64

/* Directories that fs_remove_tree() keeps open at once. */
#define OPEN_LEVELS 24

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static int
open_again(int dirfd, const char *name, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(dirfd, name, flags, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* Add what ${fd} holds to ${b}, whose length the caller resets on error. */
static err
read_all(int fd, size_t expected, struct buf *b)
{
	if (expected > b->max - b->len)
		return err_new(E_LIMIT, "%zu bytes, and no more than %zu fit",
		               expected, b->max - b->len);
	for (;;) {
		size_t want = MIN(b->max - b->len, MAX(expected, READ_STEP));
		uint8_t probe, *p = &probe;
		ssize_t r;

		/* A full buffer may still be at the end of the file. */
		if (want > 0 && (p = buf_room(b, want)) == NULL)
			return buf_done(b);
		r = read(fd, p, want > 0 ? want : 1);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys("reading");
		if (r == 0)
			return OK;
		if (want == 0)
			return err_new(E_LIMIT, "more than %zu bytes", b->max);
		b->len += (size_t)r;
		expected -= MIN(expected, (size_t)r);
	}
}

err
fs_read(int dirfd, const char *name, struct buf *b)
{
	AUTO(close_fd) int fd = -1;
	size_t before = b->len;
	struct stat st;
	err e;

	/* O_NONBLOCK: a FIFO in the place of a file must not hang us. */
	fd = open_again(dirfd, name,
	                O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 && errno != ENXIO)
		return err_sys("opening '%s'", name);
	if (fd >= 0 && fstat(fd, &st) != 0)
		return err_sys("reading '%s'", name);
	if (fd < 0 || !S_ISREG(st.st_mode))
		return err_new(E_INVALID, "'%s' is no regular file", name);
	if ((e = read_all(fd, (size_t)st.st_size, b)).code) {
		b->len = before;
		return err_in(e, "'%s'", name);
	}
	return OK;
}

err
fs_pread_full(int fd, void *p, size_t n, off_t off, size_t *ret_n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, (uint8_t *)p + done, n - done,
		                  off + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys("reading");
		if (r == 0)
			break;
		done += (size_t)r;
	}
	*ret_n = done;
	return OK;
}

err
fs_pwrite_full(int fd, const void *p, size_t n, off_t off)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = pwrite(fd, (const uint8_t *)p + done, n - done,
		                   off + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys("writing");
		if (r == 0)
			return err_new(E_IO, "writing: nothing was taken");
		done += (size_t)r;
	}
	return OK;
}

err
fs_write_full(int fd, const void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = write(fd, (const uint8_t *)p + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys("writing");
		if (r == 0)
			return err_new(E_IO, "writing: nothing was taken");
		done += (size_t)r;
	}
	return OK;
}

err
fs_sync(int fd)
{
	if (fsync(fd) != 0)
		return err_sys("syncing");
	return OK;
}

err
fs_sync_dir(int dirfd, const char *name)
{
	AUTO(close_fd) int fd = open_again(dirfd, name, OPEN_DIR, 0);

	if (fd < 0)
		return err_sys("opening directory '%s'", name);

	/* EINVAL: a file system that cannot do so, and need not. */
	if (fsync(fd) != 0 && errno != EINVAL)
		return err_sys("syncing directory '%s'", name);
	return OK;
}

/* Open the directory of ${name}; set ${*ret_base} to the name's last part. */
static err
open_parent(int dirfd, const char *name, int *ret_fd, const char **ret_base)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash != NULL ? slash + 1 : name;
	AUTO(free_ptr) char *dir = NULL;
	err e;
	int fd;

	if (*base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return err_new(E_INVALID, "'%s' is no name of a file", name);
	if (slash == NULL)
		e = mem_dup(".", 1, &dir);
	else
		e = mem_dup(name, MAX(slash - name, 1), &dir);
	if (e.code)
		return e;
	if ((fd = open_again(dirfd, dir, OPEN_DIR, 0)) < 0)
		return err_sys("opening directory '%s'", dir);
	*ret_fd = fd;
	*ret_base = base;
	return OK;
}

struct temp_name {
	char s[32];
};

/* Make a new file of a name that nobody can guess. */
static err
make_temp(int dir, mode_t mode, struct temp_name *ret_name, int *ret_fd)
{
	for (int i = 0; i < TEMP_TRIES; i++) {
		uint64_t r;
		int fd;

		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return err_sys("asking for random bytes");
		(void)snprintf(ret_name->s, sizeof(ret_name->s), ".tmp-%016llx",
		               (unsigned long long)r);
		fd = open_again(
		    dir, ret_name->s,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd >= 0) {
			*ret_fd = fd;
			return OK;
		}
		if (errno != EEXIST)
			break;
	}
	return err_sys("making a temporary file");
}

/* Write, sync and close ${fd}, whatever happens. */
static err
fill(int fd, const void *p, size_t n)
{
	err e = fs_write_full(fd, p, n);

	if (e.code == E_OK)
		e = fs_sync(fd);
	if (close(fd) != 0 && e.code == E_OK && errno != EINTR)
		e = err_sys("closing");
	return e;
}

/* Give the temporary its name; the old file goes, or is E_EXISTS. */
static err
publish(int dir, const char *temp, const char *base, bool replace)
{
	if (replace) {
		if (renameat(dir, temp, dir, base) != 0)
			return err_sys("renaming");
		return OK;
	}

	/* link() refuses an existing name on every file system that has it. */
	if (renameat2(dir, temp, dir, base, RENAME_NOREPLACE) == 0)
		return OK;
	if (errno != EINVAL && errno != ENOSYS)
		return err_sys("renaming");
	if (linkat(dir, temp, dir, base, 0) != 0)
		return err_sys("linking");
	(void)unlinkat(dir, temp, 0);
	return OK;
}

struct write_how {
	mode_t mode;
	bool replace;
};

static err
write_file(int dir, const char *base, const void *p, size_t n,
           const struct write_how *how)
{
	struct temp_name temp;
	int fd = -1;
	err e;

	if ((e = make_temp(dir, how->mode, &temp, &fd)).code)
		return e;
	if ((e = fill(fd, p, n)).code ||
	    (e = publish(dir, temp.s, base, how->replace)).code) {
		(void)unlinkat(dir, temp.s, 0);
		return e;
	}
	if ((e = fs_sync_dir(dir, ".")).code && !how->replace)
		(void)unlinkat(dir, base, 0);
	return e;
}

err
fs_write(int dirfd, const char *name, const void *p, size_t n, mode_t mode)
{
	const struct write_how how = { .mode = mode, .replace = true };
	AUTO(close_fd) int dir = -1;
	const char *base;
	err e;

	if ((e = open_parent(dirfd, name, &dir, &base)).code)
		return err_in(e, "writing '%s'", name);
	return err_in(write_file(dir, base, p, n, &how), "writing '%s'", name);
}

err
fs_create(int dirfd, const char *name, const void *p, size_t n, mode_t mode)
{
	const struct write_how how = { .mode = mode };
	AUTO(close_fd) int dir = -1;
	const char *base;
	err e;

	if ((e = open_parent(dirfd, name, &dir, &base)).code)
		return err_in(e, "creating '%s'", name);

	/* Cheap and usual; the rename below decides. */
	if (faccessat(dir, base, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_new(E_EXISTS, "'%s' exists already", name);
	return err_in(write_file(dir, base, p, n, &how), "creating '%s'", name);
}

/* Make ${part} below ${*dir} where it is missing, and step into it. */
static err
step_into(int *dir, const char *part, mode_t mode)
{
	int next;
	err e;

	if (mkdirat(*dir, part, mode) == 0) {
		if ((e = fs_sync_dir(*dir, ".")).code) {
			(void)unlinkat(*dir, part, AT_REMOVEDIR);
			return e;
		}
	} else if (errno != EEXIST) {
		return err_sys("making directory '%s'", part);
	}
	next = open_again(*dir, part, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (next < 0 && errno == ENOTDIR)
		return err_new(E_EXISTS, "'%s' is no directory", part);
	if (next < 0)
		return err_sys("opening directory '%s'", part);
	close_fd(dir);
	*dir = next;
	return OK;
}

err
fs_mkdirs(int dirfd, const char *path, mode_t mode)
{
	const char *start = *path == '/' ? "/" : ".";
	AUTO(free_ptr) char *parts = NULL;
	AUTO(close_fd) int dir = -1;
	char *rest;
	err e;

	if (*path == '\0')
		return err_new(E_INVALID, "an empty name is no directory");
	if ((e = mem_dup(path, strlen(path), &parts)).code)
		return e;
	dir = open_again(dirfd, start, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return err_sys("opening directory '%s'", start);
	rest = parts;
	for (char *part; (part = strsep(&rest, "/")) != NULL;)
		if (*part != '\0' && (e = step_into(&dir, part, mode)).code)
			return err_in(e, "making '%s'", path);
	return OK;
}

err
fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode,
                int *ret_fd)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long r;

	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		how.mode = mode & 07777;

	/* EAGAIN: somebody renames directories meanwhile. */
	for (int i = 0; i < RACE_TRIES; i++) {
		r = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (r >= 0 || (errno != EINTR && errno != EAGAIN))
			break;
	}
	if (r >= 0) {
		*ret_fd = (int)r;
		return OK;
	}
	if (errno == EXDEV)
		return err_new(E_DENIED, "'%s' leads out of its directory",
		               path);
	if (errno == ENOSYS)
		return err_new(E_UNSUPPORTED,
		               "opening '%s': this kernel lacks openat2, which "
		               "came with Linux 5.6",
		               path);
	return err_sys("opening '%s'", path);
}

/* A directory on the way down. */
struct level {
	DIR *dir;   /* Owned; NULL where too many are open. */
	char *name; /* Owned; in the level above. */
	dev_t dev;
	ino_t ino;
	bool removed; /* This pass over it removed something. */
};

struct descent {
	int base; /* Borrowed; where the lowest level's name is. */
	struct level *levels;
	size_t n, cap;
};

static void
level_release(struct level *l)
{
	if (l->dir != NULL)
		(void)closedir(l->dir);
	free(l->name);
}

static void
descent_release(struct descent *d)
{
	while (d->n > 0)
		level_release(&d->levels[--d->n]);
	free(d->levels);
}

/* Take ${fd} over as the stream of ${l}; note which directory it is. */
static err
level_attach(struct level *l, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || (l->dir = fdopendir(fd)) == NULL) {
		err e = err_sys("reading directory '%s'", l->name);

		(void)close(fd);
		return e;
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return OK;
}

static int
top_fd(const struct descent *d)
{
	return d->n > 0 ? dirfd(d->levels[d->n - 1].dir) : d->base;
}

/* Enter the directory ${name} of the level on top. */
static err
descend(struct descent *d, const char *name)
{
	struct level l = { 0 };
	int fd;
	err e;

	fd = open_again(top_fd(d), name, OPEN_DIR | O_NOFOLLOW, 0);
	if (fd < 0 && errno == ENOENT)
		return OK;
	if (fd < 0)
		return err_sys("opening directory '%s'", name);
	if ((e = mem_grow(&d->levels, d->n + 1, &d->cap, sizeof(l))).code ||
	    (e = mem_dup(name, strlen(name), &l.name)).code) {
		(void)close(fd);
		return e;
	}
	if ((e = level_attach(&l, fd)).code) {
		level_release(&l);
		return e;
	}

	/* Far below, only the level at work stays open. */
	if (d->n > OPEN_LEVELS) {
		(void)closedir(d->levels[d->n - 1].dir);
		d->levels[d->n - 1].dir = NULL;
	}
	d->levels[d->n++] = l;
	return OK;
}

/* Open the level below the top again, through the top's "..". */
static err
reopen_parent(struct descent *d)
{
	struct level *up = &d->levels[d->n - 2];
	dev_t dev = up->dev;
	ino_t ino = up->ino;
	int fd;
	err e;

	fd = open_again(top_fd(d), "..", OPEN_DIR | O_NOFOLLOW, 0);
	if (fd < 0)
		return err_sys("leaving directory '%s'",
		               d->levels[d->n - 1].name);
	if ((e = level_attach(up, fd)).code)
		return e;

	/* Somebody who moved us elsewhere must not have that emptied. */
	if (up->dev != dev || up->ino != ino)
		return err_new(E_BUSY, "'%s' was moved while it was deleted",
		               d->levels[d->n - 1].name);
	return OK;
}

/* Leave the directory on top, which is empty, and remove it. */
static err
ascend(struct descent *d)
{
	AUTO(level_release) struct level done = { 0 };
	err e;

	if (d->n > 1 && d->levels[d->n - 2].dir == NULL &&
	    (e = reopen_parent(d)).code)
		return e;
	done = d->levels[--d->n];
	if (unlinkat(top_fd(d), done.name, AT_REMOVEDIR) != 0 &&
	    errno != ENOENT)
		return err_sys("removing directory '%s'", done.name);
	if (d->n > 0)
		d->levels[d->n - 1].removed = true;
	return OK;
}

/* Remove ${name} of the level on top, or enter it if it is a directory. */
static err
remove_or_descend(struct descent *d, const char *name, bool is_dir)
{
	if (is_dir)
		return descend(d, name);
	if (unlinkat(top_fd(d), name, 0) == 0) {
		if (d->n > 0)
			d->levels[d->n - 1].removed = true;
		return OK;
	}
	if (errno == EISDIR)
		return descend(d, name);
	if (errno == ENOENT)
		return OK;
	return err_sys("removing '%s'", name);
}

/* Take one step in the level on top: an entry, another pass, or the end. */
static err
remove_step(struct descent *d)
{
	struct level *top = &d->levels[d->n - 1];
	const struct dirent *de;

	errno = 0;
	de = readdir(top->dir);
	if (de == NULL && errno != 0)
		return err_sys("reading directory '%s'", top->name);
	if (de == NULL && !top->removed)
		return ascend(d);

	/* Some file systems skip entries when others go meanwhile. */
	if (de == NULL) {
		top->removed = false;
		rewinddir(top->dir);
		return OK;
	}
	if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
		return OK;
	return remove_or_descend(d, de->d_name, de->d_type == DT_DIR);
}

err
fs_remove_tree(int dirfd, const char *name)
{
	AUTO(descent_release) struct descent d = { .base = dirfd };
	err e;

	if ((e = remove_or_descend(&d, name, false)).code)
		return err_in(e, "deleting '%s'", name);
	while (d.n > 0)
		if ((e = remove_step(&d)).code)
			return err_in(e, "deleting '%s'", name);
	return OK;
}

err
fs_path_join(char **ret, const char *a, const char *b)
{
	size_t n = strlen(a);
	const char *sep = n > 0 && a[n - 1] == '/' ? "" : "/";
	char *s;

	if (n == 0 || strcmp(a, ".") == 0)
		return mem_dup(b, strlen(b), ret);
	if (asprintf(&s, "%s%s%s", a, sep, b) < 0)
		return err_nomem();
	*ret = s;
	return OK;
}

void
fs_quote(const char *name, size_t n, struct buf *b)
{
	while (n > 0) {
		size_t len = str_utf8(name, n);
		unsigned char c = (unsigned char)*name;
		bool control = c < 0x20 || c == 0x7f;

		/* U+0080 to U+009F are control characters too. */
		if (len == 2 && c == 0xc2 && (unsigned char)name[1] < 0xa0)
			len = 0;
		if (len == 0 || control) {
			buf_fmt(b, "\\x%02x", c);
			len = 1;
		} else if (c == '\\') {
			buf_str(b, "\\\\");
		} else {
			buf_add(b, name, len);
		}
		name += len;
		n -= len;
	}
}
