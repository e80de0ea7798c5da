/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Chunks in, packs out.  Invariants:
 * 1. A chunk is stored by whoever first adds its name to the set of this run;
 *    everybody else counts on that, and the run fails as a whole if it fails.
 * 2. A pack is put only when no worker still seals into it; its id, and so its
 *    number in the table of packs, exists from then on.
 * 3. A nonce is used once: each worker has its own number and counter.
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

#include "base/time.h"
#include "vault/nameset.h"
#include "vault/packer.h"

#define OPEN_DATA   2 /* Packs open at once for data: which is random. */
#define OPEN_ALL    (OPEN_DATA + 1)
#define QUEUE_MAX   2      /* Packs waiting for their put. */
#define INDEX_FLUSH 262144 /* Entries that may wait for an index object. */
#define PROBE       16384  /* Bytes of one compression probe. */

/* Segments of 1 MiB compress well already: level 3 would save 8 % of a tree of
 * small files, nothing of weights, and cost a fifth more CPU. */
#define LEVEL 1

struct open_pack {
	struct buf b; /* Room for PACK_MAX. */
	struct pack_dir dir;
	size_t trailer;   /* Estimate of its trailer. */
	unsigned sealing; /* Workers writing into it. */
	bool closed;      /* Takes no more segments. */
	struct open_pack *next;
};

struct packer {
	struct vault *v;
	struct packer_opts opts;
	struct packer_stats stats;
	struct nameset names; /* New in this run. */
	uint64_t random;

	pthread_mutex_t lock; /* Of all below. */
	pthread_cond_t work, room;
	struct open_pack *open[OPEN_ALL];
	struct open_pack *queue; /* Closed, to be put. */
	struct open_pack *spare; /* Buffers to use again. */
	unsigned queued, live;
	bool stop;
	err error; /* First failure. */
	atomic_bool failed;
	pthread_t thread;
	bool running;

	/* Of the putting thread. */
	struct index_entry *entries;
	size_t nentries, cap_entries;
	pthread_mutex_t table; /* Of v->packs and v->index while running. */
};

struct packer_worker {
	struct packer *p;
	enum chunk_kind kind;
	struct nonces nonces;
	struct aead *aead;
	ZSTD_CCtx *zstd;
	struct buf plain; /* The shared segment that is open. */
	struct chunk_row *rows;
	size_t nrows, cap_rows;
	uint8_t *coded; /* Room for one coded segment. */
	size_t coded_cap;
};

/* --- open packs ----------------------------------------------------------- */

static void
open_pack_free(struct open_pack *o)
{
	if (o == NULL)
		return;
	buf_release(&o->b);
	free(o->dir.segments);
	free(o->dir.chunks);
	free(o);
}

/* Take a spare pack or make one; the lock is held. */
static err
open_pack_new(struct packer *p, struct open_pack **ret)
{
	struct open_pack *o = p->spare;
	struct preamble pre;
	err e;

	if (o != NULL) {
		p->spare = o->next;
	} else {
		if ((e = mem_alloc(1, sizeof(*o), &o)).code)
			return e;
		o->b = BUF_MAX(PACK_MAX);
		if (buf_room(&o->b, PACK_TARGET + 2 * MiB) == NULL) {
			open_pack_free(o);
			return err_nomem();
		}
	}
	buf_clear(&o->b);
	o->dir.nsegments = o->dir.nchunks = 0;
	o->trailer = 64;
	o->closed = false;
	o->sealing = 0;
	o->next = NULL;
	e = preamble_write(MAGIC_PACK, &p->v->keys, p->opts.session, LOCK_KEPT,
	                   &o->b, &pre);
	if (e.code) {
		open_pack_free(o);
		return e;
	}
	o->dir.hash = pre.hash;
	*ret = o;
	return OK;
}

/* Hand a closed pack that nobody seals into to the putting thread. */
static void
enqueue(struct packer *p, struct open_pack *o)
{
	struct open_pack **tail = &p->queue;

	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = o;
	p->queued++;
	pthread_cond_signal(&p->work);
}

/* Choose an open pack with room for ${n} bytes and ${rows} chunks. */
static err
choose(struct packer *p, enum chunk_kind kind, size_t n, size_t rows,
       struct open_pack **ret)
{
	unsigned slot = OPEN_DATA;
	struct open_pack *o;
	err e;

	if (kind == CHUNK_DATA) {
		p->random = p->random * 6364136223846793005u +
		    1442695040888963407u;
		slot = (unsigned)(p->random >> 33) % OPEN_DATA;
	}
	o = p->open[slot];
	if (o != NULL &&
	    (o->b.len + o->trailer + n + rows * 48 > PACK_TARGET ||
	     o->dir.nsegments == PACK_SEGMENTS_MAX)) {
		p->open[slot] = NULL;
		o->closed = true;
		if (o->sealing == 0)
			enqueue(p, o);
		o = NULL;
	}
	if (o == NULL) {
		while (p->queued >= QUEUE_MAX && !p->failed)
			pthread_cond_wait(&p->room, &p->lock);
		/* Another worker may have opened one meanwhile. */
		if (p->open[slot] != NULL)
			return choose(p, kind, n, rows, ret);
		if ((e = open_pack_new(p, &o)).code)
			return e;
		p->open[slot] = o;
	}
	*ret = o;
	return OK;
}

static err
note_segment(struct open_pack *o, const struct segment_row *seg,
             const struct chunk_row *rows, uint8_t **ret_room)
{
	struct pack_dir *d = &o->dir;
	struct segment_row *s;
	err e;

	if ((e = mem_grow(&d->segments, d->nsegments + 1, &d->cap_segments,
	                  sizeof(*d->segments)))
	        .code ||
	    (e = mem_grow(&d->chunks, d->nchunks + seg->n, &d->cap_chunks,
	                  sizeof(*d->chunks)))
	        .code)
		return e;
	/* A chunk larger than the target makes a pack of its own: the buffer
	 * must not move while others seal into it. */
	if (o->b.len + seg->sealed_len > o->b.cap && o->sealing > 0)
		return err_new(E_BUSY, "pack grows under its writers");
	if ((*ret_room = buf_room(&o->b, seg->sealed_len)) == NULL)
		return buf_done(&o->b);
	s = &d->segments[d->nsegments++];
	*s = *seg;
	s->off = (uint32_t)o->b.len;
	s->first = (uint32_t)d->nchunks;
	memcpy(&d->chunks[d->nchunks], rows, seg->n * sizeof(*rows));
	d->nchunks += seg->n;
	o->b.len += seg->sealed_len;
	o->trailer += 32 + (size_t)seg->n * 38;
	o->sealing++;
	return OK;
}

static void
fail(struct packer *p, err e)
{
	pthread_mutex_lock(&p->lock);
	err_keep(&p->error, e);
	p->failed = true;
	pthread_cond_broadcast(&p->room);
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
}

/* Place one coded segment: choose a pack, reserve, seal into it, let go. */
static err
place(struct packer_worker *w, struct segment_row *seg, const void *coded,
      size_t n)
{
	struct packer *p = w->p;
	uint8_t head[SEGMENT_AD_LEN];
	struct aead_ad ad = { NULL, DIGEST_LEN, head, sizeof(head) };
	struct open_pack *o = NULL;
	int64_t t0 = time_cpu();
	struct digest hash;
	uint8_t *room;
	err e;

	seg->sealed_len = (uint32_t)(n + TAG_LEN);
	nonces_next(&w->nonces, seg->nonce);
	pthread_mutex_lock(&p->lock);
	e = choose(p, w->kind, seg->sealed_len, seg->n, &o);
	if (!e.code)
		e = note_segment(o, seg, w->rows, &room);
	if (!e.code) {
		segment_ad(seg, (uint32_t)o->dir.nsegments - 1, head);
		hash = o->dir.hash;
	}
	pthread_mutex_unlock(&p->lock);
	if (e.code)
		return e;

	ad.p = hash.b;
	e = aead_seal(w->aead, seg->nonce, ad, coded, n, room);
	pthread_mutex_lock(&p->lock);
	if (--o->sealing == 0 && o->closed)
		enqueue(p, o);
	pthread_mutex_unlock(&p->lock);
	atomic_fetch_add(&p->stats.cpu_seal, time_cpu() - t0);
	return e;
}

/* --- coding --------------------------------------------------------------- */

/* Does a probe of three pieces shrink by at least 3 %? */
static bool
shrinks(struct packer_worker *w, const uint8_t *p, size_t n)
{
	size_t in = 0, out = 0;

	if (n < 4 * PROBE)
		return true;
	for (int i = 0; i < 3; i++) {
		const uint8_t *q = p + (n - PROBE) / 2 * (size_t)i;
		size_t r = ZSTD_compressCCtx(w->zstd, w->coded, w->coded_cap, q,
		                             PROBE, 1);

		if (ZSTD_isError(r))
			return true;
		in += PROBE;
		out += r;
	}
	return out < in - in / 32;
}

static err
code_and_place(struct packer_worker *w, const void *plain, size_t n)
{
	struct segment_row seg = {
		.plain_len = (uint32_t)n,
		.kind = (uint8_t)w->kind,
		.n = (uint32_t)w->nrows,
	};
	int64_t t0 = time_cpu();
	const void *coded = plain;
	size_t len = n, r;
	err e;

	if ((e = mem_grow(&w->coded, ZSTD_compressBound(n), &w->coded_cap, 1))
	        .code)
		return e;
	if (shrinks(w, plain, n)) {
		r = ZSTD_compressCCtx(w->zstd, w->coded, w->coded_cap, plain, n,
		                      LEVEL);
		if (!ZSTD_isError(r) && r < n - n / 64) {
			seg.codec = CODEC_ZSTD;
			coded = w->coded;
			len = r;
		}
	}
	atomic_fetch_add(&w->p->stats.cpu_code, time_cpu() - t0);
	e = place(w, &seg, coded, len);
	w->nrows = 0;
	return e;
}

err
packer_worker_flush(struct packer_worker *w)
{
	err e;

	if (w->nrows == 0)
		return OK;
	e = code_and_place(w, w->plain.p, w->plain.len);
	buf_clear(&w->plain);
	return e;
}

static err
add_row(struct packer_worker *w, const struct digest *name, size_t n)
{
	err e;

	if ((e = mem_grow(&w->rows, w->nrows + 1, &w->cap_rows,
	                  sizeof(*w->rows)))
	        .code)
		return e;
	w->rows[w->nrows++] = (struct chunk_row){
		.name = *name,
		.len = (uint32_t)n,
	};
	return OK;
}

static err
add_new(struct packer_worker *w, const void *p, size_t n,
        const struct digest *name)
{
	err e;

	atomic_fetch_add(&w->p->stats.bytes_new, n);
	/* A large chunk is a segment of its own, behind the open one. */
	if (n >= SEGMENT_SHARED_MAX / 2) {
		if ((e = packer_worker_flush(w)).code ||
		    (e = add_row(w, name, n)).code)
			return e;
		return code_and_place(w, p, n);
	}
	if ((w->plain.len + n > SEGMENT_SHARED_MAX ||
	     w->nrows == SEGMENT_CHUNKS_MAX) &&
	    (e = packer_worker_flush(w)).code)
		return e;
	buf_add(&w->plain, p, n);
	if ((e = buf_done(&w->plain)).code)
		return e;
	return add_row(w, name, n);
}

err
packer_known(struct packer *p, const struct digest *name, bool *ret)
{
	struct chunk_place at;
	err e;

	*ret = nameset_has(&p->names, name);
	if (*ret)
		return OK;
	pthread_mutex_lock(&p->table);
	e = index_set_find(&p->v->index, &p->v->packs, name, &at, ret);
	if (!e.code && *ret)
		packtab_flag(&p->v->packs, at.pack, PACK_USED);
	pthread_mutex_unlock(&p->table);
	return e;
}

err
packer_chunk(struct packer_worker *w, const void *p, size_t n,
             struct digest *ret_name, struct digest *ret_sha)
{
	int64_t t0 = time_cpu();
	struct digest sha;
	bool known, fresh;
	err e;

	if (atomic_load_explicit(&w->p->failed, memory_order_relaxed))
		return err_new(E_CANCELLED, "writing stopped");
	sha256(p, n, &sha);
	chunk_name(&w->p->v->keys.domain.naming, &sha, ret_name);
	if (ret_sha != NULL)
		*ret_sha = sha;
	atomic_fetch_add(&w->p->stats.cpu_hash, time_cpu() - t0);
	if ((e = packer_known(w->p, ret_name, &known)).code || known)
		return e;
	if ((e = nameset_add(&w->p->names, ret_name, &fresh)).code || !fresh)
		return e;
	return add_new(w, p, n, ret_name);
}

/* --- putting -------------------------------------------------------------- */

/* Put what waits for an index object into one. */
static err
flush_index(struct packer *p)
{
	err e;

	if (p->nentries == 0)
		return OK;
	pthread_mutex_lock(&p->table);
	e = index_add(p->v, p->entries, p->nentries, NULL);
	pthread_mutex_unlock(&p->table);
	p->nentries = 0;
	return e;
}

static err
note_pack(struct packer *p, const struct open_pack *o, const struct digest *id)
{
	const struct pack_dir *d = &o->dir;
	uint32_t pack;
	err e;

	pthread_mutex_lock(&p->table);
	e = packtab_add(&p->v->packs, id, (uint32_t)o->b.len, d->trailer_off,
	                &pack);
	if (!e.code) {
		packtab_flag(&p->v->packs, pack, PACK_USED);
		for (size_t i = 0; i < p->v->ncopies; i++)
			if (p->v->copies[i].store != NULL &&
			    p->opts.outcome[i].why == NULL)
				p->v->packs.v[pack].present |= (uint32_t)1 << i;
	}
	pthread_mutex_unlock(&p->table);
	if (e.code ||
	    (e = mem_grow(&p->entries, p->nentries + d->nchunks,
	                  &p->cap_entries, sizeof(*p->entries)))
	        .code)
		return e;
	for (size_t s = 0; s < d->nsegments; s++)
		for (uint32_t k = 0; k < d->segments[s].n; k++) {
			struct index_entry *en = &p->entries[p->nentries++];

			memcpy(en->prefix,
			       d->chunks[d->segments[s].first + k].name.b,
			       INDEX_PREFIX);
			en->at = (struct chunk_place){ pack, (uint16_t)s,
				                       (uint16_t)k };
		}
	return p->nentries >= INDEX_FLUSH ? flush_index(p) : OK;
}

static void
throttle(const struct packer *p, size_t n, int64_t since)
{
	int64_t due, now = time_mono();
	struct timespec ts;

	if (p->opts.limit_upload == 0)
		return;
	due = since + (int64_t)((double)n / (double)p->opts.limit_upload * 1e9);
	if (due <= now)
		return;
	ts.tv_sec = (due - now) / NS_PER_S;
	ts.tv_nsec = (due - now) % NS_PER_S;
	(void)nanosleep(&ts, NULL);
}

static err
put_pack(struct packer *p, struct open_pack *o)
{
	int64_t t0 = time_cpu(), m0 = time_mono();
	char name[PACK_NAME_LEN];
	struct digest id;
	err e;

	if (p->opts.before_put != NULL &&
	    (e = p->opts.before_put(p->opts.arg)).code)
		return e;
	if ((e = pack_close(&p->v->keys.domain, &o->dir, &o->b)).code)
		return e;
	sha256(o->b.p, o->b.len, &id);
	pack_name(&id, name);
	if ((e = vault_put_all(p->v, name, o->b.p, o->b.len, p->opts.outcome))
	        .code)
		return e;
	atomic_fetch_add(&p->stats.cpu_put, time_cpu() - t0);
	atomic_fetch_add(&p->stats.bytes_stored, o->b.len);
	atomic_fetch_add(&p->stats.packs, 1);
	throttle(p, o->b.len, m0);
	return note_pack(p, o, &id);
}

static void *
putting(void *arg)
{
	struct packer *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct open_pack *o;
		err e = OK;

		while (p->queue == NULL && !p->stop)
			pthread_cond_wait(&p->work, &p->lock);
		if (p->queue == NULL)
			break;
		o = p->queue;
		p->queue = o->next;
		if (!p->failed) {
			pthread_mutex_unlock(&p->lock);
			e = put_pack(p, o);
			if (e.code)
				fail(p, e);
			pthread_mutex_lock(&p->lock);
		}
		p->queued--;
		o->next = p->spare;
		p->spare = o;
		pthread_cond_broadcast(&p->room);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* --- life ----------------------------------------------------------------- */

err
packer_new(struct vault *v, const struct packer_opts *opts, struct packer **ret)
{
	AUTO(packer_freep) struct packer *p = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*p), &p)).code)
		return e;
	p->v = v;
	p->opts = *opts;
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->table, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->room, NULL);
	if ((e = nameset_init(&p->names)).code ||
	    (e = crypto_random(&p->random, sizeof(p->random))).code)
		return e;
	if (pthread_create(&p->thread, NULL, putting, p) != 0)
		return err_new(E_NOMEM, "no thread for writing");
	p->running = true;
	*ret = take(p);
	return OK;
}

static void
join(struct packer *p)
{
	if (!p->running)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	(void)pthread_join(p->thread, NULL);
	p->running = false;
}

err
packer_finish(struct packer *p)
{
	err e;

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < OPEN_ALL; i++)
		if (p->open[i] != NULL) {
			enqueue(p, p->open[i]);
			p->open[i] = NULL;
		}
	pthread_mutex_unlock(&p->lock);
	join(p);
	e = p->error;
	p->error = OK;
	return e.code ? e : flush_index(p);
}

void
packer_free(struct packer *p)
{
	if (p == NULL)
		return;
	p->failed = true;
	join(p);
	for (size_t i = 0; i < OPEN_ALL; i++)
		open_pack_free(p->open[i]);
	while (p->spare != NULL) {
		struct open_pack *o = p->spare;

		p->spare = o->next;
		open_pack_free(o);
	}
	err_drop(p->error);
	nameset_release(&p->names);
	pthread_mutex_destroy(&p->lock);
	pthread_mutex_destroy(&p->table);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->room);
	free(p->entries);
	free(p);
}

void
packer_freep(struct packer **p)
{
	packer_free(*p);
}

struct packer_stats *
packer_stats(struct packer *p)
{
	return &p->stats;
}

bool
packer_failed(struct packer *p)
{
	return p->failed;
}

err
packer_worker_new(struct packer *p, enum chunk_kind kind,
                  struct packer_worker **ret)
{
	AUTO(packer_worker_freep) struct packer_worker *w = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*w), &w)).code)
		return e;
	w->p = p;
	w->kind = kind;
	w->plain = BUF_MAX(SEGMENT_SHARED_MAX + SEGMENT_SHARED_MAX);
	nonces_init(p->opts.session, &w->nonces);
	if ((w->zstd = ZSTD_createCCtx()) == NULL)
		return err_nomem();
	if ((e = aead_new(&p->opts.session->key, &w->aead)).code)
		return e;
	*ret = take(w);
	return OK;
}

void
packer_worker_free(struct packer_worker *w)
{
	if (w == NULL)
		return;
	aead_free(w->aead);
	(void)ZSTD_freeCCtx(w->zstd);
	buf_release(&w->plain);
	free(w->rows);
	free(w->coded);
	free(w);
}

void
packer_worker_freep(struct packer_worker **w)
{
	packer_worker_free(*w);
}
