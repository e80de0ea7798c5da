/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checking packs, many at once.  Structure: a pack opens, and the index agrees
 * with its directory.  Data: its bytes have the SHA-256 that is its name, every
 * segment opens and decodes, every chunk has its name.
 *
 * Packs whose data was proven are noted in the state directory, one line each,
 * until a run comes to its end; an interrupted one goes on behind them.  A torn
 * line, or one that is a month old, proves nothing.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/pool.h"
#include "vault/check.h"

#define THREADS_MAX 16
#define NOTE_LIFE   COLLECT_CONDEMNED_LIFE
#define NOTES_MAX   GiB
#define NOTES_LEN   40
#define NOTE_LINE   128

/* One pack in one store. */
struct job {
	uint32_t pack;
	uint16_t copy;
	bool data; /* Read every byte. */
};

struct data {
	struct check *c;
	struct job *v; /* Owned. */
	size_t n, cap;
	atomic_size_t next;
	atomic_uint_fast64_t bytes;
	int *notes; /* Owned: by store, where is noted what is proven; -1. */
};

/* What one thread needs. */
struct worker {
	struct data *d;
	struct buf b;
	struct decoder *decoder;
};

/* --- notes --- */

static void
notes_name(const struct check *c, size_t copy, char name[NOTES_LEN])
{
	const struct vault_store_config *s = c->v->copies[copy].config;
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	struct digest d;
	char hex[17];

	/* Another place is another copy, whatever it is called. */
	buf_fmt(&b, "%s\n%s", s->name, s->url);
	sha256(b.p, b.len, &d);
	hex_encode(d.b, 8, hex);
	(void)snprintf(name, NOTES_LEN, "check-%s.proven", hex);
}

/* The pack of a line "<pack> <seconds>.", if it is whole and young. */
static bool
note_parse(const char *line, int64_t now, struct digest *ret)
{
	char hex[DIGEST_HEX + 1];
	char *end;
	int64_t when;

	if (strlen(line) < DIGEST_HEX + 2 || line[DIGEST_HEX] != ' ')
		return false;
	memcpy(hex, line, DIGEST_HEX);
	hex[DIGEST_HEX] = '\0';
	errno = 0;
	when = strtoll(line + DIGEST_HEX + 1, &end, 10);
	return errno == 0 && *end == '.' && end[1] == '\0' &&
	    when > now - NOTE_LIFE / NS_PER_S && when <= now &&
	    digest_parse(hex, ret);
}

static err
notes_read(struct check *c, const char *name, struct packset *ret)
{
	AUTO(buf_release) struct buf b = BUF_MAX(NOTES_MAX);
	int64_t now = time_now() / NS_PER_S;
	struct digest id;
	char *line, *next;
	err e;

	e = fs_read(c->v->state_fd, name, &b);
	if (!e.code && b.len > 0) {
		(void)buf_cstr(&b);
		for (line = (char *)b.p; *line != '\0'; line = next) {
			size_t n = strcspn(line, "\n");

			next = line + n + (line[n] != '\0');
			line[n] = '\0';
			if (note_parse(line, now, &id) &&
			    (e = packset_add(ret, &id)).code)
				return e;
		}
	}
	packset_sort(ret);
	if (e.code == E_NOMEM)
		return e;
	err_drop(e);
	return OK;
}

/* Begin to note for store ${copy}; ${proven} is what a run before proved. */
static err
notes_open(struct data *d, size_t copy, struct packset *proven)
{
	char name[NOTES_LEN];
	err e = OK;

	notes_name(d->c, copy, name);
	if (d->c->o->fresh)
		(void)unlinkat(d->c->v->state_fd, name, 0);
	else if ((e = notes_read(d->c, name, proven)).code)
		return e;
	/* Without notes the check is as good, only not resumable. */
	d->notes[copy] = openat(
	    d->c->v->state_fd, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return OK;
}

static void
note_proven(struct data *d, const struct job *j)
{
	char line[NOTE_LINE];
	int n;

	if (d->notes[j->copy] < 0)
		return;
	/* The line feed first ends what a crash may have torn. */
	n = snprintf(line, sizeof(line), "\n%s %lld.",
	             digest_str(&d->c->all.packs.v[j->pack].id),
	             (long long)(time_now() / NS_PER_S));
	err_drop(fs_write_full(d->notes[j->copy], line, (size_t)n));
}

/* The run came to its end: the next one begins anew. */
static void
notes_end(struct data *d)
{
	char name[NOTES_LEN];

	for (size_t i = 0; i < d->c->v->ncopies; i++) {
		if (d->notes[i] < 0)
			continue;
		notes_name(d->c, i, name);
		(void)unlinkat(d->c->v->state_fd, name, 0);
	}
}

/* --- one pack --- */

/* What a damaged pack is damaged in. */
struct damage {
	struct check *c;
	const struct job *j;
	uint32_t finding;
	size_t chunks; /* Damaged ones that were told. */
};

static void
hurt_segment(struct damage *g, const struct pack_dir *d, size_t segment)
{
	const struct segment_row *s = &d->segments[segment];

	for (uint32_t i = 0; i < s->n; i++)
		check_hurt_chunk(g->c, g->finding,
		                 &d->chunks[s->first + i].name);
	g->chunks += s->n;
}

/* Open one segment of a whole pack and check its chunks. */
static void
check_segment(struct worker *w, struct damage *g, const struct pack_dir *d,
              const struct secret *key, size_t segment)
{
	const struct segment_row *s = &d->segments[segment];
	const struct secret *naming = &g->c->all.keys.domain.naming;
	const uint8_t *plain;
	err e;

	e = segment_open(w->decoder, key, d, (uint32_t)segment, w->b.p + s->off,
	                 &plain);
	if (e.code) {
		g->finding = check_find_pack(g->c, g->j->copy, g->j->pack, e);
		hurt_segment(g, d, segment);
		return;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		const struct chunk_row *row = &d->chunks[s->first + i];

		if (!(e = chunk_check(naming, row, plain, NULL)).code)
			continue;
		g->finding = check_find_pack(g->c, g->j->copy, g->j->pack, e);
		check_hurt_chunk(g->c, g->finding, &row->name);
		g->chunks++;
	}
}

/* Look into the pack that w->b holds.  Return whether it is whole. */
static bool
check_inside(struct worker *w, struct damage *g)
{
	struct check *c = g->c;
	AUTO(pack_dir_freep) struct pack_dir *d = NULL;
	AUTO(secret_release) struct secret key = { 0 };
	struct preamble pre;
	err e;

	e = pack_dir_of(w->b.p, w->b.len, &c->all.keys.domain, &d, &pre);
	if (e.code == E_DENIED && g->finding == CHECK_NONE) {
		/* Another domain's: its bytes are as they were written. */
		err_drop(e);
		return true;
	}
	if (e.code) {
		g->finding = check_find_pack(c, g->j->copy, g->j->pack, e);
		return false;
	}
	check_packs_dir(c, g->j->copy, g->j->pack, d);
	e = preamble_open(&c->all.keys, &pre, &key);
	if (e.code == E_DENIED) {
		/* Sealed for others, or we may only write. */
		err_drop(e);
		return g->finding == CHECK_NONE;
	}
	if (e.code) {
		g->finding = check_find_pack(c, g->j->copy, g->j->pack, e);
		return false;
	}
	for (size_t i = 0; i < d->nsegments; i++)
		check_segment(w, g, d, &key, i);
	return g->finding == CHECK_NONE;
}

/* A pack that was listed cannot be read: what of it? */
static void
see_unread(struct check *c, const struct job *j, err e)
{
	char name[PACK_NAME_LEN];
	uint32_t n;

	pack_name(&c->all.packs.v[j->pack].id, name);
	if (e.code == E_NOTFOUND && c->needed[j->pack] == 0 &&
	    !check_has(c, j->copy, name)) {
		/* Collected meanwhile. */
		err_drop(e);
		return;
	}
	n = check_find_pack(c, j->copy, j->pack, e);
	check_hurt_pack(c, n, j->pack);
}

static void
check_bytes(struct worker *w, const struct job *j)
{
	struct check *c = w->d->c;
	const struct digest *id = &c->all.packs.v[j->pack].id;
	struct damage g = { .c = c, .j = j, .finding = CHECK_NONE };
	char name[PACK_NAME_LEN];
	struct digest d;
	err e;

	pack_name(id, name);
	buf_clear(&w->b);
	e = store_get(c->v->copies[j->copy].store, name, &w->b);
	if (e.code) {
		see_unread(c, j, e);
		return;
	}
	atomic_fetch_add(&w->d->bytes, w->b.len);
	if (c->o->progress != NULL)
		atomic_fetch_add(&c->o->progress->bytes, w->b.len);
	sha256(w->b.p, w->b.len, &d);
	if (!digest_eq(&d, id))
		g.finding = check_find_pack(
		    c, j->copy, j->pack,
		    err_new(E_CORRUPT, "its bytes do not match its name"));
	if (check_inside(w, &g) && g.finding == CHECK_NONE)
		note_proven(w->d, j);
	else if (g.chunks == 0)
		check_hurt_pack(c, g.finding, j->pack);
}

static void
check_structure(struct check *c, const struct job *j)
{
	const struct pack_row *row = &c->all.packs.v[j->pack];
	AUTO(pack_dir_freep) struct pack_dir *d = NULL;
	err e;

	e = pack_dir_load(c->v->copies[j->copy].store, &row->id, row->size,
	                  &c->all.keys.domain, &d, NULL);
	if (e.code == E_DENIED && c->counts[j->pack] == 0) {
		/* Another domain's. */
		err_drop(e);
		return;
	}
	if (e.code)
		see_unread(c, j, e);
	else
		check_packs_dir(c, j->copy, j->pack, d);
}

/* --- all packs --- */

static err
work(void *arg, unsigned number)
{
	struct data *d = arg;
	struct worker w = { .d = d, .b = BUF_MAX(PACK_MAX) };
	struct check *c = d->c;
	size_t i;
	err e;

	(void)number;
	if ((e = decoder_new(&w.decoder)).code)
		return e;
	while ((i = atomic_fetch_add(&d->next, 1)) < d->n &&
	       !check_stopped(c)) {
		if (d->v[i].data)
			check_bytes(&w, &d->v[i]);
		else
			check_structure(c, &d->v[i]);
		if (c->o->progress != NULL)
			atomic_fetch_add(&c->o->progress->items, 1);
	}
	decoder_free(w.decoder);
	buf_release(&w.b);
	return OK;
}

/* Does chance choose this pack?  ${*state} goes on by splitmix64. */
static bool
chosen(const struct check *c, uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	if (c->o->sample <= 0 || c->o->sample >= 1)
		return true;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (double)((x ^ x >> 31) >> 11) * 0x1p-53 < c->o->sample;
}

static bool
is_sample(const struct check *c)
{
	return c->o->sample > 0 && c->o->sample < 1;
}

static err
add_jobs(struct data *d, size_t copy, uint64_t *chance)
{
	AUTO(packset_release) struct packset proven = { 0 };
	struct check *c = d->c;
	err e;

	if (c->o->read_data && !is_sample(c) &&
	    (e = notes_open(d, copy, &proven)).code)
		return e;
	for (uint32_t i = 0; i < c->npacks; i++) {
		const struct pack_row *row = &c->all.packs.v[i];
		struct job *j;

		if (!(row->present & (uint32_t)1 << copy))
			continue;
		if (packset_has(&proven, &row->id)) {
			c->r->packs_proven_before++;
			continue;
		}
		e = mem_grow(&d->v, d->n + 1, &d->cap, sizeof(*d->v));
		if (e.code)
			return e;
		j = &d->v[d->n++];
		*j = (struct job){
			.pack = i,
			.copy = (uint16_t)copy,
			.data = c->o->read_data && chosen(c, chance),
		};
		if (j->data && c->o->progress != NULL)
			atomic_fetch_add(&c->o->progress->bytes_all, row->size);
	}
	return OK;
}

static err
run_jobs(struct data *d)
{
	unsigned n = d->c->o->threads > 0 ? d->c->o->threads : pool_cpus();
	struct pool *p;
	err e;

	n = MIN(n, (unsigned)THREADS_MAX);
	if ((e = pool_new(n, work, d, &p)).code)
		return e;
	return pool_join(p);
}

static void
data_release(struct data *d)
{
	for (size_t i = 0; d->notes != NULL && i < d->c->v->ncopies; i++)
		close_fd(&d->notes[i]);
	free(d->notes);
	free(d->v);
}

void
check_data_run(struct check *c)
{
	AUTO(data_release) struct data d = { .c = c };
	uint64_t chance;
	err e;

	if ((e = mem_alloc(c->v->ncopies, sizeof(*d.notes), &d.notes)).code) {
		check_fail(c, e);
		return;
	}
	for (size_t i = 0; i < c->v->ncopies; i++)
		d.notes[i] = -1;
	e = crypto_random(&chance, sizeof(chance));
	for (size_t i = 0; i < c->v->ncopies && !e.code; i++)
		if (c->v->copies[i].store != NULL)
			e = add_jobs(&d, i, &chance);
	check_phase(c, c->o->read_data ? "reading packs" : "checking packs",
	            d.n);
	if (!e.code)
		e = run_jobs(&d);
	check_fail(c, e);
	c->r->bytes_read = atomic_load(&d.bytes);
	if (!check_stopped(c))
		notes_end(&d);
}
