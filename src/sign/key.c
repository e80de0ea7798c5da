/* SPDX-License-Identifier: Apache-2.0 */

/* Key pairs that sign, and what they are called. */

#include <string.h>

#include "base/mem.h"
#include "sign/sign.h"

/* The algorithm goes into the id, so that no other one can claim it. */
static const char kind[] = "ed25519";

err
sign_key_make(const struct secret *seed, struct sign_key *ret)
{
	struct pubkey pub;
	err e;

	if ((e = ed25519_public(seed, &pub)).code)
		return e;
	ret->seed = *seed;
	ret->pub = pub;
	sign_key_id(&pub, &ret->id);
	return OK;
}

void
sign_key_id(const struct pubkey *pub, struct digest *ret)
{
	uint8_t named[sizeof(kind) + KEY_LEN];

	/* The terminator of the kind is the zero byte between the two. */
	memcpy(named, kind, sizeof(kind));
	memcpy(named + sizeof(kind), pub->b, sizeof(pub->b));
	sha256(named, sizeof(named), ret);
}

void
sign_key_release(struct sign_key *k)
{
	crypto_wipe(k, sizeof(*k));
}
