/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Packs: what the first byte is decides whether the rest is the head of a pack,
 * the opened directory of one, or the opened code of a segment.
 */

#include "known_keys.h"
#include "target.h"

#define SEGMENT_MAX (1 * MiB)

static void
try_head(const uint8_t *p, size_t n)
{
	struct pack_dir *d = NULL;
	struct preamble pre;
	struct secret key;
	err e;

	e = preamble_read(MAGIC_PACK, p, n, &pre);
	if (e.code) {
		fuzz_refused(e);
		return;
	}
	assert(pre.len <= n && pre.slots_len + PREAMBLE_FIXED == pre.len);
	if ((e = preamble_open(&fuzz_vault()->keys, &pre, &key)).code)
		fuzz_refused(e);
	if ((e = pack_dir_of(p, n, &fuzz_vault()->keys.domain, &d, NULL)).code)
		fuzz_refused(e);
	pack_dir_free(d);
}

/* What was accepted covers the pack, and is read again as it was. */
static void
dir_check(const struct pack_dir *d, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_MAX(PACK_MAX);
	struct pack_dir again = { .data_off = d->data_off,
		                  .trailer_off = d->trailer_off };
	uint32_t off = d->data_off;
	size_t chunks = 0;

	for (size_t i = 0; i < d->nsegments; i++) {
		const struct segment_row *s = &d->segments[i];
		uint32_t at = 0;

		assert(s->off == off && s->first == chunks);
		for (uint32_t k = 0; k < s->n; k++, chunks++) {
			assert(d->chunks[chunks].off == at);
			at += d->chunks[chunks].len;
		}
		assert(at == s->plain_len && at <= SEGMENT_PLAIN_MAX);
		off += s->sealed_len;
	}
	assert(off == d->trailer_off && chunks == d->nchunks);
	pack_dir_encode(d, &b);
	must(buf_done(&b));
	assert(b.len <= n);
	must(pack_dir_decode(b.p, b.len, &again));
	assert(again.nchunks == d->nchunks && again.nsegments == d->nsegments);
	free(again.segments);
	free(again.chunks);
}

static void
try_dir(struct cur c)
{
	struct pack_dir d = { 0 };
	err e;

	d.data_off = cur_u16(&c);
	d.trailer_off = cur_u32(&c);
	e = pack_dir_decode(c.p, c.left, &d);
	if (e.code)
		fuzz_refused(e);
	else
		dir_check(&d, c.left);
	free(d.segments);
	free(d.chunks);
}

static void
try_segment(struct cur c)
{
	static const struct secret key = { { 3 } };
	static struct decoder *decoder;
	static struct aead *a;
	struct chunk_row chunk = { 0 };
	struct segment_row s = { .n = 1 };
	struct pack_dir d = { .segments = &s,
		              .nsegments = 1,
		              .chunks = &chunk };
	uint8_t ad[SEGMENT_AD_LEN];
	struct aead_ad both = { d.hash.b, DIGEST_LEN, ad, sizeof(ad) };
	AUTO(free_ptr) uint8_t *sealed = NULL;
	const uint8_t *plain;
	err e;

	s.codec = cur_u8(&c) & 1;
	s.plain_len = cur_u32(&c) % SEGMENT_MAX + 1;
	s.sealed_len = (uint32_t)c.left + TAG_LEN;
	if (c.bad)
		return;
	segment_ad(&s, 0, ad);
	if (decoder == NULL) {
		must(decoder_new(&decoder));
		must(aead_new(&key, &a));
	}
	must(mem_alloc(s.sealed_len, 1, &sealed));
	must(aead_seal(a, s.nonce, both, c.p, c.left, sealed));
	e = segment_open(decoder, &key, &d, 0, sealed, &plain);
	if (e.code)
		fuzz_refused(e);
	else
		assert(s.codec != CODEC_RAW ||
		       memcmp(plain, c.p, s.plain_len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cur c = CUR(p, n);

	(void)fuzz_vault();
	switch (cur_u8(&c)) {
	case 'h':
		try_head(c.p, c.left);
		break;
	case 'd':
		try_dir(c);
		break;
	case 's':
		try_segment(c);
		break;
	default:
		break;
	}
	return 0;
}
