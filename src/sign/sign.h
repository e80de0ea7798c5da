/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGN_SIGN_H
#define SIGN_SIGN_H

/*
 * Signing keys and DSSE.  What is signed is always the DSSE pre-authentication
 * encoding of a payload type and a body, so that a signature made for one kind
 * of document never holds for another.  Source: secure-systems-lab/dsse,
 * protocol.md v1.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "crypto/crypto.h"

/* A key pair that signs. */
struct sign_key {
	struct secret seed; /* Ed25519 private seed. */
	struct pubkey pub;
	struct digest id; /* SHA-256 of "ed25519" || 0x00 || pub. */
};

/**
 * sign_key_make(seed, ret):
 * Fill ${*ret} from a private ${seed}.
 */
err sign_key_make(const struct secret *seed, struct sign_key *ret);

/**
 * sign_key_id(pub, ret):
 * Set ${*ret} to the key id of ${pub}.
 */
void sign_key_id(const struct pubkey *pub, struct digest *ret);

/**
 * sign_key_release(k):
 * Wipe ${k}; for AUTO().
 */
void sign_key_release(struct sign_key *k);

/**
 * dsse_pae(type, body, n, b):
 * Append the pre-authentication encoding of ${type} and ${n} bytes at ${body}.
 */
void dsse_pae(const char *type, const void *body, size_t n, struct buf *b);

/**
 * dsse_sign(k, type, body, n, sig):
 * Sign ${n} bytes at ${body}, at most 64 MiB, as a document of ${type}: up to
 * 256 printable ASCII characters without space, quote and backslash (E_INVALID,
 * E_LIMIT).
 */
err dsse_sign(const struct sign_key *k, const char *type, const void *body,
              size_t n, uint8_t sig[SIG_LEN]);

/**
 * dsse_verify(pub, type, body, n, sig):
 * Return true if ${sig} is ${pub}'s signature of that document.
 */
bool dsse_verify(const struct pubkey *pub, const char *type, const void *body,
                 size_t n, const uint8_t sig[SIG_LEN]);

/**
 * dsse_encode(k, type, body, n, b):
 * Append a DSSE JSON envelope {"payload","payloadType","signatures"} around
 * ${n} bytes at ${body}, signed by ${k}, keyid = hex of the key id.  The
 * spelling is fixed: those keys in that order, no white space, standard base64.
 */
err dsse_encode(const struct sign_key *k, const char *type, const void *body,
                size_t n, struct buf *b);

/**
 * dsse_decode(pub, type, p, n, body):
 * Open the envelope of ${n} bytes at ${p}: append the payload to ${body} if it
 * is of ${type} and signed by ${pub}.  Accepts exactly what dsse_encode()
 * writes, so that no byte of an envelope is free.  E_CORRUPT if it is not that,
 * or of another type; E_DENIED if ${pub} did not sign it, or the key id is
 * another's; E_LIMIT if it is longer than any, or ${body} has no room.  After
 * an error nothing was appended.
 */
err dsse_decode(const struct pubkey *pub, const char *type, const void *p,
                size_t n, struct buf *body);

#endif /* SIGN_SIGN_H */
