/* SPDX-License-Identifier: Apache-2.0 */

/* A few chunks at hand; the one used longest ago makes room. */

#include <string.h>

#include "vault/mount_cache.h"

void
mount_cache_init(struct mount_cache *c, struct mount_readers *readers,
                 size_t max)
{
	*c = (struct mount_cache){ .readers = readers,
		                   .bytes_max = max,
		                   .b = BUF_MAX(SEGMENT_PLAIN_MAX) };
}

static void
slot_clear(struct mount_cache *c, struct mount_slot *s)
{
	c->bytes -= s->n;
	free(s->p);
	*s = (struct mount_slot){ 0 };
}

void
mount_cache_release(struct mount_cache *c)
{
	for (size_t i = 0; i < MOUNT_CACHE_CHUNKS; i++)
		slot_clear(c, &c->slots[i]);
	buf_release(&c->b);
}

/* A free slot, and room for ${n} bytes: the chunks used longest ago go. */
static struct mount_slot *
slot_take(struct mount_cache *c, size_t n)
{
	struct mount_slot *oldest, *unused;

	for (;;) {
		oldest = unused = NULL;
		for (size_t i = 0; i < MOUNT_CACHE_CHUNKS; i++) {
			struct mount_slot *s = &c->slots[i];

			if (s->p == NULL)
				unused = s;
			else if (oldest == NULL || s->used < oldest->used)
				oldest = s;
		}
		if (oldest == NULL ||
		    (unused != NULL && c->bytes + n <= c->bytes_max))
			return unused;
		slot_clear(c, oldest);
	}
}

static err
slot_fill(struct mount_cache *c, const struct digest *name,
          struct mount_slot **ret)
{
	struct mount_slot *s;
	struct reader *r;
	char *copy;
	err e;

	buf_clear(&c->b);
	if ((e = mount_readers_for(c->readers, name, &r)).code ||
	    (e = reader_chunk(r, name, &c->b)).code ||
	    (e = mem_dup(c->b.p, c->b.len, &copy)).code)
		return e;
	s = slot_take(c, c->b.len);
	*s = (struct mount_slot){ .name = *name,
		                  .p = (uint8_t *)copy,
		                  .n = c->b.len };
	c->bytes += s->n;
	*ret = s;
	return OK;
}

err
mount_cache_get(struct mount_cache *c, const struct digest *name,
                const uint8_t **ret, size_t *ret_n)
{
	struct mount_slot *s = NULL;
	err e;

	for (size_t i = 0; i < MOUNT_CACHE_CHUNKS && s == NULL; i++)
		if (c->slots[i].p != NULL && digest_eq(&c->slots[i].name, name))
			s = &c->slots[i];
	if (s == NULL && (e = slot_fill(c, name, &s)).code)
		return e;
	s->used = ++c->ticks;
	*ret = s->p;
	*ret_n = s->n;
	return OK;
}
