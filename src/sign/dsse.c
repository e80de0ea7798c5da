/* SPDX-License-Identifier: Apache-2.0 */

/*
 * DSSE envelopes.  An envelope has one spelling:
 *
 *   {"payload":"<base64>","payloadType":"<type>",
 *    "signatures":[{"keyid":"<64 hex>","sig":"<base64>"}]}
 *
 * without the line break.  The reader finds the fields by their fixed places,
 * writes the envelope again from what it found, and compares all bytes; only
 * then does it look at the signature.
 */

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "sign/sign.h"

/* The longest body that is signed or opened, and the longest type. */
#define BODY_MAX (64 * MiB)
#define TYPE_MAX 256

/* Characters of an envelope besides payload and type; of a signature. */
#define FRAME_MAX    512
#define ENVELOPE_MAX (BODY_MAX / 3 * 4 + 4 + TYPE_MAX + FRAME_MAX)
#define SIG_BASE64   ((SIG_LEN + 2) / 3 * 4)

/* Only what JSON spells as it is: no quotes, escapes or controls. */
static err
check_type(const char *type)
{
	size_t n = strlen(type);

	if (n > TYPE_MAX)
		return err_new(E_LIMIT, "a payload type of %zu characters", n);
	for (size_t i = 0; i < n; i++)
		if (type[i] <= ' ' || type[i] > '~' || type[i] == '"' ||
		    type[i] == '\\')
			return err_new(E_INVALID,
			               "the payload type \"%s\" has characters "
			               "that it may not have",
			               type);
	return OK;
}

static err
pae_of(const char *type, const void *body, size_t n, struct buf *b)
{
	if (n > BODY_MAX)
		return err_new(E_LIMIT, "a document of %zu bytes to sign", n);
	dsse_pae(type, body, n, b);
	return buf_done(b);
}

static void
envelope(const struct digest *id, const char *type, const struct cur *body,
         const uint8_t sig[SIG_LEN], struct buf *b)
{
	buf_str(b, "{\"payload\":\"");
	base64_encode(body->p, body->left, b);
	buf_str(b, "\",\"payloadType\":\"");
	buf_str(b, type);
	buf_str(b, "\",\"signatures\":[{\"keyid\":\"");
	buf_str(b, digest_str(id));
	buf_str(b, "\",\"sig\":\"");
	base64_encode(sig, SIG_LEN, b);
	buf_str(b, "\"}]}");
}

void
dsse_pae(const char *type, const void *body, size_t n, struct buf *b)
{
	buf_fmt(b, "DSSEv1 %zu %s %zu ", strlen(type), type, n);
	buf_add(b, body, n);
}

err
dsse_sign(const struct sign_key *k, const char *type, const void *body,
          size_t n, uint8_t sig[SIG_LEN])
{
	AUTO(buf_release) struct buf pae = BUF_MAX(BODY_MAX + FRAME_MAX);
	err e;

	if ((e = check_type(type)).code ||
	    (e = pae_of(type, body, n, &pae)).code)
		return e;
	return ed25519_sign(&k->seed, pae.p, pae.len, sig);
}

static bool
verify_once(const struct pubkey *pub, const char *type, const void *body,
            size_t n, const uint8_t sig[SIG_LEN])
{
	AUTO(buf_release) struct buf pae = BUF_MAX(BODY_MAX + FRAME_MAX);
	err e;

	if ((e = check_type(type)).code ||
	    (e = pae_of(type, body, n, &pae)).code) {
		err_drop(e);
		return false;
	}
	return ed25519_verify(pub, pae.p, pae.len, sig);
}

bool
dsse_verify(const struct pubkey *pub, const char *type, const void *body,
            size_t n, const uint8_t sig[SIG_LEN])
{
	/* An allocation that fails looks like a signature that does not hold,
	 * and is no verdict: what fails is tried again. */
	return verify_once(pub, type, body, n, sig) ||
	    verify_once(pub, type, body, n, sig);
}

err
dsse_encode(const struct sign_key *k, const char *type, const void *body,
            size_t n, struct buf *b)
{
	struct cur payload = CUR(body, n);
	uint8_t sig[SIG_LEN];
	err e;

	if ((e = dsse_sign(k, type, body, n, sig)).code)
		return e;
	envelope(&k->id, type, &payload, sig, b);
	return buf_done(b);
}

/* Step over ${text}, which must be next. */
static void
expect(struct cur *c, const char *text)
{
	size_t n = strlen(text);
	const uint8_t *p = cur_bytes(c, n);

	if (p == NULL || memcmp(p, text, n) != 0)
		c->bad = true;
}

/* Step over a string up to its closing quote, and return its inside. */
static struct cur
quoted(struct cur *c)
{
	const uint8_t *end = c->left > 0 ? memchr(c->p, '"', c->left) : NULL;
	struct cur inside = cur_sub(c, end != NULL ? (size_t)(end - c->p) : 0);

	expect(c, "\"");
	return inside;
}

/* The fields of an envelope as they are spelled there. */
struct fields {
	struct cur payload;
	struct cur type;
	struct cur keyid;
	struct cur sig;
};

static bool
find_fields(const void *p, size_t n, struct fields *ret)
{
	struct cur c = CUR(p, n);

	expect(&c, "{\"payload\":\"");
	ret->payload = quoted(&c);
	expect(&c, ",\"payloadType\":\"");
	ret->type = quoted(&c);
	expect(&c, ",\"signatures\":[{\"keyid\":\"");
	ret->keyid = quoted(&c);
	expect(&c, ",\"sig\":\"");
	ret->sig = quoted(&c);
	expect(&c, "}]}");
	return cur_end(&c);
}

static bool
is_text(const struct cur *c, const char *s)
{
	return c->left == strlen(s) && memcmp(c->p, s, c->left) == 0;
}

/* Append the payload to ${body} and set ${sig}, if all ${n} bytes at ${p} are
 * an envelope of ${type} by the key ${id}. */
static err
envelope_parse(const struct digest *id, const char *type, struct cur raw,
               struct buf *body, uint8_t sig[SIG_LEN])
{
	AUTO(buf_release) struct buf again = BUF_MAX(ENVELOPE_MAX);
	AUTO(buf_release) struct buf s = BUF_MAX(SIG_BASE64);
	struct fields f;
	struct cur payload;
	err e;

	if (!find_fields(raw.p, raw.left, &f) || f.sig.left != SIG_BASE64 ||
	    f.keyid.left != DIGEST_HEX)
		return err_new(E_CORRUPT, "not a signed envelope");
	if (!is_text(&f.type, type))
		return err_new(E_CORRUPT, "the envelope is not of type \"%s\"",
		               type);
	if (!is_text(&f.keyid, digest_str(id)))
		return err_new(E_DENIED, "signed by another key than %.16s",
		               digest_str(id));

	if ((e = base64_decode((const char *)f.payload.p, f.payload.left, body))
	        .code ||
	    (e = base64_decode((const char *)f.sig.p, f.sig.left, &s)).code) {
		if (e.code == E_INVALID)
			e.code = E_CORRUPT;
		return err_in(e, "signed envelope");
	}
	if (s.len != SIG_LEN)
		return err_new(E_CORRUPT, "not a signed envelope");

	payload = CUR(body->p, body->len);
	envelope(id, type, &payload, s.p, &again);
	if ((e = buf_done(&again)).code)
		return e;
	if (again.len != raw.left || memcmp(again.p, raw.p, raw.left) != 0)
		return err_new(E_CORRUPT, "envelope in another spelling");
	memcpy(sig, s.p, SIG_LEN);
	return OK;
}

err
dsse_decode(const struct pubkey *pub, const char *type, const void *p, size_t n,
            struct buf *body)
{
	AUTO(buf_release) struct buf payload = BUF_MAX(BODY_MAX);
	struct digest id;
	uint8_t sig[SIG_LEN];
	err e;

	if ((e = check_type(type)).code)
		return e;
	if (n > ENVELOPE_MAX)
		return err_new(E_LIMIT, "a signed envelope of %zu bytes", n);
	sign_key_id(pub, &id);
	if ((e = envelope_parse(&id, type, CUR(p, n), &payload, sig)).code)
		return e;
	if (!dsse_verify(pub, type, payload.p, payload.len, sig))
		return err_new(E_DENIED, "the signature by %.16s does not hold",
		               digest_str(&id));
	buf_add(body, payload.p, payload.len);
	return buf_done(body);
}
