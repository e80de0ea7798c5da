/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Listing and reading a snapshot without restoring it.  A listing keeps one
 * walk open for each directory on the way down; depth and memory are bounded.
 */

#include <string.h>

#include "vault/chunklist.h"
#include "vault/view.h"

/* A directory on the way down. */
struct ls_level {
	struct dirwalk *walk; /* Owned. */
	size_t path_len;      /* Of its path. */
};

struct ls {
	struct reader *r;
	err (*fn)(const struct vault_entry *e, void *arg);
	void *arg;
	struct ls_level *levels; /* Owned. */
	size_t n, cap;
	size_t memory; /* Of the walks, about. */
	struct buf path;
	struct view_text text;
};

static err
ls_tell(struct ls *l, const struct tree_entry *t)
{
	err e;

	if ((e = view_text(&l->text, (const char *)l->path.p, l->path.len, t))
	        .code)
		return e;
	return l->fn(&l->text.entry, l->arg);
}

/* Down into the directory whose path is at hand. */
static err
ls_enter(struct ls *l, const struct digest *root)
{
	struct ls_level level = { .path_len = l->path.len };
	err e;

	if (l->n == VIEW_DEPTH_MAX || l->memory > VIEW_MEMORY_MAX)
		return err_new(E_LIMIT, "'%s': nested too deep",
		               buf_cstr(&l->path));
	if ((e = mem_grow(&l->levels, l->n + 1, &l->cap, sizeof(*l->levels)))
	        .code ||
	    (e = dirwalk_open(l->r, root, &level.walk)).code)
		return e;
	l->memory += dirwalk_memory(level.walk);
	l->levels[l->n++] = level;
	return OK;
}

static void
ls_leave(struct ls *l)
{
	struct ls_level *level = &l->levels[--l->n];

	l->memory -= MIN(l->memory, dirwalk_memory(level->walk));
	dirwalk_close(level->walk);
}

static err
ls_run(struct ls *l, bool recursive)
{
	struct tree_entry t;
	struct digest dir;
	bool more;
	err e;

	while (l->n > 0) {
		struct ls_level *level = &l->levels[l->n - 1];

		l->path.len = level->path_len;
		if ((e = dirwalk_next(level->walk, &t, &more)).code)
			return err_in(e, "'%s'", buf_cstr(&l->path));
		if (!more) {
			ls_leave(l);
			continue;
		}
		view_path_add(&l->path, t.name, t.name_len);
		if ((e = buf_done(&l->path)).code)
			return e;
		dir = t.dir;
		if ((e = ls_tell(l, &t)).code ||
		    (recursive && t.type == ENTRY_DIR &&
		     (e = ls_enter(l, &dir)).code))
			return e;
	}
	return OK;
}

err
vault_ls(struct vault *v, const struct snapshot *s, const char *path,
         bool recursive, err (*fn)(const struct vault_entry *e, void *arg),
         void *arg)
{
	AUTO(reader_freep) struct reader *r = NULL;
	AUTO(view_place_release) struct view_place p = { 0 };
	struct ls l = { .fn = fn, .arg = arg };
	err e;

	v->adopts = true;
	if ((e = index_load(v)).code || (e = reader_new(v, &r)).code ||
	    (e = view_find(r, s, path, &p)).code)
		return e;
	l.r = r;
	l.path = take_struct(p.path);
	view_text_init(&l.text);
	if (p.entry.type != ENTRY_DIR)
		e = ls_tell(&l, &p.entry);
	else if (!(e = ls_enter(&l, &p.entry.dir)).code)
		e = ls_run(&l, recursive);
	while (l.n > 0)
		ls_leave(&l);
	free(l.levels);
	buf_release(&l.path);
	view_text_release(&l.text);
	return e;
}

/* --- one file ------------------------------------------------------------- */

struct cat {
	struct holes holes;
	uint64_t off; /* In the stream: where the next chunk begins. */
	uint64_t at;  /* In the file: everything before was handed out. */
	err (*fn)(const void *p, size_t n, void *arg);
	void *arg;
};

/* Hand out a chunk, and the holes before and within it. */
static err
cat_chunk(struct cat *c, const struct buf *b)
{
	const uint8_t *p = b->p;
	uint64_t at, run;
	size_t left = b->len;
	err e = OK;

	while (left > 0 && !e.code) {
		at = holes_map(&c->holes, c->off, &run);
		run = MIN(run, left);
		e = view_zeroes(at - c->at, c->fn, c->arg);
		if (!e.code)
			e = c->fn(p, run, c->arg);
		p += run;
		left -= run;
		c->off += run;
		c->at = at + run;
	}
	return e;
}

static err
cat_file(struct reader *r, struct vault *v, const struct tree_entry *t,
         struct cat *c)
{
	AUTO(chunklist_closep) struct chunklist *l = NULL;
	AUTO(buf_release) struct buf b = BUF_MAX(SEGMENT_PLAIN_MAX);
	struct chunk_ref ref;
	bool more = false;
	err e;

	if ((e = chunklist_open(r, &v->keys.domain.naming, t, &l)).code ||
	    (e = holes_init(&c->holes, t)).code)
		return e;
	while (!(e = chunklist_next(l, &ref, &more)).code && more) {
		buf_clear(&b);
		if ((e = reader_chunk(r, &ref.name, &b)).code)
			return e;
		if (b.len != ref.len)
			return err_new(E_CORRUPT,
			               "chunk %.12s has another length",
			               digest_str(&ref.name));
		if ((e = cat_chunk(c, &b)).code)
			return e;
	}
	if (e.code)
		return e;
	return view_zeroes(t->size - c->at, c->fn, c->arg);
}

err
vault_cat(struct vault *v, const struct snapshot *s, const char *path,
          err (*fn)(const void *p, size_t n, void *arg), void *arg)
{
	AUTO(reader_freep) struct reader *r = NULL;
	AUTO(view_place_release) struct view_place p = { 0 };
	struct cat c = { .fn = fn, .arg = arg };
	err e;

	v->adopts = true;
	if ((e = index_load(v)).code || (e = reader_new(v, &r)).code ||
	    (e = view_find(r, s, path, &p)).code)
		return e;
	if (p.entry.type != ENTRY_FILE)
		return err_new(E_INVALID, "'%s' is %s, not a file", path,
		               p.entry.type == ENTRY_DIR ? "a directory"
		                   : p.entry.type == ENTRY_SYMLINK
		                   ? "a symbolic link"
		                   : "a special file");
	return err_in(cat_file(r, v, &p.entry, &c), "'%s'", path);
}
