/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Restore.  One thread walks the tree and makes directories; files gather in
 * batches that are fetched in parallel.  Invariants:
 * 1. Every name is made relative to an open directory below the target, and no
 *    symbolic link is followed: nothing is written outside.
 * 2. A file that others can see gets its name by a rename, complete; what had
 *    that name before is kept aside.
 * 3. A new target appears by one rename, after one sync.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/time.h"
#include "vault/chunklist.h"
#include "vault/dirwalk.h"
#include "vault/flusher.h"
#include "vault/ignore.h"
#include "vault/restore.h"
#include "vault/walk.h"

#define BATCH_FILES 8192
#define BATCH_WANTS 131072
#define BATCH_DIRS  1024
#define TEMP_PREFIX ".casemate-tmp-"

/* A directory whose metadata is set when all is in it. */
struct rdir {
	char *path;   /* Below the target; owned. */
	uint8_t *enc; /* Its encoded entry; owned. */
	size_t enc_len;
};

/* The first name of a hard link, or one that waits to be linked to it. */
struct rlink {
	uint64_t dev, ino;
	char *path; /* Owned. */
	bool first;
};

void
vault_restore_report_release(struct vault_restore_report *r)
{
	vault_problems_release(&r->problems);
	vault_problems_release(&r->plan);
	free(r->displaced_dir);
	*r = (struct vault_restore_report){ 0 };
}

/* --- which paths ---------------------------------------------------------- */

enum chosen { CHOSEN_NOT, CHOSEN_PART, CHOSEN_ALL };

/* Is ${path} one of those asked for, below one, or above one? */
static enum chosen
chosen(const struct restore *r, const char *path, size_t n)
{
	enum chosen c = CHOSEN_NOT;

	if (r->opts->paths == NULL)
		return CHOSEN_ALL;
	for (char *const *p = r->opts->paths; *p != NULL; p++) {
		size_t m = strlen(*p);

		if (m == 0 ||
		    (n >= m && strncmp(path, *p, m) == 0 &&
		     (n == m || path[m] == '/')))
			return CHOSEN_ALL;
		if (m > n && strncmp(path, *p, n) == 0 && (*p)[n] == '/')
			c = CHOSEN_PART;
	}
	return c;
}

/* --- files ---------------------------------------------------------------- */

static err
place(struct restore *r, const struct digest *name, struct chunk_place *ret)
{
	err e = reader_place(r->v, name, ret);

	if (e.code != E_NOTFOUND || r->adopted)
		return e;
	/* An index may have been lost: the packs themselves know. */
	err_drop(e);
	r->adopted = true;
	if ((e = index_adopt(r->v, NULL)).code)
		return e;
	return reader_place(r->v, name, ret);
}

static err
add_want(struct restore *r, const struct want *w)
{
	struct batch *b = &r->batch;
	err e;

	if ((e = mem_grow(&b->wants, b->nwants + 1, &b->cap_wants,
	                  sizeof(*b->wants)))
	        .code)
		return e;
	b->wants[b->nwants++] = *w;
	b->files[w->file].pieces++;
	return OK;
}

/* List the pieces of file number ${n} of the batch. */
static err
add_wants(struct restore *r, uint32_t n, const struct tree_entry *t)
{
	AUTO(chunklist_closep) struct chunklist *l = NULL;
	struct chunk_ref ref;
	struct holes holes;
	uint64_t at = 0, run;
	bool more;
	err e;

	if ((e = chunklist_open(r->reader, &r->v->keys.domain.naming, t, &l))
	        .code ||
	    (e = holes_init(&holes, t)).code)
		return e;
	while (!(e = chunklist_next(l, &ref, &more)).code && more) {
		struct want w = { .file = n };

		if ((e = place(r, &ref.name, &w.at)).code)
			return e;
		while (w.skip < ref.len) {
			w.off = holes_map(&holes, at, &run);
			w.len = (uint32_t)MIN(run, ref.len - w.skip);
			if ((e = add_want(r, &w)).code)
				return e;
			w.skip += w.len;
			at += w.len;
		}
	}
	return e;
}

static err
temp_name(const char *name, char **ret)
{
	struct digest d;
	char text[64];

	/* The same name after a crash, so that nothing is left behind. */
	sha256(name, strlen(name), &d);
	(void)snprintf(text, sizeof(text), TEMP_PREFIX "%.24s", digest_str(&d));
	return mem_dup(text, strlen(text), ret);
}

static err
file_init(struct restore *r, struct dirref *dir, const char *path,
          const struct tree_entry *t, const uint8_t *enc, size_t n,
          struct rfile *f)
{
	struct cur c;
	struct stat st;
	err e;

	(void)t;
	*f = (struct rfile){ .dir = dirref_hold(dir), .lock = &r->lock };
	if ((e = mem_dup(path, strlen(path), &f->path)).code ||
	    (e = mem_dup(enc, n, (char **)&f->enc)).code)
		return e;
	f->enc_len = n;
	c = CUR(f->enc, n);
	if ((e = entry_decode(&c, &f->meta)).code)
		return e;
	f->name = strrchr(f->path, '/');
	f->name = f->name != NULL ? f->name + 1 : f->path;
	if (r->fresh)
		return OK;
	f->exists = fstatat(dir->fd, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	return temp_name(f->name, &f->temp);
}

static err
link_seen(struct restore *r, const struct tree_entry *t, const char *path,
          bool *ret_wait)
{
	bool first = true;
	err e;

	*ret_wait = false;
	if (!(t->flags & ENTRY_LINKED) || r->opts->mode != RESTORE_NEW)
		return OK;
	for (size_t i = r->nlinks; i-- > 0 && first;)
		first = r->links[i].dev != t->link_dev ||
		    r->links[i].ino != t->link_ino;
	if ((e = mem_grow(&r->links, r->nlinks + 1, &r->cap_links,
	                  sizeof(*r->links)))
	        .code)
		return e;
	r->links[r->nlinks] = (struct rlink){
		.dev = t->link_dev,
		.ino = t->link_ino,
		.first = first,
	};
	if ((e = mem_dup(path, strlen(path), &r->links[r->nlinks].path)).code)
		return e;
	r->nlinks++;
	*ret_wait = !first;
	return OK;
}

static err
do_file(struct restore *r, struct dirref *dir, const char *path,
        const struct tree_entry *t, const uint8_t *enc, size_t n)
{
	struct batch *b = &r->batch;
	bool wait;
	err e;

	if (t->flags & ENTRY_UNREADABLE) {
		restore_problem(
		    r, path,
		    err_new(E_NOTFOUND,
		            "its content could not be read when it was saved"));
		return OK;
	}
	if ((e = link_seen(r, t, path, &wait)).code || wait)
		return e;
	if ((e = mem_grow(&b->files, b->nfiles + 1, &b->cap_files,
	                  sizeof(*b->files)))
	        .code)
		return e;
	e = file_init(r, dir, path, t, enc, n, &b->files[b->nfiles]);
	b->nfiles++;
	if (e.code)
		return e;
	e = add_wants(r, (uint32_t)b->nfiles - 1, t);
	atomic_init(&b->files[b->nfiles - 1].left,
	            b->files[b->nfiles - 1].pieces);
	if (e.code == E_NOMEM)
		return e;
	if (e.code)
		rfile_fail(&b->files[b->nfiles - 1], e);
	if (b->nfiles >= BATCH_FILES || b->nwants >= BATCH_WANTS)
		return restore_flush(r);
	return OK;
}

static err
do_other(struct restore *r, struct dirref *dir, const char *path,
         const struct tree_entry *t, const char *name)
{
	struct stat st;
	bool exists = fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	char target[4096];
	ssize_t n;
	err e = OK;

	if (exists && t->type == ENTRY_SYMLINK && S_ISLNK(st.st_mode)) {
		n = readlinkat(dir->fd, name, target, sizeof(target));
		if (n == (ssize_t)t->target_len &&
		    memcmp(target, t->target, t->target_len) == 0) {
			r->report->equal++;
			return OK;
		}
	}
	if (exists && r->opts->mode != RESTORE_IN_PLACE) {
		r->report->conflicts++;
		return OK;
	}
	restore_plan(r, path, exists ? "replace" : "restore");
	if (r->opts->plan_only)
		return OK;
	if (exists)
		e = restore_displace(r, dir->fd, name, path, false);
	if (!e.code)
		e = restore_other(r, dir->fd, t, name);
	if (e.code)
		restore_problem(r, path, e);
	else
		r->report->others++;
	return OK;
}

/* --- directories ---------------------------------------------------------- */

static err walk_tree(struct restore *r, const struct digest *root,
                     struct dirref *dir, unsigned depth);

static err
refused(struct restore *r, const char *what)
{
	atomic_store(&r->unwritable, true);
	return err_sys("%s", what);
}

/* Make or find directory ${name}; ${*ret_fd} is -1 if it cannot be used. */
static err
make_dir(struct restore *r, struct dirref *parent, const char *name,
         const char *path, int *ret_fd)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct stat st;
	err e = OK;

	*ret_fd = -1;
	if (r->opts->plan_only) {
		*ret_fd = openat(parent->fd, name, flags);
		if (*ret_fd < 0)
			restore_plan(r, path,
			             "make this directory and all below it");
		return OK;
	}
	if (!r->fresh &&
	    fstatat(parent->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISDIR(st.st_mode)) {
		if (r->opts->mode != RESTORE_IN_PLACE) {
			r->report->conflicts++;
			return OK;
		}
		e = restore_displace(r, parent->fd, name, path, false);
	}
	if (!e.code && mkdirat(parent->fd, name, 0700) != 0 && errno != EEXIST)
		e = refused(r, "cannot be made");
	if (!e.code && (*ret_fd = openat(parent->fd, name, flags)) < 0)
		e = err_sys("cannot be opened");
	if (e.code)
		restore_problem(r, path, e);
	return OK;
}

static err
remember_dir(struct restore *r, const char *path, const uint8_t *enc, size_t n)
{
	struct rdir *d;
	err e;

	if ((e = mem_grow(&r->dirs, r->ndirs + 1, &r->cap_dirs,
	                  sizeof(*r->dirs)))
	        .code)
		return e;
	d = &r->dirs[r->ndirs];
	*d = (struct rdir){ .enc_len = n };
	if ((e = mem_dup(path, strlen(path), &d->path)).code)
		return e;
	r->ndirs++;
	return mem_dup(enc, n, (char **)&d->enc);
}

static err
do_dir(struct restore *r, struct dirref *parent, const char *name,
       const struct tree_entry *t, const uint8_t *enc, size_t n, unsigned depth)
{
	const char *path = buf_cstr(&r->path);
	struct digest root = t->dir;
	struct dirref *dir;
	int fd;
	err e;

	if (depth >= WALK_DEPTH_MAX) {
		restore_problem(r, path, err_new(E_LIMIT, "too deep"));
		return OK;
	}
	if ((e = make_dir(r, parent, name, path, &fd)).code || fd < 0)
		return e;
	if (!r->opts->plan_only && (e = remember_dir(r, path, enc, n)).code) {
		close_fd(&fd);
		return e;
	}
	if ((e = dirref_new(fd, &dir)).code)
		return e;
	r->report->dirs++;
	if (++r->open_dirs >= BATCH_DIRS)
		e = restore_flush(r);
	if (!e.code)
		e = walk_tree(r, &root, dir, depth + 1);
	dirref_drop(dir);
	return e;
}

static err
do_entry(struct restore *r, struct dirref *dir, const struct tree_entry *t,
         unsigned depth)
{
	AUTO(buf_release) struct buf enc = BUF_MAX(TREE_ENTRY_MAX + 4 * KiB);
	char name[TREE_NAME_MAX + 1];
	size_t len = r->path.len;
	enum chosen c;
	err e = OK;

	memcpy(name, t->name, t->name_len);
	name[t->name_len] = '\0';
	if (len > 0)
		buf_u8(&r->path, '/');
	buf_add(&r->path, t->name, t->name_len);
	c = chosen(r, (const char *)r->path.p, r->path.len);
	if (c != CHOSEN_NOT && (t->type == ENTRY_DIR || c == CHOSEN_ALL)) {
		/* The entry's own bytes go with the next one read. */
		entry_encode(t, &enc);
		if ((e = buf_done(&enc)).code)
			;
		else if (t->type == ENTRY_DIR)
			e = do_dir(r, dir, name, t, enc.p, enc.len, depth);
		else if (t->type == ENTRY_FILE)
			e = do_file(r, dir, buf_cstr(&r->path), t, enc.p,
			            enc.len);
		else
			e = do_other(r, dir, buf_cstr(&r->path), t, name);
	}
	r->path.len = len;
	return e;
}

/* Move aside what the snapshot does not know, unless it was never saved. */
static err
extra(struct restore *r, const struct digest *root, struct dirref *dir)
{
	AUTO(dirwalk_closep) struct dirwalk *w = NULL;
	struct tree_entry t;
	struct dirent *de;
	struct stat st, state;
	bool found;
	DIR *d;
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err e = OK;

	if (fd < 0 || (d = fdopendir(fd)) == NULL) {
		close_fd(&fd);
		return err_sys("cannot be listed");
	}
	if (fstat(r->v->state_fd, &state) != 0)
		state = (struct stat){ 0 };
	while (!e.code && (de = readdir(d)) != NULL) {
		size_t n = strlen(de->d_name), len = r->path.len;

		if (strcmp(de->d_name, ".") == 0 ||
		    strcmp(de->d_name, "..") == 0 ||
		    strncmp(de->d_name, ".casemate-", 10) == 0 ||
		    fstatat(dir->fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) !=
		        0 ||
		    (st.st_dev == state.st_dev && st.st_ino == state.st_ino) ||
		    ignore_match(r->ignore, buf_cstr(&r->path), de->d_name, n,
		                 S_ISDIR(st.st_mode)))
			continue;
		dirwalk_close(w);
		w = NULL;
		if ((e = dirwalk_open(r->reader, root, &w)).code ||
		    (e = dirwalk_find(w, de->d_name, n, &t, &found)).code ||
		    found)
			continue;
		if (len > 0)
			buf_u8(&r->path, '/');
		buf_str(&r->path, de->d_name);
		restore_plan(r, buf_cstr(&r->path),
		             "move aside: not in the snapshot");
		if (!r->opts->plan_only)
			e = restore_displace(r, dir->fd, de->d_name,
			                     buf_cstr(&r->path), false);
		r->path.len = len;
	}
	(void)closedir(d);
	return e;
}

/* The entries of one directory, one after the other. */
static err
walk_entries(struct restore *r, struct dirwalk *w, struct dirref *dir,
             unsigned depth, err *ret_damage)
{
	struct vault_progress *pr = r->opts->progress;
	struct tree_entry t;
	bool more = true;
	err e;

	while (!(*ret_damage = dirwalk_next(w, &t, &more)).code && more) {
		if (pr != NULL && atomic_load(&pr->cancel))
			return err_new(E_CANCELLED, "stopped");
		if ((e = do_entry(r, dir, &t, depth)).code)
			return e;
	}
	return OK;
}

static err
walk_tree(struct restore *r, const struct digest *root, struct dirref *dir,
          unsigned depth)
{
	AUTO(dirwalk_closep) struct dirwalk *w = NULL;
	err e = OK, damage;

	damage = dirwalk_open(r->reader, root, &w);
	if (!damage.code && r->ignore != NULL) {
		err_drop(ignore_enter(r->ignore, dir->fd, buf_cstr(&r->path)));
		damage = extra(r, root, dir);
	}
	if (!damage.code)
		e = walk_entries(r, w, dir, depth, &damage);
	if (w != NULL && r->ignore != NULL)
		ignore_leave(r->ignore);
	if (damage.code == E_NOMEM && !e.code)
		return damage;

	/* A damaged directory costs itself, not its neighbours. */
	if (damage.code)
		restore_problem(r, r->path.len > 0 ? buf_cstr(&r->path) : ".",
		                damage);
	return e;
}

/* --- the end -------------------------------------------------------------- */

/* Link every further name of a file to its first. */
static void
make_links(struct restore *r)
{
	for (size_t i = 0; i < r->nlinks; i++) {
		const struct rlink *l = &r->links[i], *first = NULL;
		AUTO(close_fd) int from = -1;
		AUTO(close_fd) int to = -1;
		const char *a, *b;
		err e;

		if (l->first)
			continue;
		for (size_t k = 0; k < i && first == NULL; k++)
			if (r->links[k].first && r->links[k].dev == l->dev &&
			    r->links[k].ino == l->ino)
				first = &r->links[k];
		if ((e = restore_parent(r->target, first->path, false, &from))
		        .code ||
		    (e = restore_parent(r->target, l->path, false, &to)).code) {
			restore_problem(r, l->path, e);
			continue;
		}
		a = strrchr(first->path, '/');
		b = strrchr(l->path, '/');
		if (linkat(from, a ? a + 1 : first->path, to,
		           b ? b + 1 : l->path, 0) != 0 &&
		    errno != EEXIST)
			restore_problem(r, l->path,
			                err_sys("cannot be linked"));
		else
			r->report->files++;
	}
}

/* Directories get their metadata last, from below. */
static void
finish_dirs(struct restore *r)
{
	for (size_t i = r->ndirs; i-- > 0;) {
		const struct rdir *d = &r->dirs[i];
		struct cur c = CUR(d->enc, d->enc_len);
		AUTO(close_fd) int fd = -1;
		struct tree_entry t;
		err e;

		if (!(e = entry_decode(&c, &t)).code &&
		    !(e = fs_open_beneath(r->target, d->path,
		                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		                              O_CLOEXEC,
		                          0, &fd))
		         .code)
			e = restore_meta(fd, -1, NULL, &t, r->owners);
		if (e.code)
			restore_problem(r, d->path, e);
	}
}

static void
finish_root(struct restore *r)
{
	struct cur c = CUR(r->snap->root_entry, r->snap->root_entry_len);
	struct tree_entry t;
	err e;

	if (r->snap->root_entry_len == 0 || r->opts->paths != NULL ||
	    r->snap->partial)
		return;
	if (!(e = entry_decode(&c, &t)).code)
		e = restore_meta(r->target, -1, NULL, &t, r->owners);
	if (e.code)
		restore_problem(r, ".", e);
}

/* "/a/b" is staged as "/a/.b.casemate-<id>". */
static err
staging_path(const struct restore *r, struct buf *b)
{
	const char *t = r->opts->target;
	size_t n = strlen(t);
	const char *slash;

	while (n > 1 && t[n - 1] == '/')
		n--;
	slash = memrchr(t, '/', n);
	if (slash == NULL || (size_t)(slash - t) + 1 == n)
		return err_new(E_INVALID, "'%s' cannot be made anew", t);
	buf_add(b, t, (size_t)(slash - t) + 1);
	buf_u8(b, '.');
	buf_add(b, slash + 1, n - (size_t)(slash - t) - 1);
	buf_fmt(b, ".casemate-%.12s", digest_str(&r->snap->id));
	return buf_done(b);
}

static err
open_new(struct restore *r, struct buf *staging)
{
	AUTO(free_ptr) char *parent = NULL;
	err e;

	/* An empty directory may be replaced; nothing else. */
	if (rmdir(r->opts->target) != 0 && errno != ENOENT)
		return err_new(
		    E_EXISTS,
		    "'%s' exists and is not an empty directory: name a new one",
		    r->opts->target);
	if ((e = staging_path(r, staging)).code ||
	    (e = mem_dup(staging->p, staging->len, &parent)).code)
		return e;
	*strrchr(parent, '/') = '\0';
	if (parent[0] != '\0' && (e = fs_mkdirs(AT_FDCWD, parent, 0755)).code)
		return e;
	/* One that is there already is of an interrupted run: go on in it. */
	r->fresh = mkdir(buf_cstr(staging), 0700) == 0;
	if (!r->fresh && errno != EEXIST)
		return err_sys("'%s'", buf_cstr(staging));
	r->target = open(buf_cstr(staging),
	                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return r->target < 0 ? err_sys("'%s'", buf_cstr(staging)) : OK;
}

static err
open_existing(struct restore *r)
{
	err e;

	if (!r->opts->plan_only &&
	    (e = fs_mkdirs(AT_FDCWD, r->opts->target, 0755)).code)
		return e;
	r->target = open(r->opts->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->target < 0)
		return err_sys("'%s'", r->opts->target);
	if (r->opts->mode == RESTORE_IN_PLACE && r->opts->displace_extra &&
	    r->opts->paths == NULL && !r->snap->partial)
		return ignore_new(NULL, &r->ignore);
	return OK;
}

/* The new target gets its name; without a durable name it does not keep it. */
static err
appear(struct restore *r, struct buf *staging)
{
	AUTO(free_ptr) char *dir = NULL;
	AUTO(close_fd) int parent = -1;
	char *slash;
	err e;

	if ((e = mem_dup(staging->p, staging->len, &dir)).code)
		return e;
	slash = strrchr(dir, '/');
	slash[slash == dir] = '\0';
	parent = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return err_sys("'%s'", dir);
	if (renameat2(AT_FDCWD, buf_cstr(staging), AT_FDCWD, r->opts->target,
	              RENAME_NOREPLACE) != 0)
		return err_sys("'%s'", r->opts->target);
	e = fs_sync(parent);
	if (e.code)
		(void)renameat2(AT_FDCWD, r->opts->target, AT_FDCWD,
		                buf_cstr(staging), RENAME_NOREPLACE);
	return err_in(e, "'%s'", r->opts->target);
}

/* A note in the state directory while a restore runs: status shows it. */
static void
journal(struct restore *r, bool done)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	struct json_writer w = JSON_WRITER(&b);
	char name[96];

	(void)snprintf(name, sizeof(name), "restoring-%.12s.json",
	               digest_str(&r->snap->id));
	if (done) {
		(void)unlinkat(r->v->state_fd, name, 0);
		return;
	}
	json_open(&w, NULL);
	json_str(&w, "asset", r->snap->asset);
	json_digest(&w, "snapshot", &r->snap->id);
	json_str(&w, "target", r->opts->target);
	json_time(&w, "since", time_now());
	json_close(&w);
	err_drop(fs_write(r->v->state_fd, name, b.p, b.len, 0600));
}

static err
restore_all(struct restore *r)
{
	AUTO(buf_release) struct buf staging = BUF_MAX(64 * KiB);
	bool fresh = r->opts->mode == RESTORE_NEW && !r->opts->plan_only;
	struct flusher flusher;
	struct dirref *dir;
	int fd;
	err e;

	if ((e = fresh ? open_new(r, &staging) : open_existing(r)).code)
		return e;
	if ((fd = fcntl(r->target, F_DUPFD_CLOEXEC, 3)) < 0)
		return err_sys("target");
	if ((e = dirref_new(fd, &dir)).code)
		return e;
	if (!r->opts->plan_only)
		journal(r, false);
	flusher_start(&flusher, r->target);
	e = walk_tree(r, &r->snap->root, dir, 0);
	if (!e.code)
		e = restore_flush(r);
	flusher_stop(&flusher);
	dirref_drop(dir);
	if (e.code || r->opts->plan_only)
		return e;
	if (fresh && r->unwritable)
		return err_new(E_IO,
		               "'%s' was not made, because not all could be "
		               "written: free space or mend the disk, and run "
		               "this again; it goes on in '%s'",
		               r->opts->target, buf_cstr(&staging));
	make_links(r);
	finish_dirs(r);
	finish_root(r);
	if (syncfs(r->target) != 0)
		return err_sys("sync");
	if (fresh && (e = appear(r, &staging)).code)
		return e;
	journal(r, true);
	return OK;
}

static void
restore_end(struct restore *r)
{
	struct vault_restore_report *rep = r->report;

	batch_clear(&r->batch);
	free(r->batch.files);
	free(r->batch.wants);
	for (size_t i = 0; i < r->ndirs; i++) {
		free(r->dirs[i].path);
		free(r->dirs[i].enc);
	}
	free(r->dirs);
	for (size_t i = 0; i < r->nlinks; i++)
		free(r->links[i].path);
	free(r->links);
	ignore_free(r->ignore);
	close_fd(&r->target);
	if (r->reader != NULL)
		atomic_fetch_add(&r->fetched, reader_fetched(r->reader));
	reader_free(r->reader);
	buf_release(&r->path);
	pthread_mutex_destroy(&r->lock);
	rep->bytes_fetched = r->fetched;
	rep->cpu_fetch_ns = r->cpu_fetch;
	rep->cpu_open_ns = r->cpu_open;
	rep->cpu_hash_ns = r->cpu_hash;
	rep->cpu_write_ns = r->cpu_write;
}

err
vault_restore(struct vault *v, const struct snapshot *s,
              const struct vault_restore_opts *opts,
              struct vault_restore_report *ret)
{
	struct restore r = {
		.v = v,
		.snap = s,
		.opts = opts,
		.report = ret,
		.target = -1,
		.owners = !opts->no_owner && geteuid() == 0,
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t t0 = time_mono();
	mode_t mask = umask(0);
	struct rlimit rl;
	err e;

	*ret = (struct vault_restore_report){ 0 };
	pthread_mutex_init(&r.lock, NULL);
	r.path = BUF_MAX(MiB);
	r.threads = opts->threads > 0 ? opts->threads
	    : cpus < 1                ? 1
				      : (unsigned)MIN(cpus, 64L);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < 16384) {
		rl.rlim_cur = MIN(rl.rlim_max, (rlim_t)16384);
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (opts->progress != NULL) {
		atomic_store(&opts->progress->phase, "restoring");
		atomic_store(&opts->progress->items_all, s->files);
		atomic_store(&opts->progress->bytes_all, s->bytes);
	}
	e = index_load(v);
	v->adopts = true;
	if (!e.code)
		e = reader_new(v, &r.reader);
	if (!e.code)
		e = restore_all(&r);
	restore_end(&r);
	(void)umask(mask);
	ret->wall_ns = time_mono() - t0;
	if (!e.code && ret->problems.total > 0)
		return err_new(E_PARTIAL, "%llu files could not be restored",
		               (unsigned long long)ret->problems.total);
	return e;
}
