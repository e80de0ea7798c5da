/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What differs between two snapshots: their directories are walked side by
 * side. A directory whose root node is the same in both is not read, since its
 * name stands for its bytes.
 */

#include <string.h>

#include "vault/chunklist.h"
#include "vault/view.h"

/* A directory on the way down, before and after; either may be missing. */
struct diff_level {
	struct dirwalk *walk[2];   /* Owned; NULL: missing, or at its end. */
	struct tree_entry next[2]; /* Borrowed from the walks. */
	bool held[2];              /* next[] was read and not yet compared. */
	size_t path_len;
};

struct diff {
	struct vault *v;
	struct reader *r;
	err (*fn)(char what, const struct vault_entry *before,
	          const struct vault_entry *after, void *arg);
	void *arg;
	struct diff_level *levels; /* Owned. */
	size_t n, cap;
	size_t memory;
	struct buf path;
	struct view_text text[2];
};

/* --- comparing entries ---------------------------------------------------- */

static bool
bytes_eq(const void *a, size_t an, const void *b, size_t bn)
{
	return an == bn && (an == 0 || memcmp(a, b, an) == 0);
}

/* The chunks of two files, one by one. */
static err
chunks_eq(struct diff *d, const struct tree_entry *a,
          const struct tree_entry *b, bool *ret)
{
	const struct secret *naming = &d->v->keys.domain.naming;
	AUTO(chunklist_closep) struct chunklist *la = NULL;
	AUTO(chunklist_closep) struct chunklist *lb = NULL;
	struct chunk_ref ra, rb;
	bool ma = true, mb = true, same = true;
	err e;

	if ((e = chunklist_open(d->r, naming, a, &la)).code ||
	    (e = chunklist_open(d->r, naming, b, &lb)).code)
		return e;
	while (same && ma && mb) {
		if ((e = chunklist_next(la, &ra, &ma)).code ||
		    (e = chunklist_next(lb, &rb, &mb)).code)
			return e;
		same = ma == mb && (!ma || digest_eq(&ra.name, &rb.name));
	}
	*ret = same;
	return OK;
}

static err
file_eq(struct diff *d, const struct tree_entry *a, const struct tree_entry *b,
        bool *ret)
{
	uint32_t flags = a->flags & b->flags;

	*ret = false;
	if ((a->flags ^ b->flags) & ENTRY_UNREADABLE || a->size != b->size)
		return OK;
	*ret = true;
	if (flags & ENTRY_UNREADABLE)
		return OK;
	if (flags & ENTRY_HAS_SHA) {
		*ret = digest_eq(&a->sha256, &b->sha256);
		return OK;
	}
	if (!bytes_eq(a->holes, a->holes_len, b->holes, b->holes_len)) {
		*ret = false;
		return OK;
	}
	if (flags & ENTRY_LISTED && digest_eq(&a->list, &b->list))
		return OK;
	if (a->chunks_len > 0 &&
	    bytes_eq(a->chunks, a->chunks_len, b->chunks, b->chunks_len))
		return OK;
	return chunks_eq(d, a, b, ret);
}

static err
content_eq(struct diff *d, const struct tree_entry *a,
           const struct tree_entry *b, bool *ret)
{
	switch (a->type) {
	case ENTRY_FILE:
		return file_eq(d, a, b, ret);
	case ENTRY_SYMLINK:
		*ret = bytes_eq(a->target, a->target_len, b->target,
		                b->target_len);
		return OK;
	case ENTRY_CHAR:
	case ENTRY_BLOCK:
		*ret = a->rdev_major == b->rdev_major &&
		    a->rdev_minor == b->rdev_minor;
		return OK;
	default:
		*ret = true;
		return OK;
	}
}

static bool
meta_eq(const struct tree_entry *a, const struct tree_entry *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	    a->mtime_ns == b->mtime_ns &&
	    bytes_eq(a->user, a->user_len, b->user, b->user_len) &&
	    bytes_eq(a->group, a->group_len, b->group, b->group_len) &&
	    bytes_eq(a->xattrs, a->xattrs_len, b->xattrs, b->xattrs_len);
}

/* Set ${*ret} to how ${a} and ${b} (NULL: missing) differ, 0 for not at all. */
static err
change_of(struct diff *d, const struct tree_entry *a,
          const struct tree_entry *b, char *ret)
{
	bool same;
	err e;

	if (a == NULL || b == NULL) {
		*ret = a == NULL ? '+' : '-';
		return OK;
	}
	if (a->type != b->type) {
		*ret = 'T';
		return OK;
	}
	if ((e = content_eq(d, a, b, &same)).code)
		return err_in(e, "'%s'", buf_cstr(&d->path));
	*ret = !same ? 'M' : !meta_eq(a, b) ? 'm' : 0;
	return OK;
}

/* --- walking side by side ------------------------------------------------- */

static void
diff_leave(struct diff *d)
{
	struct diff_level *l = &d->levels[--d->n];

	for (int i = 0; i < 2; i++)
		dirwalk_close(l->walk[i]);
	*l = (struct diff_level){ 0 };
}

static size_t
diff_memory(const struct diff *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		for (int k = 0; k < 2; k++)
			if (d->levels[i].walk[k] != NULL)
				n += dirwalk_memory(d->levels[i].walk[k]);
	return n;
}

/* Down into the directories ${roots} (either may be NULL), unless equal. */
static err
diff_enter(struct diff *d, const struct tree_entry *const t[2])
{
	struct diff_level *l;
	err e = OK;

	if (t[0] != NULL && t[1] != NULL && digest_eq(&t[0]->dir, &t[1]->dir))
		return OK;
	if (t[0] == NULL && t[1] == NULL)
		return OK;
	if (d->n == VIEW_DEPTH_MAX || diff_memory(d) > VIEW_MEMORY_MAX)
		return err_new(E_LIMIT, "'%s': nested too deep",
		               buf_cstr(&d->path));
	if ((e = mem_grow(&d->levels, d->n + 1, &d->cap, sizeof(*d->levels)))
	        .code)
		return e;
	l = &d->levels[d->n++];
	*l = (struct diff_level){ .path_len = d->path.len };
	for (int i = 0; i < 2 && !e.code; i++)
		if (t[i] != NULL)
			e = dirwalk_open(d->r, &t[i]->dir, &l->walk[i]);
	return err_in(e, "'%s'", buf_cstr(&d->path));
}

/* Tell how ${t} differ (either may be NULL), and go down into directories. */
static err
diff_pair(struct diff *d, const struct tree_entry *const t[2])
{
	const struct vault_entry *told[2] = { NULL, NULL };
	const struct tree_entry *dirs[2] = { NULL, NULL };
	char what = 0;
	err e;

	if ((e = change_of(d, t[0], t[1], &what)).code)
		return e;
	for (int i = 0; i < 2; i++) {
		if (t[i] == NULL)
			continue;
		if (t[i]->type == ENTRY_DIR)
			dirs[i] = t[i];
		if ((e = view_text(&d->text[i], (const char *)d->path.p,
		                   d->path.len, t[i]))
		        .code)
			return e;
		told[i] = &d->text[i].entry;
	}
	if (what != 0 && (e = d->fn(what, told[0], told[1], d->arg)).code)
		return e;
	return diff_enter(d, dirs);
}

/* Make sure that both next entries of ${l} are read, as far as there are any.
 */
static err
diff_fill(struct diff *d, struct diff_level *l)
{
	bool more;
	err e;

	for (int i = 0; i < 2; i++) {
		if (l->held[i] || l->walk[i] == NULL)
			continue;
		if ((e = dirwalk_next(l->walk[i], &l->next[i], &more)).code)
			return err_in(e, "'%s'", buf_cstr(&d->path));
		l->held[i] = more;
		if (!more) {
			dirwalk_close(l->walk[i]);
			l->walk[i] = NULL;
		}
	}
	return OK;
}

static err
diff_run(struct diff *d)
{
	const struct tree_entry *t[2];
	err e;

	while (d->n > 0) {
		struct diff_level *l = &d->levels[d->n - 1];
		struct tree_entry now[2];
		int c = 0;

		d->path.len = l->path_len;
		if ((e = diff_fill(d, l)).code)
			return e;
		if (!l->held[0] && !l->held[1]) {
			diff_leave(d);
			continue;
		}
		if (l->held[0] && l->held[1])
			c = name_cmp(l->next[0].name, l->next[0].name_len,
			             l->next[1].name, l->next[1].name_len);
		for (int i = 0; i < 2; i++) {
			bool mine = l->held[i] && (i == 0 ? c <= 0 : c >= 0);

			now[i] = l->next[i];
			t[i] = mine ? &now[i] : NULL;
			l->held[i] &= !mine;
		}
		view_path_add(&d->path, (t[0] != NULL ? t[0] : t[1])->name,
		              (t[0] != NULL ? t[0] : t[1])->name_len);
		if ((e = buf_done(&d->path)).code || (e = diff_pair(d, t)).code)
			return e;
	}
	return OK;
}

/* Look up ${path}; that it is missing is no error here. */
static err
diff_find(struct diff *d, const struct snapshot *s, const char *path,
          struct view_place *ret, bool *ret_found)
{
	err e = view_find(d->r, s, path, ret);

	*ret_found = !e.code;
	if (e.code == E_NOTFOUND) {
		err_drop(e);
		return OK;
	}
	return e;
}

err
vault_diff(struct vault *v, const struct snapshot *a, const struct snapshot *b,
           const char *path,
           err (*fn)(char what, const struct vault_entry *before,
                     const struct vault_entry *after, void *arg),
           void *arg)
{
	AUTO(reader_freep) struct reader *r = NULL;
	AUTO(view_place_release) struct view_place pa = { 0 };
	AUTO(view_place_release) struct view_place pb = { 0 };
	struct diff d = { .v = v, .fn = fn, .arg = arg };
	bool has_a, has_b;
	err e;

	v->adopts = true;
	if ((e = index_load(v)).code || (e = reader_new(v, &r)).code)
		return e;
	d.r = r;
	if ((e = diff_find(&d, a, path, &pa, &has_a)).code ||
	    (e = diff_find(&d, b, path, &pb, &has_b)).code)
		return e;
	if (!has_a && !has_b)
		return err_new(E_NOTFOUND, "'%s' is in neither snapshot", path);
	d.path = has_a ? take_struct(pa.path) : take_struct(pb.path);
	for (int i = 0; i < 2; i++)
		view_text_init(&d.text[i]);
	e = diff_pair(&d,
	              (const struct tree_entry *const[2]){
			  has_a ? &pa.entry : NULL, has_b ? &pb.entry : NULL });
	if (!e.code)
		e = diff_run(&d);
	while (d.n > 0)
		diff_leave(&d);
	free(d.levels);
	buf_release(&d.path);
	for (int i = 0; i < 2; i++)
		view_text_release(&d.text[i]);
	return e;
}
