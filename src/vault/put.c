/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Backup.  One thread walks and, behind the readers, writes the tree in order;
 * a ring of items lies between.  What is the same as last time is taken from
 * the local cache, but only if the vault still has every chunk of it.
 */

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/time.h"
#include "vault/merge.h"
#include "vault/put.h"

#define ATTEMPTS 4

/* Every backup may add an index object; more than these are merged. */
#define INDEX_FILES_MAX 16

void
vault_put_report_release(struct vault_put_report *r)
{
	vault_problems_release(&r->problems);
	for (size_t i = 0; i < r->nstores; i++)
		free(r->stores[i].why);
	free(r->stores);
	*r = (struct vault_put_report){ 0 };
}

/* --- one attempt ---------------------------------------------------------- */

static err
before_put(void *arg)
{
	return commit_keep(&((struct putting *)arg)->commit);
}

static unsigned
threads_of(const struct vault_put_opts *o)
{
	long n = o->threads > 0 ? (long)o->threads
				: sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

static void
phase(const struct vault_put_opts *o, const char *what)
{
	if (o->progress != NULL)
		atomic_store(&o->progress->phase, what);
}

static err
attempt_start(struct putting *p)
{
	struct packer_opts po = {
		.session = &p->session,
		.outcome = p->report->stores,
		.limit_upload = p->opts->limit_upload,
		.before_put = before_put,
		.arg = p,
	};
	struct vault_put_report *r = p->report;
	err e;

	/* Counts are of the attempt that counts. */
	r->files = r->dirs = r->others = r->bytes = 0;
	r->files_new = r->files_changed = r->files_same = r->files_gone = 0;
	r->unsteady = 0;
	vault_problems_release(&r->problems);
	packtab_unflag(&p->v->packs, PACK_USED);

	p->head = p->tail = 0;
	if ((e = packer_new(p->v, &po, &p->packer)).code ||
	    (e = packer_worker_new(p->packer, CHUNK_TREE, &p->trees)).code ||
	    (e = intake_new(p->v, p->packer, threads_of(p->opts),
	                    p->opts->limit_read, p->opts->progress, &p->intake))
	        .code)
		return e;

	/* A cache that is absent or damaged costs only time. */
	e = cache_open(p->v->cache_fd, &p->v->keys.domain, &p->pseudonym,
	               &p->cache_in);
	if (e.code == E_NOMEM)
		return e;
	err_drop(e);
	err_drop(cache_create(p->v->cache_fd, &p->v->keys.domain, &p->pseudonym,
	                      &p->cache_out));
	p->walk = (struct walk){
		.ops = &put_walk_ops,
		.arg = p,
		.source = p->src,
		.opts = p->opts,
		.cache = p->cache_in,
		.state_fd = p->v->state_fd,
	};
	return OK;
}

static void
count_stages(struct putting *p)
{
	struct packer_stats *s = packer_stats(p->packer);
	struct vault_put_report *r = p->report;

	r->bytes_new += s->bytes_new;
	r->bytes_stored += s->bytes_stored;
	r->objects_new += s->packs;
	r->cpu_hash_ns += s->cpu_hash;
	r->cpu_code_ns += s->cpu_code;
	r->cpu_seal_ns += s->cpu_seal;
	r->cpu_put_ns += s->cpu_put;
	r->bytes_read += intake_stats(p->intake)->bytes_read;
	r->cpu_read_ns += intake_stats(p->intake)->cpu_read;
	r->cpu_cut_ns += intake_stats(p->intake)->cpu_cut;
	r->excluded = p->walk.excluded;
}

/* Free what one attempt made. */
static void
attempt_end(struct putting *p)
{
	/* Readers may still work on items: end them first. */
	intake_free(p->intake);
	p->intake = NULL;
	put_drop(p);
	packer_worker_free(p->trees);
	p->trees = NULL;
	packer_free(p->packer);
	p->packer = NULL;
	cache_close(p->cache_in);
	p->cache_in = NULL;
	cache_abandon(p->cache_out);
	p->cache_out = NULL;
}

static err
attempt(struct putting *p)
{
	err e, finish;

	if ((e = attempt_start(p)).code)
		return e;
	phase(p->opts, "reading");
	e = walk_run(&p->walk);
	while (!e.code && p->tail < p->head)
		e = put_consume(p);
	if (!e.code)
		e = intake_finish(p->intake);
	if (!e.code)
		e = packer_worker_flush(p->trees);
	phase(p->opts, "writing");
	if (e.code && e.code != E_CANCELLED)
		return e;

	/* Why writing stopped is known here. */
	finish = packer_failed(p->packer) || !e.code ? packer_finish(p->packer)
						     : OK;
	if (finish.code) {
		err_drop(e);
		return finish;
	}
	count_stages(p);
	return e;
}

/* --- the whole ------------------------------------------------------------ */

static err
snapshot_of(struct putting *p, struct snapshot *s)
{
	AUTO(snapshot_list_release) struct snapshot_list all = { 0 };
	AUTO(buf_release) struct buf base = BUF_MAX(64 * KiB);
	struct vault_put_report *r = p->report;
	err e;

	if ((e = vault_snapshots(p->v, NULL, &all)).code)
		return e;
	for (size_t i = 0; i < all.n; i++) {
		if (strcmp(all.v[i].node, p->v->keys.name) == 0 &&
		    all.v[i].sequence > s->sequence)
			s->sequence = all.v[i].sequence;
		if (strcmp(all.v[i].asset, p->src->asset) == 0)
			s->prev = all.v[i].id;
	}
	s->sequence++;
	fs_quote(p->src->base, strlen(p->src->base), &base);
	s->asset = strdup(p->src->asset);
	s->kind = strdup(p->src->kind);
	s->node = strdup(p->v->keys.name);
	s->base = strdup(buf_cstr(&base));
	if (s->asset == NULL || s->kind == NULL || s->node == NULL ||
	    s->base == NULL)
		return err_nomem();
	s->root = p->root;
	s->partial = p->src->picks != NULL;
	s->files = r->files;
	s->dirs = r->dirs;
	s->others = r->others;
	s->bytes = r->bytes;
	s->bytes_new = r->bytes_new;
	s->bytes_stored = r->bytes_stored;
	s->problems = r->problems.total;
	s->unsteady = r->unsteady;
	s->root_entry_len = p->root_entry.len;
	return mem_dup(p->root_entry.p, p->root_entry.len,
	               (char **)&s->root_entry);
}

static err
run(struct putting *p, struct snapshot *s)
{
	bool clear = false;
	err e = OK;

	for (unsigned n = 0; n < ATTEMPTS && !clear; n++) {
		attempt_end(p);
		if ((e = attempt(p)).code ||
		    (e = commit_fill(&p->commit)).code ||
		    (e = commit_promise(&p->commit, &clear)).code)
			return e;
	}
	if (!clear)
		return err_new(
		    E_BUSY,
		    "nothing was committed: collectors kept taking what this "
		    "backup needs; run it again");
	s->finished_ns = time_now();
	if ((e = snapshot_of(p, s)).code)
		return e;
	e = commit_snapshot(&p->commit, s);
	if (e.code == E_BUSY) {
		/* Stopped for a day: once more from the promise. */
		err_drop(e);
		if ((e = commit_promise(&p->commit, &clear)).code)
			return e;
		if (!clear)
			return err_new(
			    E_BUSY,
			    "nothing was committed: this run was stopped too "
			    "long; run it again");
		e = commit_snapshot(&p->commit, s);
	}
	return e;
}

static void
raise_descriptors(struct putting *p)
{
	struct rlimit rl;

	p->ring_max = PUT_RING;
	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	if (rl.rlim_cur < 16384 && rl.rlim_max > rl.rlim_cur) {
		rl.rlim_cur = rl.rlim_max < 16384 ? rl.rlim_max : 16384;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	/* Every item may hold a directory open; so does every level. */
	if (rl.rlim_cur / 4 < p->ring_max)
		p->ring_max = rl.rlim_cur / 4 < 16 ? 16 : rl.rlim_cur / 4;
}

/* A pending marker of our domain that no run of ours has made. */
static err
see_pending(const struct store_item *item, void *arg)
{
	struct putting *p = arg;
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	AUTO(record_release) struct record r = { 0 };
	err e = vault_get_any(p->v, item->name, &b);

	if (!e.code)
		e = record_decode(RECORD_PENDING, &p->v->statements, b.p, b.len,
		                  &r);
	if (e.code == E_NOMEM)
		return e;
	if (!e.code && memcmp(r.domain, p->v->keys.domain.id, ID_LEN) == 0)
		p->interrupted = true;
	err_drop(e);
	return OK;
}

/* What an interrupted run has put already is not sent again. */
static err
adopt(struct putting *p)
{
	err e;

	if ((e = vault_each_name(p->v, "pending", see_pending, p)).code)
		return e;
	return p->interrupted || p->v->index_gap ? index_adopt(p->v, NULL) : OK;
}

static err
put_start(struct putting *p)
{
	struct vault_put_report *r = p->report;
	err e;

	if ((e = vault_writable(p->v)).code)
		return e;
	raise_descriptors(p);
	p->enc = BUF_MAX(64 * MiB);
	p->root_entry = BUF_MAX(MiB);
	hmac_sha256(&p->v->keys.domain.pseudonym, p->src->asset,
	            strlen(p->src->asset), &p->pseudonym);
	if ((e = mem_alloc(p->v->ncopies, sizeof(*r->stores), &r->stores))
	        .code ||
	    (e = mem_alloc(PUT_RING, sizeof(*p->ring), &p->ring)).code)
		return e;
	r->nstores = p->v->ncopies;
	for (size_t i = 0; i < r->nstores; i++) {
		const struct vault_copy *c = &p->v->copies[i];

		r->stores[i].name = c->config->name;
		if (c->store == NULL)
			r->stores[i].why = strdup(c->why ? c->why : "not open");
	}
	if ((e = session_init(&p->v->keys, &p->session)).code)
		return e;
	p->commit = (struct commit){ .v = p->v,
		                     .session = &p->session,
		                     .outcome = r->stores };
	p->sink = (struct tree_sink){ .put = put_tree_chunk,
		                      .arg = p,
		                      .cut_key = tree_cut_key(
					  &p->v->keys.domain.chunker) };
	phase(p->opts, "opening the index");
	if ((e = index_load(p->v)).code || (e = adopt(p)).code)
		return e;
	return commit_survey(&p->commit);
}

static err
verdict(const struct vault *v, struct vault_put_report *r)
{
	for (size_t i = 0; i < r->nstores; i++)
		if (v->copies[i].store == NULL && r->stores[i].why == NULL)
			r->stores[i].why = strdup(v->copies[i].why != NULL
			                              ? v->copies[i].why
			                              : "went away");
	for (size_t i = 0; i < r->nstores; i++)
		if (r->stores[i].why != NULL)
			return err_new(E_PARTIAL, "store '%s' lags: %s",
			               r->stores[i].name, r->stores[i].why);
	if (r->problems.total > 0)
		return err_new(E_PARTIAL, "%llu files could not be read",
		               (unsigned long long)r->problems.total);
	return OK;
}

static void
put_end(struct putting *p)
{
	attempt_end(p);
	session_release(&p->session);
	free(p->ring);
	free(p->levels);
	free(p->users.v);
	free(p->groups.v);
	buf_release(&p->enc);
	buf_release(&p->root_entry);
}

static bool
none_dead(uint32_t pack, void *arg)
{
	(void)pack, (void)arg;
	return false;
}

err
vault_put(struct vault *v, const struct vault_source *src,
          const struct vault_put_opts *opts, struct vault_put_report *ret)
{
	AUTO(snapshot_release) struct snapshot s = { 0 };
	struct putting p = { .v = v, .src = src, .opts = opts, .report = ret };
	struct vault_problems ignored = { 0 };
	struct merge_plan merge = { .dead = none_dead, .problems = &ignored };
	int64_t t0 = time_mono(), c0 = time_cpu();
	struct cache_writer *fresh;
	err e;

	*ret = (struct vault_put_report){ 0 };
	s.started_ns = time_now();
	e = put_start(&p);
	if (!e.code)
		e = run(&p, &s);
	if (!e.code) {
		ret->id = s.id;
		/* The cache may run ahead of no snapshot. */
		fresh = p.cache_out;
		if (fresh != NULL)
			err_drop(cache_commit(fresh));
		e = verdict(v, ret);
		if (v->index.n > INDEX_FILES_MAX)
			err_drop(merge_indexes(v, &merge));
	}
	commit_end(&p.commit);
	put_end(&p);
	vault_problems_release(&ignored);
	ret->wall_ns = time_mono() - t0;
	ret->cpu_walk_ns = time_cpu() - c0;
	return e;
}
