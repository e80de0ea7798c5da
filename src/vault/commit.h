/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_COMMIT_H
#define VAULT_COMMIT_H

/*
 * How a snapshot becomes real beside collectors that run at any time: what is
 * needed is announced durably before it is looked whether any of it is
 * condemned.  FORMAT.md, "Commit and collection".
 */

#include "vault/packer.h"
#include "vault/record.h"

struct commit {
	struct vault *v;
	const struct session *session;
	struct vault_store_outcome *outcome;
	unsigned pendings;   /* Markers written: pending/<session>-<n>. */
	int64_t promised_at; /* Boot time of the last one. */
};

/**
 * commit_survey(c):
 * See which packs each store holds, and which are condemned: packs that no
 * store has, or that a collector is after, become PACK_DEAD, so that nobody
 * counts on them.  Gives each store the key statements that it lacks.  E_DENIED
 * if none says that we may write.
 */
err commit_survey(struct commit *c);

/**
 * commit_fill(c):
 * Bring every pack that is PACK_USED into every open store that lacks it.
 */
err commit_fill(struct commit *c);

/**
 * commit_keep(c):
 * Announce that this session writes packs; called before each of them is put.
 * The announcement is made again every day, because it expires.
 */
err commit_keep(struct commit *c);

/**
 * commit_promise(c, ret_clear):
 * Announce all packs that are PACK_USED, then read what is condemned.  Packs of
 * ours that are condemned become PACK_DEAD; ${*ret_clear} tells if there were
 * none.  If there were, what they held must be written again, and the promise
 * be made again.
 */
err commit_promise(struct commit *c, bool *ret_clear);

/**
 * commit_snapshot(c, s):
 * Put envelope and snapshot; s->id is set.  OK means that the snapshot is
 * durable in at least one store and safe from every collector.  E_BUSY if the
 * promise has grown too old meanwhile: promise again, then call again.
 */
err commit_snapshot(struct commit *c, struct snapshot *s);

/**
 * commit_end(c):
 * Take back the announcements.  Failing to is harmless: they expire.
 */
void commit_end(struct commit *c);

#endif /* VAULT_COMMIT_H */
