/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Packs, index and pack lists against each other.  The index may be lost or
 * damaged while all packs are whole: packs that snapshots need and no index
 * names are indexed in memory, so that one damage is not told as many.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "vault/check.h"
#include "vault/merge.h"

/* Copies of one chunk that are told apart. */
#define PLACES 64

/* --- the index --- */

/* Is the cached file the object that its name says? */
static bool
cached_is_whole(int dirfd, const char *name, const struct digest *id)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	struct digest d;
	err e = fs_read(dirfd, name, &b);

	err_drop(e);
	if (e.code)
		return false;
	sha256(b.p, b.len, &d);
	return digest_eq(&d, id);
}

/* A damaged local copy is fetched again, and is nobody's damage. */
static void
sweep_cache(struct check *c)
{
	int fd = openat(c->v->cache_fd, ".",
	                O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;
	struct digest id;

	if (dir == NULL) {
		close_fd(&fd);
		return;
	}
	while ((de = readdir(dir)) != NULL)
		if (strncmp(de->d_name, "index-", 6) == 0 &&
		    digest_parse(de->d_name + 6, &id) &&
		    !cached_is_whole(c->v->cache_fd, de->d_name, &id))
			(void)unlinkat(c->v->cache_fd, de->d_name, 0);
	(void)closedir(dir);
}

static size_t
first_open(const struct check *c)
{
	size_t i = 0;

	while (c->v->copies[i].store == NULL)
		i++;
	return i;
}

void
check_index_load(struct check *c)
{
	err e;

	check_phase(c, "loading the index", 0);
	sweep_cache(c);
	if ((e = index_load(&c->all)).code) {
		check_fail(c, e);
		return;
	}
	for (size_t i = 0; i < c->all.index.n && !check_stopped(c); i++) {
		struct index_file *f = c->all.index.v[i];
		char object[128];
		char hex[2 * ID_LEN + 1];

		if (!(e = index_check(f)).code)
			continue;
		hex_encode(c->v->keys.domain.id, ID_LEN, hex);
		(void)snprintf(object, sizeof(object), "index/%s-%s", hex,
		               digest_str(index_id(f)));
		(void)check_find(c, first_open(c), object, e);
	}
}

/* Entries that have been seen of one prefix. */
struct same {
	struct index_entry v[PLACES];
	size_t n;
};

static bool
is_double(struct same *s, const struct index_entry *en)
{
	if (s->n > 0 && memcmp(s->v[0].prefix, en->prefix, INDEX_PREFIX) != 0)
		s->n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].at.pack == en->at.pack &&
		    s->v[i].at.segment == en->at.segment &&
		    s->v[i].at.pos == en->at.pos)
			return true;
	if (s->n < PLACES)
		s->v[s->n++] = *en;
	return false;
}

/* How many chunks the index knows of each pack, and in all. */
static err
count_entries(struct check *c)
{
	AUTO(merge_release) struct merge m = { 0 };
	struct same same = { .n = 0 };
	struct index_entry en;
	bool more;
	err e;

	if ((e = merge_init(&m, c->all.index.v, c->all.index.n)).code)
		return e;
	while (!(e = merge_next(&m, &en, &more)).code && more) {
		if (is_double(&same, &en))
			continue;
		c->counts[en.at.pack]++;
		c->r->chunks += same.n == 1;
	}
	/* A page that does not open was told by index_check(). */
	check_ignore(c, e);
	return OK;
}

/* --- listing --- */

struct listing {
	struct check *c;
	size_t copy;
	struct wrong {
		size_t copy;
		uint32_t pack;
		uint64_t size;
	} * wrong; /* Packs of another size than expected; owned. */
	size_t n, cap;
};

static err
list_pack(const struct store_item *item, void *arg)
{
	struct listing *l = arg;
	struct packtab *t = &l->c->all.packs;
	struct digest id;
	uint32_t n;
	err e;

	if (!digest_parse(item->name + 6, &id)) {
		(void)check_find(l->c, l->copy, item->name,
		                 err_new(E_CORRUPT,
		                         "no pack has such a name: "
		                         "remove it"));
		return OK;
	}
	if ((e = packtab_add(t, &id,
	                     (uint32_t)MIN(item->size, (uint64_t)UINT32_MAX), 0,
	                     &n))
	        .code)
		return e;
	t->v[n].present |= (uint32_t)1 << l->copy;
	if (t->v[n].size == item->size)
		return OK;
	if ((e = mem_grow(&l->wrong, l->n + 1, &l->cap, sizeof(*l->wrong)))
	        .code)
		return e;
	l->wrong[l->n++] = (struct wrong){ l->copy, n, item->size };
	return OK;
}

static void
list_store(struct check *c, struct listing *l)
{
	struct store *s = c->v->copies[l->copy].store;
	err e;

	if (s == NULL)
		return;
	e = store_list(s, "packs", list_pack, l);
	if (e.code)
		(void)check_find(c, l->copy, "packs", e);
}

static err
make_tables(struct check *c)
{
	struct packtab *t = &c->all.packs;
	uint32_t n;
	err e;

	for (size_t i = 0; i < c->nsnaps; i++)
		for (size_t k = 0; k < c->snaps[i].packs.n; k++)
			if ((e = packtab_add(t, &c->snaps[i].packs.v[k], 0, 0,
			                     &n))
			        .code)
				return e;
	c->npacks = t->n;
	if ((e = mem_alloc(t->n + 1, sizeof(*c->counts), &c->counts)).code ||
	    (e = mem_alloc(t->n + 1, sizeof(*c->needed), &c->needed)).code ||
	    (e = mem_alloc(c->v->ncopies, sizeof(*c->found), &c->found)).code)
		return e;
	for (size_t i = 0; i < c->v->ncopies; i++) {
		if ((e = mem_alloc(t->n + 1, sizeof(uint32_t), &c->found[i]))
		        .code)
			return e;
		memset(c->found[i], 0xff, t->n * sizeof(uint32_t));
	}
	for (size_t i = 0; i < c->nsnaps; i++)
		for (size_t k = 0; k < c->snaps[i].packs.n; k++)
			c->needed[packtab_find(t, &c->snaps[i].packs.v[k])] |=
			    c->snaps[i].in;
	return OK;
}

/* Does a snapshot that is still in store ${copy} name ${id}? */
static bool
still_needed(struct check *c, size_t copy, const struct digest *id)
{
	char name[80];

	for (size_t i = 0; i < c->nsnaps; i++) {
		const struct check_snap *s = &c->snaps[i];

		if (!(s->in & (uint32_t)1 << copy) ||
		    !packset_has(&s->packs, id))
			continue;
		(void)snprintf(name, sizeof(name), "snapshots/%s",
		               digest_str(&s->id));
		if (check_has(c, copy, name))
			return true;
	}
	return false;
}

static void
see_missing(struct check *c, size_t copy, uint32_t pack)
{
	const struct pack_row *row = &c->all.packs.v[pack];
	char name[PACK_NAME_LEN];
	uint32_t n;

	pack_name(&row->id, name);
	if (check_has(c, copy, name) || !still_needed(c, copy, &row->id))
		return;
	n = check_find_pack(c, copy, pack,
	                    err_new(E_NOTFOUND, "it is missing"));
	check_hurt_pack(c, n, pack);
}

/* --- packs that no index names --- */

struct supplement {
	struct check *c;
	struct index_entry *v; /* Owned. */
	size_t n, cap, packs;
};

static err
supplement_pack(struct supplement *s, uint32_t pack)
{
	struct check *c = s->c;
	const struct pack_row *row = &c->all.packs.v[pack];
	AUTO(pack_dir_freep) struct pack_dir *d = NULL;
	err e;

	for (size_t i = 0; i < c->v->ncopies && d == NULL; i++) {
		if (!(row->present & (uint32_t)1 << i))
			continue;
		e = pack_dir_load(c->v->copies[i].store, &row->id, row->size,
		                  &c->v->keys.domain, &d, NULL);
		if (e.code == E_NOMEM)
			return e;
		err_drop(e);
	}
	if (d == NULL)
		return OK;
	if ((e = mem_grow(&s->v, s->n + d->nchunks, &s->cap, sizeof(*s->v)))
	        .code)
		return e;
	for (size_t k = 0; k < d->nsegments; k++)
		for (uint32_t i = 0; i < d->segments[k].n; i++) {
			struct index_entry *en = &s->v[s->n++];

			memcpy(en->prefix,
			       d->chunks[d->segments[k].first + i].name.b,
			       INDEX_PREFIX);
			en->at = (struct chunk_place){ pack, (uint16_t)k,
				                       (uint16_t)i };
		}
	c->counts[pack] = (uint32_t)d->nchunks;
	s->packs++;
	return OK;
}

static err
supplement_add(struct supplement *s)
{
	AUTO(buf_release) struct buf b = BUF_MAX(GiB);
	struct check *c = s->c;
	struct index_file *f;
	AUTO(close_fd) int fd = -1;
	int mine;
	err e;

	e = index_build(&c->all.keys, s->v, s->n, &c->all.packs, NULL, &b);
	if (e.code)
		return e;
	if ((fd = memfd_create("index", MFD_CLOEXEC)) < 0)
		return err_sys("index of unindexed packs");
	if ((e = fs_write_full(fd, b.p, b.len)).code)
		return e;
	mine = fd;
	fd = -1;
	if ((e = index_open(mine, &c->all.keys.domain, &c->all.packs, &f)).code)
		return e;
	return index_set_add(&c->all.index, f);
}

static err
supplement(struct check *c)
{
	struct supplement s = { .c = c };
	err e = OK;

	for (uint32_t i = 0; i < c->npacks && !e.code; i++)
		if (c->needed[i] != 0 && c->counts[i] == 0 &&
		    c->all.packs.v[i].present != 0)
			e = supplement_pack(&s, i);
	if (!e.code && s.packs > 0) {
		(void)check_find(c, first_open(c), "index",
		                 err_new(E_NOTFOUND,
		                         "%zu packs that snapshots need are in "
		                         "no index: a restore or a repair "
		                         "adopts them",
		                         s.packs));
		e = supplement_add(&s);
	}
	free(s.v);
	return e;
}

void
check_packs_list(struct check *c)
{
	struct listing l = { .c = c };
	err e;

	check_phase(c, "listing packs", 0);
	for (l.copy = 0; l.copy < c->v->ncopies; l.copy++)
		list_store(c, &l);
	e = make_tables(c);
	for (size_t i = 0; i < l.n && !e.code; i++) {
		uint32_t n = check_find_pack(
		    c, l.wrong[i].copy, l.wrong[i].pack,
		    err_new(E_CORRUPT, "it has %llu bytes, not %u",
		            (unsigned long long)l.wrong[i].size,
		            c->all.packs.v[l.wrong[i].pack].size));

		check_hurt_pack(c, n, l.wrong[i].pack);
	}
	free(l.wrong);
	if (e.code || (e = count_entries(c)).code || (e = supplement(c)).code) {
		check_fail(c, e);
		return;
	}
	for (uint32_t i = 0; i < c->npacks; i++) {
		uint32_t present = c->all.packs.v[i].present;

		c->r->packs += present != 0;
		for (size_t k = 0; k < c->v->ncopies; k++)
			if (c->v->copies[k].store != NULL &&
			    (c->needed[i] & ~present & (uint32_t)1 << k))
				see_missing(c, k, i);
	}
}

/* --- directories --- */

/* Is chunk ${pos} of segment ${segment} where the index says it is? */
static bool
is_indexed(struct check *c, uint32_t pack, const struct digest *name,
           size_t segment, uint32_t pos)
{
	struct chunk_place at[PLACES];
	size_t n = PLACES;
	err e;

	e = index_set_places(&c->all.index, &c->all.packs, name, at, &n);
	check_ignore(c, e);
	for (size_t i = 0; !e.code && i < n; i++)
		if (at[i].pack == pack && at[i].segment == segment &&
		    at[i].pos == pos)
			return true;
	return false;
}

void
check_packs_dir(struct check *c, size_t copy, uint32_t pack,
                const struct pack_dir *d)
{
	size_t agree = 0;

	/* Nobody looks for what no index names and no snapshot needs. */
	if (c->counts[pack] == 0 ||
	    packtab_is(&c->all.packs, pack, CHECK_AGREES))
		return;
	for (size_t s = 0; s < d->nsegments; s++)
		for (uint32_t i = 0; i < d->segments[s].n; i++)
			agree += is_indexed(
			    c, pack, &d->chunks[d->segments[s].first + i].name,
			    s, i);
	if (agree == d->nchunks && agree == c->counts[pack])
		packtab_flag(&c->all.packs, pack, CHECK_AGREES);
	else
		(void)check_find_pack(
		    c, copy, pack,
		    err_new(E_CORRUPT,
		            "it holds %zu chunks, the index knows %u of it, "
		            "and %zu are where it says",
		            d->nchunks, c->counts[pack], agree));
}

/* --- left-overs --- */

static void
see_left(struct check *c, const struct collect *k, uint32_t pack)
{
	const struct pack_row *row = &c->all.packs.v[pack];
	uint32_t n = packtab_find(&k->packs, &row->id);
	char name[PACK_NAME_LEN];
	struct preamble pre;
	err e;

	if (n != PACK_NONE && packtab_is(&k->packs, n, COLLECT_NEEDED))
		return;
	e = collect_preamble(&c->all, row, &pre);
	check_ignore(c, e);
	if (e.code || collect_is_live(k, pre.session))
		return;
	pack_name(&row->id, name);
	for (size_t i = 0; i < c->v->ncopies; i++)
		if (row->present & (uint32_t)1 << i)
			check_left(c, i, name, "no snapshot needs it");
}

void
check_packs_left(struct check *c)
{
	AUTO(collect_release) struct collect k = { 0 };
	AUTO(vault_problems_release) struct vault_problems none = { 0 };
	size_t left = 0;
	err e;

	for (size_t i = 0; i < c->npacks; i++)
		left += c->needed[i] == 0 && c->all.packs.v[i].present != 0;
	if (left == 0)
		return;

	/* What was committed since the snapshots were listed counts. */
	collect_init(&k, &c->all, &none);
	e = collect_needs(&k);
	check_ignore(c, e);
	for (uint32_t i = 0; !e.code && i < c->npacks; i++)
		if (c->needed[i] == 0 && c->all.packs.v[i].present != 0)
			see_left(c, &k, i);
}
