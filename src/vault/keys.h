/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_KEYS_H
#define VAULT_KEYS_H

/*
 * The keys of a vault: one root seed, and what is derived from it; the node
 * file that lets a machine back up and restore unattended; the public
 * statements by which the root enrols epochs and nodes; the recovery kit.
 * FORMAT.md, "Keys".
 */

#include "base/buf.h"
#include "base/err.h"
#include "crypto/crypto.h"
#include "sign/sign.h"
#include "store/store.h"

#define ID_LEN 16

/* The keys of one domain, all derived from its domain key. */
struct domain_keys {
	uint8_t id[ID_LEN];
	struct secret key;       /* The domain key itself. */
	struct secret naming;    /* Chunk names. */
	struct secret chunker;   /* Gear table, tree cuts. */
	struct secret trailer;   /* Pack trailers. */
	struct secret index;     /* Index objects. */
	struct secret cache;     /* Local caches. */
	struct secret pseudonym; /* Asset names in clear envelopes. */
};

/* What a node holds: the content of node.key. */
struct node_keys {
	uint8_t vault[ID_LEN];
	struct pubkey root;   /* Signs statements. */
	char name[64];        /* Of this node. */
	uint8_t node[ID_LEN]; /* Of this node. */
	struct sign_key sign; /* Signs snapshots. */
	bool can_read;        /* `read` is there: not a write-only node. */
	struct secret read;   /* X25519: opens what this node sealed. */
	struct pubkey read_pub;
	uint32_t epoch; /* Newest epoch, to which is sealed. */
	struct pubkey epoch_pub;
	struct domain_keys domain;
};

/* An enrolled key, as its root-signed statement says. */
struct key_statement {
	/* STATEMENT_OTHER: of a newer version, and no harm to pass over. */
	enum { STATEMENT_EPOCH, STATEMENT_NODE, STATEMENT_OTHER } kind;
	uint32_t number; /* Its place: keys/<number>. */
	int64_t since_ns;
	uint32_t epoch;         /* Of an epoch. */
	struct pubkey pub;      /* X25519 of an epoch, Ed25519 of a node. */
	struct pubkey read;     /* X25519 of a node. */
	char name[64];          /* Of a node. */
	uint8_t node[ID_LEN];   /* Of a node. */
	uint8_t domain[ID_LEN]; /* Of a node: the domain it may write. */
	struct digest id;       /* Key id of a node's signing key. */
	bool write_only;
};

struct key_statements {
	struct key_statement *v; /* Owned; in the order of their numbers. */
	size_t n, cap;
};

/**
 * domain_keys_make(id, key, ret), domain_keys_release(d):
 * Derive what follows from a domain key; wipe.
 */
void domain_keys_make(const uint8_t id[ID_LEN], const struct secret *key,
                      struct domain_keys *ret);
void domain_keys_release(struct domain_keys *d);

/**
 * node_keys_release(k):
 * Wipe ${k}; for AUTO().
 */
void node_keys_release(struct node_keys *k);

/**
 * node_keys_new(seed, node, name, ret):
 * Fill ${*ret} for a node of id ${node}: its signing key is fresh, its read key
 * follows from ${seed} and ${node}, its domain from ${node}; epoch 0.
 */
err node_keys_new(const struct secret *seed, const uint8_t node[ID_LEN],
                  const char *name, struct node_keys *ret);

/**
 * node_keys_save(k, state_dirfd), node_keys_load(state_dirfd, ret):
 * Write or read the file node.key (0600).  Saving never replaces: E_EXISTS.
 * Loading refuses a file that others may read, with E_DENIED.
 */
err node_keys_save(const struct node_keys *k, int state_dirfd);
err node_keys_load(int state_dirfd, struct node_keys *ret);

/**
 * root_sign_key(seed, ret):
 * Derive the key that signs descriptor and statements.
 */
err root_sign_key(const struct secret *seed, struct sign_key *ret);

/**
 * root_vault_id(root, ret):
 * The id of the vault whose root public key is ${root}.
 */
void root_vault_id(const struct pubkey *root, uint8_t ret[ID_LEN]);

/**
 * root_epoch_key(seed, epoch, ret):
 * Derive the X25519 private key of ${epoch}.
 */
void root_epoch_key(const struct secret *seed, uint32_t epoch,
                    struct secret *ret);

/**
 * descriptor_encode(root, created_ns, b), descriptor_check(root, p, n, ret):
 * Write the object "vault"; verify it, and set ${*ret} to whether programs of
 * this version may only read the vault.  E_UNSUPPORTED for a newer format,
 * E_INVALID for another vault, E_CORRUPT for anything else.
 */
err descriptor_encode(const struct sign_key *root, int64_t created_ns,
                      struct buf *b);
err descriptor_check(const struct pubkey *root, const void *p, size_t n,
                     bool *ret);

/**
 * statement_encode(root, st, b):
 * Write the object "keys/<number>" that says ${st}.
 */
err statement_encode(const struct sign_key *root,
                     const struct key_statement *st, struct buf *b);

/**
 * statement_decode(root, p, n, ret):
 * Read and verify one statement.
 */
err statement_decode(const struct pubkey *root, const void *p, size_t n,
                     struct key_statement *ret);

/**
 * statements_load(s, root, ret), statements_release(st):
 * Read all statements keys/0, keys/1, … of a store.  E_CORRUPT if one does not
 * verify or stands in another's place.
 */
err statements_load(struct store *s, const struct pubkey *root,
                    struct key_statements *ret);
void statements_release(struct key_statements *st);

/**
 * statements_node(st, key_id):
 * Find the node statement of a signing key; NULL if there is none.
 */
const struct key_statement *statements_node(const struct key_statements *st,
                                            const struct digest *key_id);

/**
 * kit_encode(seed, root, passphrase, store_url, created_ns, b):
 * Write the recovery kit: the seed, wrapped by ${passphrase} (scrypt) unless it
 * is NULL, with a checksum over the page.
 */
err kit_encode(const struct secret *seed, const struct pubkey *root,
               const char *passphrase, const char *store_url,
               int64_t created_ns, struct buf *b);

/**
 * kit_decode(p, n, passphrase, ret):
 * Get the seed out of a kit.  E_INVALID if it is none, E_CORRUPT if the
 * checksum does not hold or the seed is of another vault, E_DENIED if the
 * passphrase is wrong or missing, E_UNSUPPORTED for a newer format.
 */
err kit_decode(const char *p, size_t n, const char *passphrase,
               struct secret *ret);

#endif /* VAULT_KEYS_H */
