/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The index of our domain, kept in step with the stores.  Index objects are
 * named index/<domain>-<sha256>; the local copy in the cache is byte-identical.
 * An index is a convenience: packs name their chunks themselves, and what no
 * index names is adopted from there.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "vault/room.h"

#define INDEX_NAME_LEN (6 + 2 * ID_LEN + 1 + DIGEST_HEX + 1)
#define LOCAL_LEN      (6 + DIGEST_HEX + 1)
#define LOADS          8 /* Tries to meet the index at rest. */

static void
index_name(const struct vault *v, const struct digest *id,
           char name[INDEX_NAME_LEN])
{
	memcpy(name, "index/", 6);
	hex_encode(v->keys.domain.id, ID_LEN, name + 6);
	name[6 + 2 * ID_LEN] = '-';
	hex_encode(id->b, DIGEST_LEN, name + 6 + 2 * ID_LEN + 1);
}

static void
local_name(const struct digest *id, char name[LOCAL_LEN])
{
	memcpy(name, "index-", 6);
	hex_encode(id->b, DIGEST_LEN, name + 6);
}

/* A cache file needs no durability: a torn one does not open and is fetched
 * again. */
static err
cache_write(struct vault *v, const char *name, const void *p, size_t n)
{
	char tmp[96];
	AUTO(close_fd) int fd = -1;
	err e;

	(void)snprintf(tmp, sizeof(tmp), "tmp-%d-%.64s", (int)getpid(), name);
	fd = openat(v->cache_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	            0600);
	if (fd < 0)
		return err_sys("cache file '%s'", name);
	e = fs_write_full(fd, p, n);
	if (!e.code && renameat(v->cache_fd, tmp, v->cache_fd, name) != 0)
		e = err_sys("cache file '%s'", name);
	if (e.code)
		(void)unlinkat(v->cache_fd, tmp, 0);
	return e;
}

static err
open_local(struct vault *v, const struct digest *id, struct index_file **ret)
{
	char name[LOCAL_LEN];
	err e;
	int fd;

	local_name(id, name);
	if ((fd = openat(v->cache_fd, name, O_RDONLY | O_CLOEXEC)) < 0)
		return err_sys("cache file '%s'", name);
	if ((e = index_open(fd, &v->keys.domain, &v->packs, ret)).code)
		return e;
	index_set_id(*ret, id);
	return OK;
}

static err
fetch(struct vault *v, const struct digest *id)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	char name[INDEX_NAME_LEN], local[LOCAL_LEN];
	err e;

	index_name(v, id, name);
	local_name(id, local);
	if ((e = vault_get_named(v, name, id, &b)).code)
		return e;
	return cache_write(v, local, b.p, b.len);
}

/* Open an index object, from the cache or from a store. */
static err
open_index(struct vault *v, const struct digest *id, struct index_file **ret)
{
	err e = open_local(v, id, ret);

	if (!e.code || e.code == E_NOMEM)
		return e;
	err_drop(e);
	if ((e = fetch(v, id)).code)
		return e;
	return open_local(v, id, ret);
}

static err
note_name(const struct store_item *item, void *arg)
{
	struct vault *v = arg;
	char mine[2 * ID_LEN + 1];
	const char *leaf = strchr(item->name, '/') + 1;
	struct digest d;

	hex_encode(v->keys.domain.id, ID_LEN, mine);
	if (strlen(leaf) != 2 * ID_LEN + 1 + DIGEST_HEX ||
	    strncmp(leaf, mine, 2 * ID_LEN) != 0 || leaf[2 * ID_LEN] != '-' ||
	    !digest_parse(leaf + 2 * ID_LEN + 1, &d))
		return OK;
	return packset_add(&v->index_names, &d);
}

/* Drop cached index files that no store lists any more. */
static void
sweep_cache(struct vault *v)
{
	int fd = openat(v->cache_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;
	struct digest d;

	if (dir == NULL) {
		close_fd(&fd);
		return;
	}
	while ((de = readdir(dir)) != NULL)
		if (strncmp(de->d_name, "index-", 6) == 0 &&
		    digest_parse(de->d_name + 6, &d) &&
		    !packset_has(&v->index_names, &d))
			(void)unlinkat(v->cache_fd, de->d_name, 0);
	(void)closedir(dir);
}

/* Open what is listed; ${*ret_gone} tells if one of them was there no more. */
static err
open_all(struct vault *v, struct packset *super, bool *ret_gone)
{
	err e;

	*ret_gone = false;
	for (size_t i = 0; i < v->index_names.n; i++) {
		struct index_file *f = NULL;
		const struct packset *s;

		e = open_index(v, &v->index_names.v[i], &f);
		if (e.code == E_NOMEM)
			return e;
		if (e.code) {
			/* Its packs are adopted; check names the damage. */
			*ret_gone |= e.code == E_NOTFOUND;
			v->index_gap = true;
			err_drop(e);
			continue;
		}
		s = index_supersedes(f);
		for (size_t k = 0; k < s->n; k++)
			if ((e = packset_add(super, &s->v[k])).code) {
				index_close(f);
				return e;
			}
		if ((e = index_set_add(&v->index, f)).code)
			return e;
	}
	return OK;
}

static err
list_names(struct vault *v)
{
	err e;

	v->index_names.n = 0;
	if ((e = vault_each_name(v, "index", note_name, v)).code)
		return e;
	packset_sort(&v->index_names);
	sweep_cache(v);
	return OK;
}

/* Superseded ones say nothing new: leave them out; true if there are any. */
static bool
drop_superseded(struct packset *names, const struct packset *super)
{
	size_t n = 0, all = names->n;

	for (size_t i = 0; i < all; i++)
		if (!packset_has(super, &names->v[i]))
			names->v[n++] = names->v[i];
	names->n = n;
	return n < all;
}

static err
load_once(struct vault *v, bool *ret_gone)
{
	AUTO(packset_release) struct packset super = { 0 };
	bool gone;
	err e;

	v->index_gap = false;
	index_set_release(&v->index);
	if ((e = index_set_init(&v->index)).code || (e = list_names(v)).code ||
	    (e = open_all(v, &super, ret_gone)).code)
		return e;
	packset_sort(&super);
	if (super.n == 0 || !drop_superseded(&v->index_names, &super))
		return OK;
	index_set_release(&v->index);
	if ((e = index_set_init(&v->index)).code ||
	    (e = open_all(v, &super, &gone)).code)
		return e;
	*ret_gone = gone;
	return OK;
}

err
index_load(struct vault *v)
{
	bool gone = true;
	err e;

	/*
	 * An index that was listed and is gone was superseded by one that may
	 * not have been listed yet, because it is put before the old one is
	 * deleted: list again.
	 */
	v->indexed = false;
	for (int i = 0; i < LOADS && gone; i++)
		if ((e = load_once(v, &gone)).code)
			return e;
	v->indexed = true;
	return OK;
}

/* As index_add(); what no store takes is still of use to us. */
static err
add(struct vault *v, struct index_entry *entries, size_t n,
    const struct packset *supersedes, bool must_put)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	char name[INDEX_NAME_LEN], local[LOCAL_LEN];
	struct index_file *f = NULL;
	struct digest id;
	err e;

	if ((e = index_build(&v->keys, entries, n, &v->packs, supersedes, &b))
	        .code)
		return err_in(e, "index");
	sha256(b.p, b.len, &id);
	index_name(v, &id, name);
	local_name(&id, local);
	e = v->read_only ? OK : vault_put_all(v, name, b.p, b.len, NULL);
	if (e.code && (must_put || e.code == E_NOMEM))
		return err_in(e, "index");
	err_drop(e);
	if ((e = cache_write(v, local, b.p, b.len)).code ||
	    (e = open_local(v, &id, &f)).code ||
	    (e = index_set_add(&v->index, f)).code)
		return err_in(e, "index");
	if ((e = packset_add(&v->index_names, &id)).code)
		return e;
	packset_sort(&v->index_names);
	return OK;
}

err
index_add(struct vault *v, struct index_entry *entries, size_t n,
          const struct packset *supersedes)
{
	return add(v, entries, n, supersedes, true);
}

/* --- adopting ------------------------------------------------------------- */

struct adoption {
	struct vault *v;
	struct index_entry *entries;
	size_t n, cap;
	uint64_t packs;
};

static err
adopt_dir(struct adoption *a, const struct digest *id, uint32_t size,
          const struct pack_dir *d)
{
	uint32_t pack;
	err e;

	if ((e = packtab_add(&a->v->packs, id, size, d->trailer_off, &pack))
	        .code ||
	    (e = mem_grow(&a->entries, a->n + d->nchunks, &a->cap,
	                  sizeof(*a->entries)))
	        .code)
		return e;
	for (size_t s = 0; s < d->nsegments; s++)
		for (uint32_t k = 0; k < d->segments[s].n; k++) {
			struct index_entry *en = &a->entries[a->n++];

			memcpy(en->prefix,
			       d->chunks[d->segments[s].first + k].name.b,
			       INDEX_PREFIX);
			en->at = (struct chunk_place){ pack, (uint16_t)s,
				                       (uint16_t)k };
		}
	a->packs++;
	return OK;
}

static err
adopt_pack(const struct store_item *item, void *arg)
{
	struct adoption *a = arg;
	AUTO(pack_dir_freep) struct pack_dir *d = NULL;
	struct digest id;
	err e = OK;

	if (strncmp(item->name, "packs/", 6) != 0 ||
	    !digest_parse(item->name + 6, &id) || item->size > PACK_MAX ||
	    packtab_find(&a->v->packs, &id) != PACK_NONE)
		return OK;
	for (size_t i = 0; i < a->v->ncopies; i++) {
		if (a->v->copies[i].store == NULL)
			continue;
		err_drop(e);
		e = pack_dir_load(a->v->copies[i].store, &id,
		                  (uint32_t)item->size, &a->v->keys.domain, &d,
		                  NULL);
		if (!e.code)
			break;
	}
	/* Other domains' packs and damaged ones are not ours to use. */
	if (e.code && e.code != E_NOMEM) {
		err_drop(e);
		return OK;
	}
	if (e.code || d == NULL)
		return e;
	if ((e = adopt_dir(a, &id, (uint32_t)item->size, d)).code)
		return e;
	if (a->n >= INDEX_ENTRIES_MAX / 2) {
		e = add(a->v, a->entries, a->n, NULL, false);
		a->n = 0;
	}
	return e;
}

err
index_adopt(struct vault *v, uint64_t *ret_n)
{
	struct adoption a = { .v = v };
	err e;

	e = vault_each_name(v, "packs", adopt_pack, &a);
	if (!e.code && a.n > 0)
		e = add(v, a.entries, a.n, NULL, false);
	free(a.entries);
	if (ret_n != NULL)
		*ret_n = a.packs;
	return e;
}
