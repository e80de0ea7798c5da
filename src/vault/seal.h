/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_SEAL_H
#define VAULT_SEAL_H

/*
 * What every sealed object begins with: the clear preamble, and the session
 * whose key it carries in slots.  And Padmé, the size to which objects are
 * padded. FORMAT.md, "Preamble".
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/crypto.h"
#include "vault/keys.h"

#define MAGIC_LEN      8
#define MAGIC_PACK     "casepack"
#define MAGIC_INDEX    "caseindx"
#define MAGIC_SNAPSHOT "casesnap"

#define PREAMBLE_FIXED 96
#define PREAMBLE_MAX   4096
#define SLOTS_MAX      (PREAMBLE_MAX - PREAMBLE_FIXED)

#define SLOT_EPOCH_X25519 1
#define SLOT_NODE_X25519  2

enum lock_class {
	LOCK_NONE = 0,
	LOCK_JOURNAL = 1,
	LOCK_KEPT = 2,
};

/* The parsed preamble of an object. */
struct preamble {
	uint8_t vault[ID_LEN];
	uint8_t domain[ID_LEN];
	uint8_t session[ID_LEN];
	uint8_t salt[16]; /* Fresh for every object. */
	uint32_t epoch;
	enum lock_class lock;
	uint8_t slots[SLOTS_MAX];
	size_t slots_len;
	size_t len;         /* Of the whole preamble. */
	struct digest hash; /* Of the whole preamble: bound into every seal. */
};

/* One process's writing session: one key, sealed to its readers once. */
struct session {
	uint8_t id[ID_LEN];
	struct secret key;
	uint8_t slots[SLOTS_MAX];
	size_t slots_len;
	atomic_uint workers; /* Next free worker number (nonce prefix). */
};

/* The nonces of one worker: worker number, then a counter. */
struct nonces {
	uint32_t worker;
	uint64_t next;
};

/**
 * session_init(keys, ret), session_release(s):
 * Make a fresh session of this node; wipe it.  Never persisted.
 */
err session_init(const struct node_keys *keys, struct session *ret);
void session_release(struct session *s);

/**
 * nonces_init(s, ret), nonces_next(n, out):
 * Take a worker number of the session; the next nonce of it.
 */
void nonces_init(struct session *s, struct nonces *ret);
void nonces_next(struct nonces *n, uint8_t out[NONCE_LEN]);

/**
 * preamble_write(magic, keys, s, lock, b, ret):
 * Append a preamble with a fresh salt to ${b} (where it must be first), with
 * the slots of ${s} (no slots if NULL), and describe it in ${*ret}.
 */
err preamble_write(const char *magic, const struct node_keys *keys,
                   const struct session *s, enum lock_class lock, struct buf *b,
                   struct preamble *ret);

/**
 * preamble_read(magic, p, n, ret):
 * Parse the preamble at the head of ${n} bytes; more bytes may follow it.
 * E_CORRUPT if it is none, E_UNSUPPORTED for unknown incompatible features or
 * critical slots.
 */
err preamble_read(const char *magic, const void *p, size_t n,
                  struct preamble *ret);

/**
 * preamble_open(keys, pre, ret):
 * Open the session key in a slot of ${pre} with the keys of this node. E_DENIED
 * if no slot is for us.
 */
err preamble_open(const struct node_keys *keys, const struct preamble *pre,
                  struct secret *ret);

/**
 * padme(n):
 * Return the padded size for ${n} bytes (Padmé, PURBs paper, 2019): at most 12
 * % more, and only O(log log n) bits of the size remain visible.
 */
uint64_t padme(uint64_t n);

#endif /* VAULT_SEAL_H */
