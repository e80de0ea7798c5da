/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Paths and entries for those who look.  Names are quoted here, once: nothing
 * that a hostile tree holds reaches a terminal as control characters.
 */

#include <string.h>

#include "base/fs.h"
#include "vault/view.h"

#define PATH_BYTES_MAX (1 * MiB)

void
view_path_add(struct buf *path, const char *name, size_t n)
{
	if (path->len > 0)
		buf_u8(path, '/');
	buf_add(path, name, n);
}

/* --- where a path leads --------------------------------------------------- */

err
view_root(const struct snapshot *s, struct tree_entry *ret)
{
	struct tree_entry t = { .type = ENTRY_DIR, .mode = 0755 };
	struct cur c = CUR(s->root_entry, s->root_entry_len);
	err e;

	if (s->root_entry_len > 0 && (e = entry_decode(&c, &t)).code)
		return err_in(e, "root of the snapshot");
	if (t.type != ENTRY_DIR)
		return err_new(E_CORRUPT,
		               "the snapshot's root is no directory");
	t.name = "";
	t.name_len = 0;
	t.dir = s->root;
	*ret = t;
	return OK;
}

static err
not_found(const struct buf *path)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4 * PATH_BYTES_MAX + 1);

	fs_quote((const char *)path->p, path->len, &b);
	return err_new(E_NOTFOUND, "'%s' is not in the snapshot", buf_cstr(&b));
}

/* One step down from p->entry to its ${name}. */
static err
step(struct reader *r, struct view_place *p, const char *name, size_t n)
{
	AUTO(dirwalk_closep) struct dirwalk *w = NULL;
	struct tree_entry t;
	bool found;
	err e;

	if (n == 2 && memcmp(name, "..", 2) == 0)
		return err_new(E_INVALID,
		               "'..' does not lead out of a snapshot");
	view_path_add(&p->path, name, n);
	if ((e = buf_done(&p->path)).code)
		return err_in(e, "path");
	if (p->entry.type != ENTRY_DIR)
		return not_found(&p->path);
	if ((e = dirwalk_open(r, &p->entry.dir, &w)).code ||
	    (e = dirwalk_find(w, name, n, &t, &found)).code)
		return err_in(e, "'%s'", buf_cstr(&p->path));
	if (!found)
		return not_found(&p->path);
	dirwalk_close(p->walk);
	p->walk = take(w);
	p->entry = t;
	return OK;
}

err
view_find(struct reader *r, const struct snapshot *s, const char *path,
          struct view_place *ret)
{
	AUTO(view_place_release)
	struct view_place p = {
		.path = BUF_MAX(PATH_BYTES_MAX),
	};
	err e;

	if ((e = view_root(s, &p.entry)).code)
		return e;
	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n > 0 && !(n == 1 && path[0] == '.') &&
		    (e = step(r, &p, path, n)).code)
			return e;
		path += n + (path[n] == '/');
	}
	*ret = take_struct(p);
	return OK;
}

void
view_place_release(struct view_place *p)
{
	dirwalk_close(p->walk);
	buf_release(&p->path);
	*p = (struct view_place){ 0 };
}

/* --- entries -------------------------------------------------------------- */

void
view_text_init(struct view_text *x)
{
	*x = (struct view_text){
		.path = BUF_MAX(4 * PATH_BYTES_MAX + 1),
		.target = BUF_MAX(4 * TREE_ENTRY_MAX + 1),
		.user = BUF_MAX(4 * TREE_ENTRY_MAX + 1),
		.group = BUF_MAX(4 * TREE_ENTRY_MAX + 1),
	};
}

void
view_text_release(struct view_text *x)
{
	buf_release(&x->path);
	buf_release(&x->target);
	buf_release(&x->user);
	buf_release(&x->group);
}

/* The text of ${n} bytes; NULL stays NULL. */
static const char *
quoted(struct buf *b, const char *p, size_t n)
{
	buf_clear(b);
	if (p == NULL)
		return NULL;
	fs_quote(p, n, b);
	return buf_cstr(b);
}

err
view_text(struct view_text *x, const char *path, size_t n,
          const struct tree_entry *t)
{
	static const char types[] = "?fdlpcbs";
	struct vault_entry *o = &x->entry;
	const struct buf *all[] = { &x->path, &x->target, &x->user, &x->group };
	err e;

	*o = (struct vault_entry){
		.type = types[t->type],
		.mode = t->mode,
		.uid = t->uid,
		.gid = t->gid,
		.size = t->size,
		.mtime_ns = t->mtime_ns,
		.unsteady = t->flags & ENTRY_UNSTEADY,
		.unreadable = t->flags & ENTRY_UNREADABLE,
		.sha256 = t->flags & ENTRY_HAS_SHA ? &t->sha256 : NULL,
		.path = quoted(&x->path, n > 0 ? path : "", n),
		.target = quoted(&x->target,
		                 t->type == ENTRY_SYMLINK ? t->target : NULL,
		                 t->target_len),
		.user = quoted(&x->user, t->user, t->user_len),
		.group = quoted(&x->group, t->group, t->group_len),
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if ((e = buf_done(all[i])).code)
			return err_in(e, "a name");
	return OK;
}

err
view_zeroes(uint64_t n, err (*fn)(const void *p, size_t n, void *arg),
            void *arg)
{
	static const uint8_t zeroes[64 << 10];
	err e = OK;

	for (; n > 0 && !e.code; n -= MIN(n, sizeof(zeroes)))
		e = fn(zeroes, MIN(n, sizeof(zeroes)), arg);
	return e;
}
