/* SPDX-License-Identifier: Apache-2.0 */

/* Open addressing over keyed names, which hash themselves. */

#include <string.h>

#include "base/buf.h"
#include "vault/nameset.h"

static const uint8_t zero[INDEX_PREFIX];

err
nameset_init(struct nameset *s)
{
	*s = (struct nameset){ .nslots = 4096 };
	pthread_mutex_init(&s->lock, NULL);
	return mem_alloc(s->nslots, INDEX_PREFIX, &s->v);
}

void
nameset_release(struct nameset *s)
{
	if (s->v != NULL)
		pthread_mutex_destroy(&s->lock);
	free(s->v);
	s->v = NULL;
}

static uint8_t *
slot_of(struct nameset *s, const uint8_t *prefix)
{
	size_t i = (size_t)le64(prefix) & (s->nslots - 1);

	while (memcmp(s->v[i], zero, INDEX_PREFIX) != 0 &&
	       memcmp(s->v[i], prefix, INDEX_PREFIX) != 0)
		i = (i + 1) & (s->nslots - 1);
	return s->v[i];
}

static err
grow(struct nameset *s)
{
	struct nameset bigger = *s;
	err e;

	bigger.nslots = s->nslots * 2;
	if ((e = mem_alloc(bigger.nslots, INDEX_PREFIX, &bigger.v)).code)
		return e;
	for (size_t i = 0; i < s->nslots; i++)
		if (memcmp(s->v[i], zero, INDEX_PREFIX) != 0)
			memcpy(slot_of(&bigger, s->v[i]), s->v[i],
			       INDEX_PREFIX);
	free(s->v);
	s->v = bigger.v;
	s->nslots = bigger.nslots;
	return OK;
}

err
nameset_add(struct nameset *s, const struct digest *name, bool *ret_new)
{
	uint8_t *slot;
	err e = OK;

	pthread_mutex_lock(&s->lock);
	if ((s->n + 1) * 3 > s->nslots * 2)
		e = grow(s);
	if (!e.code) {
		slot = slot_of(s, name->b);
		*ret_new = memcmp(slot, zero, INDEX_PREFIX) == 0;
		if (*ret_new) {
			memcpy(slot, name->b, INDEX_PREFIX);
			s->n++;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

bool
nameset_has(struct nameset *s, const struct digest *name)
{
	bool has;

	pthread_mutex_lock(&s->lock);
	has = memcmp(slot_of(s, name->b), zero, INDEX_PREFIX) != 0;
	pthread_mutex_unlock(&s->lock);
	return has;
}
