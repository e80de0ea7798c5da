/* SPDX-License-Identifier: Apache-2.0 */

/* Packs by number and by name.  Names are digests, so they hash themselves. */

#include "base/buf.h"
#include "vault/packtab.h"

static size_t
slot_of(const struct packtab *t, const struct digest *id)
{
	size_t i = (size_t)le64(id->b) & (t->nslots - 1);

	while (t->slots[i] != PACK_NONE &&
	       !digest_eq(&t->v[t->slots[i]].id, id))
		i = (i + 1) & (t->nslots - 1);
	return i;
}

static err
rehash(struct packtab *t)
{
	size_t nslots = t->nslots ? t->nslots * 2 : 256;
	uint32_t *slots;

	if ((slots = malloc(nslots * sizeof(*slots))) == NULL)
		return err_nomem();
	for (size_t i = 0; i < nslots; i++)
		slots[i] = PACK_NONE;
	free(t->slots);
	t->slots = slots;
	t->nslots = nslots;
	for (size_t i = 0; i < t->n; i++)
		t->slots[slot_of(t, &t->v[i].id)] = (uint32_t)i;
	return OK;
}

err
packtab_add(struct packtab *t, const struct digest *id, uint32_t size,
            uint32_t trailer_off, uint32_t *ret)
{
	uint32_t n = packtab_find(t, id);
	err e;

	if (n != PACK_NONE) {
		*ret = n;
		return OK;
	}
	if ((t->n + 1) * 2 > t->nslots && (e = rehash(t)).code)
		return e;
	if ((e = mem_grow(&t->v, t->n + 1, &t->cap, sizeof(*t->v))).code)
		return e;
	t->v[t->n].id = *id;
	t->v[t->n].size = size;
	t->v[t->n].trailer_off = trailer_off;
	t->v[t->n].present = 0;
	atomic_init(&t->v[t->n].flags, 0);
	t->slots[slot_of(t, id)] = (uint32_t)t->n;
	*ret = (uint32_t)t->n++;
	return OK;
}

uint32_t
packtab_find(const struct packtab *t, const struct digest *id)
{
	return t->nslots ? t->slots[slot_of(t, id)] : PACK_NONE;
}

void
packtab_unflag(struct packtab *t, uint8_t flag)
{
	for (size_t i = 0; i < t->n; i++)
		atomic_fetch_and(&t->v[i].flags, (uint8_t)~flag);
}

void
packtab_release(struct packtab *t)
{
	free(t->v);
	free(t->slots);
	*t = (struct packtab){ 0 };
}
