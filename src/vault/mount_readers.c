/* SPDX-License-Identifier: Apache-2.0 */

/* Readers, and which segment each has opened. */

#include <assert.h>

#include "vault/mount_readers.h"

err
mount_readers_init(struct mount_readers *m, struct vault *v, size_t n)
{
	err e;

	assert(n > 0 && n <= MOUNT_READERS_MAX);
	*m = (struct mount_readers){ .v = v };
	while (m->n < n) {
		if ((e = reader_new(v, &m->slot[m->n].r)).code) {
			mount_readers_release(m);
			return e;
		}
		m->slot[m->n++].pack = PACK_NONE;
	}
	return OK;
}

void
mount_readers_release(struct mount_readers *m)
{
	for (size_t i = 0; i < m->n; i++)
		reader_free(m->slot[i].r);
	*m = (struct mount_readers){ 0 };
}

err
mount_readers_for(struct mount_readers *m, const struct digest *chunk,
                  struct reader **ret)
{
	struct chunk_place at;
	size_t k = 0;
	err e;

	if ((e = reader_place(m->v, chunk, &at)).code)
		return e;
	for (size_t i = 0; i < m->n; i++) {
		if (m->slot[i].pack == at.pack &&
		    m->slot[i].segment == at.segment) {
			k = i;
			break;
		}
		if (m->slot[i].used < m->slot[k].used)
			k = i;
	}
	m->slot[k].pack = at.pack;
	m->slot[k].segment = at.segment;
	m->slot[k].used = ++m->ticks;
	*ret = m->slot[k].r;
	return OK;
}
