/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_RECORD_H
#define VAULT_RECORD_H

/*
 * Clear, signed records: the envelope beside a snapshot, and the pending and
 * condemned markers of collection.  Binary, one spelling, every byte under the
 * signature of a node.  FORMAT.md, "Records".
 */

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "sign/sign.h"
#include "vault/keys.h"
#include "vault/seal.h"

/* The most packs that one record names: 32 TiB of data. */
#define RECORD_PACKS_MAX (1 << 20)

enum record_kind {
	RECORD_ENVELOPE = 1,  /* envelopes/<snapshot id> */
	RECORD_PENDING = 2,   /* pending/<session>-<n> */
	RECORD_CONDEMNED = 3, /* condemned/<id> */
};

/* A sorted set of object names. */
struct packset {
	struct digest *v; /* Owned; ascending, no doubles. */
	size_t n, cap;
};

struct record {
	enum record_kind kind;
	uint8_t vault[ID_LEN];
	uint8_t domain[ID_LEN];
	uint8_t session[ID_LEN];
	int64_t time_ns;      /* When it was written. */
	struct digest signer; /* Key id; set by record_decode(). */
	struct packset packs; /* What it needs, or condemns. */

	/* Envelopes only. */
	struct digest snapshot;
	struct digest asset; /* Pseudonym. */
	struct digest prev;
	uint64_t sequence;
	int64_t started_ns, finished_ns;
	int64_t promised_until_ns; /* 0 = as long as policy keeps it. */
	enum lock_class lock;
};

/**
 * packset_add(s, d), packset_sort(s), packset_has(s, d), packset_release(s):
 * Collect names; sort and drop doubles; look one up (after sorting); free.
 */
err packset_add(struct packset *s, const struct digest *d);
void packset_sort(struct packset *s);
bool packset_has(const struct packset *s, const struct digest *d);
void packset_release(struct packset *s);

/**
 * record_release(r):
 * Free what ${r} owns.
 */
void record_release(struct record *r);

/**
 * record_encode(r, key, b):
 * Append ${r} signed by ${key}.  Its packs must be sorted.
 */
err record_encode(const struct record *r, const struct sign_key *key,
                  struct buf *b);

/**
 * record_decode(kind, st, p, n, ret):
 * Read and verify a record of ${kind}: its signer must be an enrolled node of
 * the domain that it speaks for.  E_CORRUPT if bytes are not as written,
 * E_DENIED if the signer may not, E_UNSUPPORTED for a newer format.
 */
err record_decode(enum record_kind kind, const struct key_statements *st,
                  const void *p, size_t n, struct record *ret);

#endif /* VAULT_RECORD_H */
