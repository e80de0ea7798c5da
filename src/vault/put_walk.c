/* SPDX-License-Identifier: Apache-2.0 */

/* What the walk of a backup tells, made into items of the ring. */

#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "vault/put.h"

/* The root's own entry stands in the snapshot object, which is small. */
#define ROOT_XATTRS_MAX (32 * KiB)

static err
item_new(struct putting *p, enum item_kind kind, const char *name,
         struct item **ret)
{
	struct item *it;
	err e;

	while (p->head - p->tail >= p->ring_max)
		if ((e = put_consume(p)).code)
			return e;
	it = &p->ring[p->head % PUT_RING];
	*it = (struct item){ .kind = kind };
	it->bytes = BUF_MAX(64 * MiB);
	if (name != NULL)
		memcpy(it->name, name, strlen(name) + 1);
	*ret = it;
	return OK;
}

/* Report ${name} (or the directory itself) where the walk is now. */
static void
problem_here(struct putting *p, const char *name, err why)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);

	buf_add(&b, p->walk.path->p, p->walk.path->len);
	if (name != NULL && b.len > 0)
		buf_u8(&b, '/');
	if (name != NULL)
		buf_str(&b, name);
	vault_add_problem(&p->report->problems, buf_cstr(&b), b.len, why);
}

static err
on_enter(void *arg, const char *name, const struct stat *st, struct dirref *dir)
{
	struct putting *p = arg;
	struct item *it;
	err e;

	if ((e = item_new(p, ITEM_ENTER, name, &it)).code)
		return e;
	it->st = *st;
	it->bytes = BUF_MAX(name != NULL ? 512 * KiB : ROOT_XATTRS_MAX);
	e = xattrs_read(dir->fd, &it->bytes);
	if (e.code == E_NOMEM)
		return e;
	if (e.code) {
		/* The directory is saved without them. */
		buf_clear(&it->bytes);
		problem_here(p, name != NULL ? NULL : ".", e);
	}
	p->head++;
	return OK;
}

static err
on_leave(void *arg)
{
	struct putting *p = arg;
	struct item *it;
	err e;

	if ((e = item_new(p, ITEM_LEAVE, NULL, &it)).code)
		return e;
	p->head++;
	return OK;
}

static err
chunk_known(struct putting *p, const struct digest *name, bool *ret)
{
	return packer_known(p->packer, name, ret);
}

/* Does the vault still have all that a record refers to? */
static err
record_known(struct putting *p, const struct cache_record *rec, bool *ret)
{
	struct cur c = CUR(rec->enc, rec->enc_len);
	struct tree_entry e;
	struct chunk_ref ref;
	struct digest name;
	err er;

	*ret = true;
	if ((er = entry_decode(&c, &e)).code)
		return er;
	if (e.flags & ENTRY_UNREADABLE) {
		*ret = false;
		return OK;
	}
	if (e.flags & ENTRY_LISTED && (er = chunk_known(p, &e.list, ret)).code)
		return er;
	for (size_t i = 0; *ret && i < rec->nextra; i++) {
		memcpy(name.b, rec->extra + i * DIGEST_LEN, DIGEST_LEN);
		if ((er = chunk_known(p, &name, ret)).code)
			return er;
	}
	c = CUR(e.chunks, e.chunks_len);
	while (*ret && entry_chunk(&c, &ref))
		if ((er = chunk_known(p, &ref.name, ret)).code)
			return er;
	if (*ret && e.chunks_len == 0 && e.size > 0 &&
	    (e.flags & (ENTRY_HAS_SHA | ENTRY_LISTED)) == ENTRY_HAS_SHA) {
		chunk_name(&p->v->keys.domain.naming, &e.sha256, &name);
		return chunk_known(p, &name, ret);
	}
	return OK;
}

static err
add_same(struct putting *p, const char *name, const struct cache_record *rec)
{
	struct item *it;
	err e;

	if ((e = item_new(p, ITEM_SAME, name, &it)).code)
		return e;
	it->stamp = rec->stamp;
	it->enc_len = rec->enc_len;
	buf_add(&it->bytes, rec->enc, rec->enc_len);
	buf_add(&it->bytes, rec->extra, rec->nextra * DIGEST_LEN);
	if ((e = buf_done(&it->bytes)).code)
		return e;
	p->head++;
	return OK;
}

static err
add_file(struct putting *p, struct dirref *dir, const char *name,
         const struct stat *st, enum walk_news news)
{
	struct item *it;
	err e;

	if ((e = item_new(p, ITEM_FILE, name, &it)).code)
		return e;
	it->news = news;
	it->file.dir = dirref_hold(dir);
	it->file.name = it->name;
	it->file.st = *st;
	it->file.digest = p->opts->digests ||
	    strcmp(p->src->kind, "model") == 0;
	p->head++;
	intake_add(p->intake, &it->file);
	return OK;
}

static err
add_other(struct putting *p, struct dirref *dir, const char *name,
          const struct stat *st)
{
	char target[4096];
	struct item *it;
	ssize_t n;
	err e;

	if ((e = item_new(p, ITEM_OTHER, name, &it)).code)
		return e;
	it->st = *st;
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dir->fd, name, target, sizeof(target));
		if (n <= 0 || n == (ssize_t)sizeof(target)) {
			problem_here(p, name, err_sys("cannot be read"));
			return OK;
		}
		buf_add(&it->bytes, target, (size_t)n);
		if ((e = buf_done(&it->bytes)).code)
			return e;
	}
	p->head++;
	return OK;
}

static err
on_entry(void *arg, struct dirref *dir, const char *name, const struct stat *st,
         enum walk_news news, const struct cache_record *rec)
{
	struct putting *p = arg;
	bool known;
	err e;

	if (!S_ISREG(st->st_mode))
		return add_other(p, dir, name, st);
	if (news == WALK_SAME) {
		if ((e = record_known(p, rec, &known)).code)
			return e;
		if (known)
			return add_same(p, name, rec);
		news = WALK_CHANGED;
	}
	return add_file(p, dir, name, st, news);
}

static void
on_gone(void *arg, const char *path)
{
	struct putting *p = arg;

	(void)path;
	p->report->files_gone++;
}

static void
on_problem(void *arg, const char *path, err why)
{
	struct putting *p = arg;

	vault_add_problem(&p->report->problems, path, strlen(path), why);
}

const struct walk_ops put_walk_ops = {
	.enter = on_enter,
	.entry = on_entry,
	.leave = on_leave,
	.gone = on_gone,
	.problem = on_problem,
};
