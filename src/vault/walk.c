/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The walk.  Names are read whole and sorted bytewise, one directory at a time;
 * access is relative to the open parent, and no symbolic link is followed.
 * A file is the same as its record if size, both times and (where inodes can be
 * trusted) the inode are, and both times lie well before it was read.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/time.h"
#include "vault/ignore.h"
#include "vault/walk.h"

/* A change within this time of the read may not show in the times. */
#define RACY (2 * NS_PER_S)

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif
#define CIFS_MAGIC 0xff534d42u
#define SMB2_MAGIC 0xfe534d42u
#define GETDENTS   (64 * KiB)

/* The names of one directory. */
struct names {
	struct buf text; /* d_type, name, NUL; again. */
	uint32_t *at;    /* Where each begins; sorted by name. */
	size_t n, cap;
};

struct walking {
	struct walk *w;
	struct ignore *ignore;
	struct buf path;   /* Of the directory at hand, below the base. */
	struct stat state; /* Of the directory that is never entered. */
	dev_t dev;         /* Of the base. */
	bool inodes;       /* Can be trusted on the file system at hand. */
	dev_t inodes_dev;  /* The file system that this was found out for. */
};

static void
names_release(struct names *s)
{
	buf_release(&s->text);
	free(s->at);
}

static int
names_cmp(const void *a, const void *b, void *text)
{
	const char *t = text;

	return strcmp(t + *(const uint32_t *)a + 1,
	              t + *(const uint32_t *)b + 1);
}

struct dirent64_raw {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static err
names_add(struct names *s, const struct dirent64_raw *d)
{
	err e;

	if (d->name[0] == '.' &&
	    (d->name[1] == '\0' || (d->name[1] == '.' && d->name[2] == '\0')))
		return OK;
	if ((e = mem_grow(&s->at, s->n + 1, &s->cap, sizeof(*s->at))).code)
		return e;
	s->at[s->n++] = (uint32_t)s->text.len;
	buf_u8(&s->text, d->type);
	buf_add(&s->text, d->name, strlen(d->name) + 1);
	return buf_done(&s->text);
}

static err
names_read(int fd, struct names *s)
{
	AUTO(free_ptr) char *raw = NULL;
	err e;
	long n;

	s->text = BUF_MAX(UINT32_MAX);
	if ((e = mem_alloc(GETDENTS, 1, &raw)).code)
		return e;
	while ((n = syscall(SYS_getdents64, fd, raw, GETDENTS)) > 0)
		for (long off = 0; off < n;) {
			const struct dirent64_raw *d = (const void *)(raw +
			                                              off);

			if ((e = names_add(s, d)).code)
				return e;
			off += d->reclen;
		}
	if (n < 0)
		return err_sys("cannot be listed");
	if (s->n > 1)
		qsort_r(s->at, s->n, sizeof(*s->at), names_cmp, s->text.p);
	return OK;
}

/* The path of ${name} (or of the directory itself) for messages. */
static const char *
path_of(struct walking *k, const char *name, struct buf *b)
{
	buf_add(b, k->path.p, k->path.len);
	if (name != NULL && b->len > 0)
		buf_u8(b, '/');
	if (name != NULL)
		buf_str(b, name);
	return buf_cstr(b);
}

static void
problem(struct walking *k, const char *name, err why)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);

	k->w->ops->problem(k->w->arg, path_of(k, name, &b), why);
}

static void
gone(struct walking *k, const struct cache_record *rec)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);

	(void)path_of(k, NULL, &b);
	if (b.len > 0)
		buf_u8(&b, '/');
	buf_add(&b, rec->name, rec->name_len);
	k->w->ops->gone(k->w->arg, buf_cstr(&b));
}

/* --- picks ---------------------------------------------------------------- */

enum picked { PICK_NONE, PICK_PART, PICK_ALL };

static enum picked
pick(struct walking *k, const char *name)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	char *const *p = k->w->source->picks;
	const char *path;
	size_t n;
	enum picked r = PICK_NONE;

	path = path_of(k, name, &b);
	n = b.len;
	for (; *p != NULL && r != PICK_ALL; p++) {
		if (strncmp(*p, path, n) != 0)
			continue;
		if ((*p)[n] == '\0')
			r = PICK_ALL;
		else if ((*p)[n] == '/')
			r = PICK_PART;
	}
	return r;
}

/* --- the same? ------------------------------------------------------------ */

static int64_t
ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * NS_PER_S + t->tv_nsec;
}

/* Network and FUSE file systems hand out inodes as they like. */
static void
learn_inodes(struct walking *k, int fd, dev_t dev)
{
	struct statfs fs;

	if (dev == k->inodes_dev)
		return;
	k->inodes_dev = dev;
	k->inodes = fstatfs(fd, &fs) == 0 && fs.f_type != NFS_SUPER_MAGIC &&
	    fs.f_type != FUSE_SUPER_MAGIC && fs.f_type != SMB_SUPER_MAGIC &&
	    (uint32_t)fs.f_type != CIFS_MAGIC &&
	    (uint32_t)fs.f_type != SMB2_MAGIC;
}

static bool
is_same(const struct walking *k, const struct stat *st,
        const struct file_stamp *s)
{
	int64_t mtime = ns_of(&st->st_mtim), ctime = ns_of(&st->st_ctim);

	return S_ISREG(st->st_mode) && (uint64_t)st->st_size == s->size &&
	    mtime == s->mtime_ns && ctime == s->ctime_ns &&
	    (!k->inodes || (uint64_t)st->st_ino == s->ino) &&
	    mtime <= s->read_ns - RACY && ctime <= s->read_ns - RACY;
}

/* Merge: step over records that sort before ${name}; see what stands there. */
static err
merge(struct walking *k, const char *name, struct cache_record *rec)
{
	size_t n = name != NULL ? strlen(name) : 0;
	err e;

	for (;;) {
		int c;

		if ((e = cache_peek(k->w->cache, rec)).code)
			return e;
		if (rec->kind == CACHE_UP || rec->kind == CACHE_END)
			return OK;
		c = name == NULL ? -1
				 : name_cmp(rec->name, rec->name_len, name, n);
		if (c >= 0)
			return OK;
		gone(k, rec);
		if (rec->kind == CACHE_DIR) {
			if ((e = cache_skip_dir(k->w->cache)).code)
				return e;
		} else {
			cache_step(k->w->cache);
		}
	}
}

static bool
record_is(const struct cache_record *rec, enum cache_kind kind,
          const char *name)
{
	return rec->kind == kind && rec->name_len == strlen(name) &&
	    memcmp(rec->name, name, rec->name_len) == 0;
}

/* A damaged cache is only a loss of speed. */
static void
cache_lost(struct walking *k, err e)
{
	err_drop(e);
	k->w->cache = NULL;
}

/* --- walking -------------------------------------------------------------- */

static err walk_dir(struct walking *k, struct dirref *dir, bool cached,
                    bool all, unsigned depth);

static err
visit_entry(struct walking *k, struct dirref *dir, const char *name,
            const struct stat *st, bool cached)
{
	enum walk_news news = WALK_NEW;
	struct cache_record rec = { 0 };
	bool stands = false;
	err e;

	if (cached && k->w->cache != NULL) {
		e = merge(k, name, &rec);
		if (e.code)
			cache_lost(k, e);
		else
			stands = record_is(&rec, CACHE_ENTRY, name);
	}
	if (stands) {
		learn_inodes(k, dir->fd, st->st_dev);
		news = is_same(k, st, &rec.stamp) && !k->w->opts->rehash
		    ? WALK_SAME
		    : WALK_CHANGED;
	}
	e = k->w->ops->entry(k->w->arg, dir, name, st, news,
	                     stands ? &rec : NULL);
	if (stands)
		cache_step(k->w->cache);
	return e;
}

/* Enter directory ${name} of ${parent}, walk it, leave it. */
static err
visit_dir(struct walking *k, struct dirref *parent, const char *name,
          const struct stat *st, bool cached, bool all, unsigned depth)
{
	struct cache_record rec = { 0 };
	struct dirref *dir = NULL;
	size_t len = k->path.len;
	bool in_cache = false;
	int fd;
	err e;

	if (depth >= WALK_DEPTH_MAX) {
		problem(k, name,
		        err_new(E_LIMIT,
		                "more than %d directories deep: move it up",
		                WALK_DEPTH_MAX));
		return OK;
	}
	fd = openat(parent->fd, name,
	            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		problem(k, name, err_sys("cannot be opened"));
		return OK;
	}
	if ((e = dirref_new(fd, &dir)).code)
		return e;
	if (cached && k->w->cache != NULL) {
		e = merge(k, name, &rec);
		if (e.code)
			cache_lost(k, e);
		else if ((in_cache = record_is(&rec, CACHE_DIR, name)))
			cache_step(k->w->cache);
	}
	if (k->path.len > 0)
		buf_u8(&k->path, '/');
	buf_str(&k->path, name);
	if (!(e = buf_done(&k->path)).code &&
	    !(e = k->w->ops->enter(k->w->arg, name, st, dir)).code) {
		/* Another file system may be recorded but not entered. */
		if (k->w->opts->one_file_system && st->st_dev != k->dev)
			k->w->excluded++;
		else
			e = walk_dir(k, dir, in_cache, all, depth + 1);
	}
	if (!e.code && in_cache && k->w->cache != NULL) {
		e = merge(k, NULL, &rec);
		if (e.code) {
			cache_lost(k, e);
			e = OK;
		} else {
			cache_step(k->w->cache);
		}
	}
	if (!e.code)
		e = k->w->ops->leave(k->w->arg);
	dirref_drop(dir);
	k->path.len = len;
	return e;
}

static err
visit(struct walking *k, struct dirref *dir, const char *name, uint8_t type,
      bool cached, bool all, unsigned depth)
{
	enum picked picked = all ? PICK_ALL : pick(k, name);
	struct stat st;
	bool is_dir;

	if (picked == PICK_NONE)
		return OK;
	is_dir = type == DT_DIR;
	if (type != DT_UNKNOWN &&
	    ignore_match(k->ignore, buf_cstr(&k->path), name, strlen(name),
	                 is_dir)) {
		k->w->excluded++;
		return OK;
	}
	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		problem(k, name,
		        errno == ENOENT
		            ? err_new(E_NOTFOUND,
		                      "vanished before it could be read")
		            : err_sys("cannot be examined"));
		return OK;
	}
	is_dir = S_ISDIR(st.st_mode);
	if (type == DT_UNKNOWN &&
	    ignore_match(k->ignore, buf_cstr(&k->path), name, strlen(name),
	                 is_dir)) {
		k->w->excluded++;
		return OK;
	}
	if (is_dir && st.st_dev == k->state.st_dev &&
	    st.st_ino == k->state.st_ino) {
		k->w->excluded++; /* The vault does not save itself. */
		return OK;
	}
	if (is_dir)
		return visit_dir(k, dir, name, &st, cached, picked == PICK_ALL,
		                 depth);
	return picked == PICK_ALL ? visit_entry(k, dir, name, &st, cached) : OK;
}

static err
walk_dir(struct walking *k, struct dirref *dir, bool cached, bool all,
         unsigned depth)
{
	AUTO(names_release) struct names names = { 0 };
	struct vault_progress *pr = k->w->opts->progress;
	err e;

	e = ignore_enter(k->ignore, dir->fd, buf_cstr(&k->path));
	if (e.code && e.code != E_NOMEM) {
		/* The directory was entered all the same: less is left out. */
		problem(k, IGNORE_FILE, e);
		e = OK;
	}
	if (!e.code)
		e = names_read(dir->fd, &names);
	if (e.code && e.code != E_NOMEM && depth > 0) {
		problem(k, NULL, e);
		e = OK;
	}
	for (size_t i = 0; !e.code && i < names.n; i++) {
		const char *t = (const char *)names.text.p + names.at[i];

		if (pr != NULL && atomic_load(&pr->cancel))
			e = err_new(E_CANCELLED, "stopped");
		else
			e = visit(k, dir, t + 1, (uint8_t)t[0], cached, all,
			          depth);
	}
	ignore_leave(k->ignore);
	return e;
}

static err
open_base(struct walking *k, struct dirref **ret, struct stat *st)
{
	const char *base = k->w->source->base;
	int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys("source '%s'", base);
	if (fstat(fd, st) != 0) {
		close_fd(&fd);
		return err_sys("source '%s'", base);
	}
	k->dev = st->st_dev;
	return dirref_new(fd, ret);
}

err
walk_run(struct walk *w)
{
	struct walking k = { .w = w, .inodes_dev = (dev_t)-1 };
	struct dirref *dir = NULL;
	struct cache_record rec;
	struct stat st;
	err e;

	k.path = BUF_MAX(MiB);
	w->path = &k.path;
	if (fstat(w->state_fd, &k.state) != 0)
		return err_sys("state directory");
	if ((e = ignore_new(w->opts->exclude, &k.ignore)).code)
		return e;
	if (!(e = open_base(&k, &dir, &st)).code &&
	    !(e = w->ops->enter(w->arg, NULL, &st, dir)).code)
		e = walk_dir(&k, dir, w->cache != NULL,
		             w->source->picks == NULL, 0);
	if (!e.code && w->cache != NULL) {
		e = merge(&k, NULL, &rec);
		if (e.code)
			cache_lost(&k, e);
		e = OK;
	}
	if (!e.code)
		e = w->ops->leave(w->arg);
	dirref_drop(dir);
	ignore_free(k.ignore);
	buf_release(&k.path);
	w->path = NULL;
	return e;
}
