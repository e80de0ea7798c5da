/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_PACK_H
#define VAULT_PACK_H

/*
 * Packs: self-contained objects of sealed segments, each segment one coded run
 * of chunks.  What a pack holds stands only in its sealed trailer.  FORMAT.md,
 * "Packs".
 */

#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "crypto/crypto.h"
#include "store/store.h"
#include "vault/keys.h"
#include "vault/seal.h"

#define PACK_MAX           ((size_t)32 << 20) /* No pack is larger. */
#define PACK_TARGET        ((size_t)16 << 20) /* A pack is closed about here. */
#define PACK_FOOTER        (16 + TAG_LEN)
#define PACK_SEGMENTS_MAX  60000
#define SEGMENT_CHUNKS_MAX 4096
#define SEGMENT_PLAIN_MAX  ((size_t)8 << 20) /* One large chunk. */
#define SEGMENT_SHARED_MAX ((size_t)1 << 20) /* Several small ones. */

enum codec {
	CODEC_RAW = 0,
	CODEC_ZSTD = 1,
};

enum chunk_kind {
	CHUNK_DATA = 0,
	CHUNK_TREE = 1,
};

/* A chunk in a segment. */
struct chunk_row {
	struct digest name;
	uint32_t off; /* In the segment's plain bytes. */
	uint32_t len;
};

/* A segment in a pack. */
struct segment_row {
	uint32_t off;        /* In the pack. */
	uint32_t sealed_len; /* Tag included. */
	uint32_t plain_len;  /* After opening and decoding. */
	uint8_t nonce[NONCE_LEN];
	uint8_t codec;
	uint8_t kind;
	uint32_t first; /* Index of its first chunk_row. */
	uint32_t n;     /* Number of its chunks. */
};

/* The directory of a pack: its parsed trailer. */
struct pack_dir {
	struct digest hash; /* Of the preamble. */
	uint8_t session[ID_LEN];
	uint8_t domain[ID_LEN];
	enum lock_class lock;
	uint32_t data_off; /* Where its first segment begins. */
	uint32_t trailer_off;
	struct segment_row *segments; /* Owned. */
	size_t nsegments, cap_segments;
	struct chunk_row *chunks; /* Owned. */
	size_t nchunks, cap_chunks;
};

/**
 * pack_name(id, name):
 * Write the object name "packs/<hex>" to ${name}.
 */
#define PACK_NAME_LEN (6 + DIGEST_HEX + 1)
void pack_name(const struct digest *id, char name[PACK_NAME_LEN]);

/**
 * pack_dir_free(d), pack_dir_freep(d):
 * Free a directory; NULL is fine.
 */
void pack_dir_free(struct pack_dir *d);
void pack_dir_freep(struct pack_dir **d);

/**
 * pack_dir_decode(p, n, d):
 * Parse the plain trailer of ${n} bytes into ${d} (segments and chunks), whose
 * data_off and trailer_off are set: segments fill what lies between. E_CORRUPT,
 * E_UNSUPPORTED.
 */
err pack_dir_decode(const void *p, size_t n, struct pack_dir *d);

/**
 * pack_dir_encode(d, b):
 * Append the plain trailer of ${d}.
 */
void pack_dir_encode(const struct pack_dir *d, struct buf *b);

/**
 * pack_dir_load(s, id, size, domain, ret, ret_pre):
 * Fetch and open the directory of pack ${id}, of ${size} bytes (0 = ask the
 * store), from store ${s}; ${ret_pre} (or NULL) gets its preamble.  E_DENIED if
 * the pack is of another domain.
 */
err pack_dir_load(struct store *s, const struct digest *id, uint32_t size,
                  const struct domain_keys *domain, struct pack_dir **ret,
                  struct preamble *ret_pre);

/**
 * pack_dir_of(p, n, domain, ret, ret_pre):
 * The same from the whole pack in memory.
 */
err pack_dir_of(const void *p, size_t n, const struct domain_keys *domain,
                struct pack_dir **ret, struct preamble *ret_pre);

/**
 * pack_close(domain, d, b):
 * End a pack that ${b} holds up to its last segment: append the sealed trailer,
 * padded so that the pack has a Padmé size, and the footer.
 */
err pack_close(const struct domain_keys *domain, struct pack_dir *d,
               struct buf *b);

/* Bytes of a segment's header as bound into its seal. */
#define SEGMENT_AD_LEN 10

/**
 * segment_ad(seg, ordinal, out):
 * Write the header of segment number ${ordinal} as it is bound into its seal.
 */
void segment_ad(const struct segment_row *seg, uint32_t ordinal,
                uint8_t out[SEGMENT_AD_LEN]);

/* Opaque; a decoder of segments, one a thread. */
struct decoder;

/**
 * decoder_new(ret), decoder_free(d), decoder_freep(d):
 * Make a decoder (it keeps its memory between segments); free it.
 */
err decoder_new(struct decoder **ret);
void decoder_free(struct decoder *d);
void decoder_freep(struct decoder **d);

/**
 * segment_open(dec, key, dir, ordinal, sealed, ret):
 * Open segment ${ordinal} of ${dir}, whose sealed bytes are at ${sealed} (they
 * are overwritten), with the session key ${key}, and decode it; ${*ret} points
 * to its plain_len bytes and is valid until the next call.  E_CORRUPT if the
 * tag does not hold or the code is damaged; memory is bounded by
 * SEGMENT_PLAIN_MAX.
 */
err segment_open(struct decoder *dec, const struct secret *key,
                 const struct pack_dir *dir, uint32_t ordinal, uint8_t *sealed,
                 const uint8_t **ret);

/**
 * chunk_name(naming, sha, ret):
 * The name of the chunk whose plain bytes have SHA-256 ${sha}.
 */
void chunk_name(const struct secret *naming, const struct digest *sha,
                struct digest *ret);

#endif /* VAULT_PACK_H */
