/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNOWN_KEYS_H
#define KNOWN_KEYS_H

/*
 * One node with known keys, so that what a target gets can be sealed and signed
 * before it is read: a fuzzer would never find its way past seals and
 * signatures to the parser behind them.
 */

#include <assert.h>
#include <string.h>

#include "vault/room.h"

/**
 * must(e):
 * See that what cannot fail did not.
 */
static inline void
must(err e)
{
	assert(e.code == E_OK);
}

/**
 * fuzz_root():
 * The root's signing key.
 */
static inline const struct sign_key *
fuzz_root(void)
{
	static const struct secret seed = { { 7 } };
	static struct sign_key k;
	static bool made;

	if (!made) {
		must(crypto_init());
		must(root_sign_key(&seed, &k));
		made = true;
	}
	return &k;
}

/**
 * fuzz_vault():
 * A vault with the keys and the statement of one node; without stores.
 */
static inline struct vault *
fuzz_vault(void)
{
	static const struct secret seed = { { 7 } }, sign = { { 8 } };
	static const uint8_t node[ID_LEN] = { 9 };
	static struct key_statement st;
	static struct vault v;
	struct node_keys *k = &v.keys;

	(void)fuzz_root();
	if (v.statements.n > 0)
		return &v;
	must(node_keys_new(&seed, node, "fuzz", k));
	must(sign_key_make(&sign, &k->sign));
	st = (struct key_statement){
		.kind = STATEMENT_NODE,
		.number = 1,
		.pub = k->sign.pub,
		.read = k->read_pub,
		.id = k->sign.id,
	};
	memcpy(st.name, k->name, sizeof(st.name));
	memcpy(st.node, k->node, ID_LEN);
	memcpy(st.domain, k->domain.id, ID_LEN);
	v.statements = (struct key_statements){ .v = &st, .n = 1, .cap = 1 };
	return &v;
}

/**
 * fuzz_session():
 * The one session of that node.
 */
static inline const struct session *
fuzz_session(void)
{
	static struct session s;

	if (s.slots_len == 0)
		must(session_init(&fuzz_vault()->keys, &s));
	return &s;
}

/**
 * fuzz_refused(e):
 * See that foreign bytes were refused for what they are, and drop ${e}.
 */
static inline void
fuzz_refused(err e)
{
	assert(e.code == E_CORRUPT || e.code == E_UNSUPPORTED ||
	       e.code == E_DENIED || e.code == E_INVALID);
	err_drop(e);
}

#endif /* KNOWN_KEYS_H */
