/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Forgetting: the snapshot object goes first, because it alone makes a
 * snapshot; an envelope that is left over after a crash goes with the next
 * prune.  A snapshot that is damaged can be forgotten, too: that is how one
 * gives it up.
 */

#include <stdio.h>
#include <string.h>

#include "vault/collect.h"

#define NAME_LEN (10 + DIGEST_HEX + 1)

static err
is_there(struct vault *v, const char *name, bool *ret)
{
	uint64_t size;

	*ret = false;
	for (size_t i = 0; i < v->ncopies && !*ret; i++) {
		err e;

		if (v->copies[i].store == NULL)
			continue;
		e = store_size(v->copies[i].store, name, &size);
		*ret = !e.code || e.code == E_CORRUPT;
		if (e.code && e.code != E_NOTFOUND && e.code != E_CORRUPT)
			return e;
		err_drop(e);
	}
	return OK;
}

/* May this node forget ${id}?  It must exist, be of our domain as far as one
 * can tell, and not be promised for longer. */
static err
may_forget(struct vault *v, const struct digest *id)
{
	AUTO(record_release) struct record r = { 0 };
	char name[NAME_LEN];
	struct preamble pre;
	bool there;
	err e;

	(void)snprintf(name, sizeof(name), "snapshots/%s", digest_str(id));
	if ((e = is_there(v, name, &there)).code)
		return e;
	if (!there)
		return err_new(E_NOTFOUND, "no open store has snapshot %s",
		               digest_str(id));
	e = collect_snapshot(v, id, &pre);
	if (!e.code && memcmp(pre.domain, v->keys.domain.id, ID_LEN) != 0)
		return err_new(E_DENIED,
		               "snapshot %.12s belongs to another domain: "
		               "forget it there",
		               digest_str(id));
	if (!e.code)
		e = collect_envelope(v, id, &pre, &r);
	if (e.code == E_NOMEM)
		return e;
	if (!e.code && r.promised_until_ns > time_now())
		return err_new(E_DENIED, "snapshot %.12s is promised until %s",
		               digest_str(id), time_str(r.promised_until_ns));
	err_drop(e);
	return OK;
}

static err
forget_from(struct store *s, const struct digest *id)
{
	char name[NAME_LEN];
	err e;

	(void)snprintf(name, sizeof(name), "snapshots/%s", digest_str(id));
	if ((e = store_delete(s, name)).code)
		return e;
	(void)snprintf(name, sizeof(name), "envelopes/%s", digest_str(id));
	return store_delete(s, name);
}

err
vault_forget(struct vault *v, const struct digest *ids, size_t n)
{
	err first = OK, e;
	size_t failed = 0;

	/* Nothing goes before it is clear that all may go. */
	if ((e = vault_writable(v)).code)
		return e;
	for (size_t i = 0; i < n; i++)
		if ((e = may_forget(v, &ids[i])).code)
			return e;
	for (size_t k = 0; k < v->ncopies; k++) {
		struct store *s = v->copies[k].store;

		for (size_t i = 0; s != NULL && i < n; i++) {
			if (!(e = forget_from(s, &ids[i])).code)
				continue;
			failed++;
			err_keep(&first, e);
		}
	}
	if (failed == 0)
		return OK;
	e = err_new(E_PARTIAL,
	            "%zu of %zu removals could not be made, run it again: %s",
	            failed, n, err_text(first));
	err_drop(first);
	return e;
}
