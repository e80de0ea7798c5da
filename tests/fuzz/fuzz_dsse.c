/* SPDX-License-Identifier: Apache-2.0 */

/*
 * DSSE envelopes.  Whatever is opened is byte for byte what the writer would
 * write; of what is refused nothing is handed out.
 */

#include <assert.h>
#include <string.h>

#include "sign/sign.h"
#include "target.h"

#define TYPE     "application/vnd.in-toto+json"
#define BODY_MAX (4 * MiB)

/* The key of the seeds; Ed25519 signs the same in the same way. */
static const struct sign_key *
key(void)
{
	static const struct secret seed = { { 1, 2, 3 } };
	static struct sign_key k;
	static bool made;
	err e;

	if (!made) {
		e = crypto_init();
		assert(e.code == E_OK);
		e = sign_key_make(&seed, &k);
		assert(e.code == E_OK);
		made = true;
	}
	return &k;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf_release) struct buf body = BUF_MAX(BODY_MAX);
	AUTO(buf_release) struct buf again = BUF_MAX(2 * BODY_MAX);
	err e;

	e = dsse_decode(&key()->pub, TYPE, p, n, &body);
	if (e.code != E_OK) {
		assert(e.code == E_CORRUPT || e.code == E_DENIED);
		assert(body.len == 0);
		err_drop(e);
		return 0;
	}
	e = dsse_encode(key(), TYPE, body.p, body.len, &again);
	assert(e.code == E_OK);
	assert(again.len == n && memcmp(again.p, p, n) == 0);
	return 0;
}
