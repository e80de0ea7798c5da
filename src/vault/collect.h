/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_COLLECT_H
#define VAULT_COLLECT_H

/*
 * What is needed and what is not, found out without any key: the pack lists of
 * verified envelopes and of pending markers.  The order of listings is what
 * makes it right beside running backups; see collect.c and FORMAT.md, "Commit
 * and collection".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "vault/record.h"
#include "vault/room.h"

#define COLLECT_DAY            (24 * 3600 * NS_PER_S)
#define COLLECT_PENDING_LIFE   (7 * COLLECT_DAY)
#define COLLECT_CONDEMNED_LIFE (30 * COLLECT_DAY)

/* Flags of a pack in the table of a collection. */
#define COLLECT_LISTED    1  /* An open store lists it. */
#define COLLECT_NEEDED    2  /* A snapshot or a running backup names it. */
#define COLLECT_CONDEMNED 4  /* An earlier marker of our domain names it. */
#define COLLECT_GONE      8  /* This run deleted it from all open stores. */
#define COLLECT_INDEXED   16 /* An index object names it. */

/* An object as the open stores list it, together. */
struct collect_name {
	char *name; /* Owned. */
	uint64_t size;
	int64_t changed_ns; /* When the last store received it. */
};

struct collect_names {
	struct collect_name *v; /* Owned; by name. */
	size_t n, cap;
};

/* A writing session that has announced itself and may still commit. */
struct collect_session {
	uint8_t id[ID_LEN];
};

struct collect {
	struct vault *v;                 /* Borrowed. */
	struct vault_problems *problems; /* Borrowed. */
	struct packtab packs;            /* Listed or needed ones. */
	struct packset snapshots;        /* Whose needs are in the table. */
	struct collect_session *live;    /* Owned; doubles are fine. */
	size_t nlive, cap_live;
	struct collect_names expired; /* Pending markers past their life. */
};

/**
 * collect_init(c, v, problems), collect_release(c):
 * Begin with an empty table; free it.
 */
void collect_init(struct collect *c, struct vault *v,
                  struct vault_problems *problems);
void collect_release(struct collect *c);

/**
 * collect_keys(v):
 * Read the key statements of all open stores again: somebody may have been
 * enrolled since the vault was opened.
 */
err collect_keys(struct vault *v);

/**
 * collect_list(v, kind, ret), collect_names_release(s):
 * List the objects of ${kind} in all open stores, each once; free.
 */
err collect_list(struct vault *v, const char *kind, struct collect_names *ret);
void collect_names_release(struct collect_names *s);

/**
 * collect_is_damage(code):
 * Tell whether an error of reading an object means that its bytes are no good,
 * rather than that they could not be had.
 */
bool collect_is_damage(enum err_code code);

/**
 * collect_record(v, kind, name, ret):
 * Read and verify a record from the first open store whose copy is good.
 * E_NOTFOUND only if no open store has it.
 */
err collect_record(struct vault *v, enum record_kind kind, const char *name,
                   struct record *ret);

/**
 * collect_snapshot(v, id, ret):
 * Verify the snapshot object ${id}, which needs no key, and describe its
 * preamble.
 */
err collect_snapshot(struct vault *v, const struct digest *id,
                     struct preamble *ret);

/**
 * collect_envelope(v, id, pre, ret):
 * Read and verify the envelope of snapshot ${id} of preamble ${pre}: it must be
 * of the same domain and session.  E_CORRUPT, E_DENIED, E_NOTFOUND.
 */
err collect_envelope(struct vault *v, const struct digest *id,
                     const struct preamble *pre, struct record *ret);

/**
 * collect_preamble(v, row, ret):
 * Read the preamble of a pack from the first open store where it is one.
 */
err collect_preamble(struct vault *v, const struct pack_row *row,
                     struct preamble *ret);

/**
 * collect_pending_session(name, id):
 * Set ${id} to the session that the name of a pending marker means; false if it
 * is no such name.
 */
bool collect_pending_session(const char *name, uint8_t id[ID_LEN]);

/**
 * collect_since(record_ns, changed_ns, now):
 * From when on a marker's life counts: the later of both times, but not from a
 * record's time that lies more than a day ahead.
 */
int64_t collect_since(int64_t record_ns, int64_t changed_ns, int64_t now);

/**
 * collect_packs(c):
 * List the packs of all open stores.  Before collect_needs().
 */
err collect_packs(struct collect *c);

/**
 * collect_needs(c):
 * Flag what running backups and snapshots name.  Called again, it adds what
 * came meanwhile.  E_CORRUPT, naming the object and what to do, if a snapshot
 * of our domain, or a marker that may still live, does not tell what it needs.
 */
err collect_needs(struct collect *c);

/**
 * collect_is_live(c, session):
 * Tell whether ${session} has announced itself and not expired.
 */
bool collect_is_live(const struct collect *c, const uint8_t session[ID_LEN]);

#endif /* VAULT_COLLECT_H */
