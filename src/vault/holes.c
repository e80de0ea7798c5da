/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Holes, read pair by pair: all of them are checked once, then passed in order.
 */

#include "vault/holes.h"

/* Read the next pair; the cursor was checked by holes_init(). */
static void
holes_step(struct holes *h)
{
	h->hole = 0;
	if (h->c.left == 0)
		return;
	h->next += cur_varint(&h->c);
	h->hole = cur_varint(&h->c);
}

err
holes_init(struct holes *h, const struct tree_entry *t)
{
	struct cur c = CUR(t->holes, t->holes_len);
	uint64_t data = 0, holes = 0, skip, hole;

	while (!c.bad && c.left > 0) {
		skip = cur_varint(&c);
		hole = cur_varint(&c);
		if (c.bad || hole == 0 || t->size - data - holes < skip ||
		    t->size - data - holes - skip < hole)
			return err_new(E_CORRUPT,
			               "holes that do not fit into the file");
		data += skip;
		holes += hole;
	}
	*h = (struct holes){
		.c = CUR(t->holes, t->holes_len),
		.size = t->size - holes,
	};
	holes_step(h);
	return OK;
}

uint64_t
holes_map(struct holes *h, uint64_t off, uint64_t *ret_run)
{
	while (h->hole > 0 && h->next <= off) {
		h->shift += h->hole;
		holes_step(h);
	}
	*ret_run = (h->hole > 0 ? h->next : h->size) - off;
	return off + h->shift;
}
