/* SPDX-License-Identifier: Apache-2.0 */

/* How a source differs from what was saved last, without reading a file. */

#include <string.h>

#include "base/time.h"
#include "vault/cache.h"
#include "vault/room.h"
#include "vault/walk.h"

struct comparing {
	struct vault_drift *drift;
};

static err
compare_enter(void *arg, const char *name, const struct stat *st,
              struct dirref *dir)
{
	(void)arg, (void)name, (void)st, (void)dir;
	return OK;
}

static err
compare_leave(void *arg)
{
	(void)arg;
	return OK;
}

static err
compare_entry(void *arg, struct dirref *dir, const char *name,
              const struct stat *st, enum walk_news news,
              const struct cache_record *rec)
{
	struct vault_drift *d = ((struct comparing *)arg)->drift;

	(void)dir;
	if (!S_ISREG(st->st_mode))
		return OK;

	/*
	 * A backup reads what has a new inode or was too young to trust its
	 * times; for telling what is unprotected, size and time are enough.
	 */
	if (rec != NULL && rec->stamp.size == (uint64_t)st->st_size &&
	    rec->stamp.mtime_ns ==
	        (int64_t)st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec)
		news = WALK_SAME;
	d->same += news == WALK_SAME;
	d->changed += news == WALK_CHANGED;
	d->added += news == WALK_NEW;
	if (news == WALK_SAME)
		return OK;
	d->bytes_unprotected += (uint64_t)st->st_size;
	vault_add_problem(
	    &d->sample, name, strlen(name),
	    err_new(E_OK, "%s", news == WALK_NEW ? "new" : "changed"));
	return OK;
}

static void
compare_gone(void *arg, const char *path)
{
	struct vault_drift *d = ((struct comparing *)arg)->drift;

	d->missing++;
	vault_add_problem(&d->sample, path, strlen(path),
	                  err_new(E_OK, "missing"));
}

static void
compare_problem(void *arg, const char *path, err why)
{
	struct vault_drift *d = ((struct comparing *)arg)->drift;

	d->changed++;
	vault_add_problem(&d->sample, path, strlen(path), why);
}

err
vault_compare(struct vault *v, const struct vault_source *src,
              const struct vault_put_opts *opts, struct vault_drift *ret)
{
	static const struct walk_ops compare_ops = {
		.enter = compare_enter,
		.entry = compare_entry,
		.leave = compare_leave,
		.gone = compare_gone,
		.problem = compare_problem,
	};
	AUTO(cache_closep) struct cache_reader *cache = NULL;
	struct comparing k = { ret };
	struct walk w = {
		.ops = &compare_ops,
		.arg = &k,
		.source = src,
		.opts = opts,
		.state_fd = v->state_fd,
	};
	struct digest pseudonym;
	err e;

	*ret = (struct vault_drift){ 0 };
	hmac_sha256(&v->keys.domain.pseudonym, src->asset, strlen(src->asset),
	            &pseudonym);
	e = cache_open(v->cache_fd, &v->keys.domain, &pseudonym, &cache);
	if (e.code == E_NOMEM)
		return e;
	ret->no_snapshot = e.code != E_OK;
	err_drop(e);
	w.cache = cache;
	e = walk_run(&w);
	if (e.code == E_NOTFOUND) {
		err_drop(e);
		ret->no_base = true;
		return OK;
	}
	return e;
}
