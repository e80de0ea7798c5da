/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CHECK_H
#define VAULT_CHECK_H

/*
 * What the parts of a check share: the vault as it was listed, and the
 * findings.  The check reads the index by itself, so that it neither trusts nor
 * disturbs what the vault has open.
 */

#include <pthread.h>

#include "vault/collect.h"
#include "vault/room.h"

/* Findings that are kept; report->bad counts all. */
#define CHECK_FINDINGS_MAX 100000
#define CHECK_HURTS_MAX    1000
#define CHECK_NONE         UINT32_MAX

/* A snapshot that some open store lists. */
struct check_snap {
	struct digest id;
	uint32_t in;          /* Bit i: store i lists it. */
	bool readable;        /* `s` is filled: its tree can be walked. */
	struct snapshot s;    /* Owned. */
	bool enveloped;       /* Some store has its envelope. */
	struct packset packs; /* Owned; what that names. */
	uint8_t session[ID_LEN];
};

/* A chunk that is damaged, and the finding that says so. */
struct check_hurt {
	uint8_t prefix[INDEX_PREFIX];
	uint32_t finding;
};

/* Flag of a pack in all.packs: index and directory agree about it. */
#define CHECK_AGREES 8

/* A pack all of whose chunks are, as far as the index knows them. */
struct check_lost {
	uint32_t pack, finding;
	bool named; /* The index knew some. */
};

/* Something that other stores have and one has not; looked at again later. */
struct check_absent {
	size_t copy;
	char name[128];
};

struct check {
	struct vault *v;  /* The caller's. */
	struct vault all; /* The same stores, with an index of our own. */
	const struct vault_check_opts *o;
	struct vault_check_report *r;
	pthread_mutex_t lock; /* Of findings and hurts. */
	err fatal;            /* What keeps the check from going on. */

	struct check_snap *snaps; /* Owned; by id. */
	size_t nsnaps, cap_snaps;
	struct check_absent *absent; /* Owned. */
	size_t nabsent, cap_absent;
	struct collect_session *live; /* Owned: writers at work. */
	size_t nlive, cap_live;

	/* By number in all.packs; owned. */
	size_t npacks;
	uint32_t *counts; /* Index entries of it. */
	uint32_t *needed; /* Bit i: a snapshot in store i names it. */
	uint32_t **found; /* By store: the finding of it there. */

	struct check_hurt *hurts; /* Owned. */
	size_t nhurts, cap_hurts;
	struct check_lost *lost; /* Owned. */
	size_t nlost, cap_lost;
};

/**
 * check_find(c, copy, object, why):
 * Note that ${object} of store ${copy} is damaged, as ${why} says, which is
 * dropped; return the number of the finding, CHECK_NONE if it was not kept.  An
 * ${why} that is no damage (E_NOMEM, E_CANCELLED) ends the check instead.  From
 * any thread, like all that follows.
 */
uint32_t check_find(struct check *c, size_t copy, const char *object, err why);

/**
 * check_find_pack(c, copy, pack, why):
 * The same for a pack; there is one finding for each pack and store, and the
 * first says why.
 */
uint32_t check_find_pack(struct check *c, size_t copy, uint32_t pack, err why);

/**
 * check_left(c, copy, object, what):
 * Note a left-over that prune removes.
 */
void check_left(struct check *c, size_t copy, const char *object,
                const char *what);

/**
 * check_hurt_path(c, finding, s, path, n, more):
 * Note that ${finding} hurts ${path} of ${n} bytes in snapshot ${s}; ${more}
 * says what else, or is "".
 */
void check_hurt_path(struct check *c, uint32_t finding,
                     const struct check_snap *s, const void *path, size_t n,
                     const char *more);

/**
 * check_hurt_all(c, finding, s):
 * Note that ${finding} hurts snapshot ${s} as a whole.
 */
void check_hurt_all(struct check *c, uint32_t finding,
                    const struct check_snap *s);

/**
 * check_hurt_chunk(c, finding, name), check_hurt_pack(c, finding, pack):
 * Note that ${finding} is of a chunk, or of all chunks of a pack; whom that
 * hurts is found out at the end.
 */
void check_hurt_chunk(struct check *c, uint32_t finding,
                      const struct digest *name);
void check_hurt_pack(struct check *c, uint32_t finding, uint32_t pack);

/**
 * check_fail(c, e), check_ignore(c, e), check_stopped(c):
 * End the check with ${e} if it is an error; only if it is E_NOMEM, and drop
 * others; tell whether it is ended, also by the caller's wish.
 */
void check_fail(struct check *c, err e);
void check_ignore(struct check *c, err e);
bool check_stopped(struct check *c);

/**
 * check_phase(c, what, items):
 * Tell the caller what begins, and of how many objects.
 */
void check_phase(struct check *c, const char *what, uint64_t items);

/**
 * check_snap_find(c, id):
 * Return the snapshot of that id; NULL if no store lists it.
 */
struct check_snap *check_snap_find(const struct check *c,
                                   const struct digest *id);

/**
 * check_view(c, copy, ret), check_view_release(v):
 * Set ${*ret} to the vault with that one store; free its reader and wipe it.
 */
void check_view(const struct check *c, size_t copy, struct vault *ret);
void check_view_release(struct vault *v);

/**
 * check_has(c, copy, name):
 * Ask store ${copy} whether it has the object now.
 */
bool check_has(struct check *c, size_t copy, const char *name);

/**
 * check_absent_later(c, copy, name):
 * Store ${copy} did not list ${name}, which another has: see about that at the
 * end, when commits that were under way are done.
 */
void check_absent_later(struct check *c, size_t copy, const char *name);

/* --- the parts, in their order --- */

/**
 * check_snaps(c):
 * List the snapshots of all stores and read what they need.
 */
void check_snaps(struct check *c);

/**
 * check_store_objects(c, copy):
 * Check descriptor, keys, snapshots with their envelopes, and index objects of
 * one store.
 */
void check_store_objects(struct check *c, size_t copy);

/**
 * check_store_markers(c, copy):
 * Check pending and condemned markers and left-over envelopes of one store.
 */
void check_store_markers(struct check *c, size_t copy);

/**
 * check_index_load(c):
 * Load the index into c->all, and check what is in it.
 */
void check_index_load(struct check *c);

/**
 * check_packs_list(c):
 * List the packs of all stores; know what needs and what names each.
 */
void check_packs_list(struct check *c);

/**
 * check_packs_dir(c, copy, pack, d):
 * See that the index and the directory of a pack agree.
 */
void check_packs_dir(struct check *c, size_t copy, uint32_t pack,
                     const struct pack_dir *d);

/**
 * check_packs_left(c):
 * Note packs that nothing needs.
 */
void check_packs_left(struct check *c);

/**
 * check_data_run(c):
 * Check the packs of all stores: their directories, or every byte.
 */
void check_data_run(struct check *c);

/**
 * check_trees_run(c, copy):
 * Walk the trees of all snapshots of one store.
 */
void check_trees_run(struct check *c, size_t copy);

/**
 * check_hurts_run(c):
 * Find the files that what was found hurts.
 */
void check_hurts_run(struct check *c);

#endif /* VAULT_CHECK_H */
