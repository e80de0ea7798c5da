/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptor and key statements: the input is a body, which the root signs
 * here, or (if it begins so) a whole envelope.
 */

#include "known_keys.h"
#include "target.h"

#define TYPE_DESCRIPTOR "application/vnd.casemate.vault+json"
#define TYPE_STATEMENT  "application/vnd.casemate.key+json"
#define INPUT_MAX       (8 * KiB)

static void
again(const struct key_statement *st)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	struct key_statement t;

	assert(memchr(st->name, '\0', sizeof(st->name)) != NULL);
	if (st->kind == STATEMENT_OTHER)
		return;
	must(statement_encode(fuzz_root(), st, &b));
	must(statement_decode(&fuzz_root()->pub, b.p, b.len, &t));
	assert(t.kind == st->kind && t.number == st->number);
	assert(memcmp(t.pub.b, st->pub.b, KEY_LEN) == 0);
	if (st->kind == STATEMENT_NODE)
		assert(strcmp(t.name, st->name) == 0 &&
		       memcmp(t.domain, st->domain, ID_LEN) == 0 &&
		       memcmp(t.node, st->node, ID_LEN) == 0 &&
		       t.write_only == st->write_only);
	else
		assert(t.epoch == st->epoch);
}

/* Sign the input, unless it is an envelope, as a document of ${type}. */
static void
sign(const char *type, const uint8_t *p, size_t n, struct buf *b)
{
	if (n > 11 && memcmp(p, "{\"payload\":", 11) == 0)
		buf_add(b, p, n);
	else
		must(dsse_encode(fuzz_root(), type, p, n, b));
	must(buf_done(b));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	struct key_statement st;
	bool read_only;
	err e;

	if (n > INPUT_MAX)
		return 0;
	sign(TYPE_STATEMENT, p, n, &b);
	e = statement_decode(&fuzz_root()->pub, b.p, b.len, &st);
	if (e.code)
		fuzz_refused(e);
	else
		again(&st);
	buf_clear(&b);
	sign(TYPE_DESCRIPTOR, p, n, &b);
	e = descriptor_check(&fuzz_root()->pub, b.p, b.len, &read_only);
	if (e.code)
		fuzz_refused(e);
	return 0;
}
