/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Recovery kits: a page as it is and, because no fuzzer finds a checksum, one
 * whose fields are the input and whose checksum is right.
 */

#include "known_keys.h"
#include "target.h"

#define INPUT_MAX (8 * KiB)

static void
try(const void *p, size_t n)
{
	struct secret seed = { 0 };
	struct secret none = { 0 };
	err e = kit_decode(p, n, NULL, &seed);

	if (!e.code)
		return;
	assert(memcmp(seed.b, none.b, KEY_LEN) == 0);
	fuzz_refused(e);
}

static void
checksum(const uint8_t *p, size_t n, char out[17])
{
	AUTO(buf_release) struct buf b = BUF_MAX(INPUT_MAX);
	struct digest d;

	for (size_t i = 0; i < n; i++)
		if (strchr(" \t\r\n", p[i]) == NULL)
			buf_u8(&b,
			       p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 32 : p[i]);
	sha256(b.p, b.len, &d);
	hex_encode(d.b, 8, out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	char check[17];

	(void)fuzz_root();
	if (n > INPUT_MAX)
		return 0;
	try(p, n);
	if (memchr(p, '\0', n) != NULL)
		return 0;
	checksum(p, n, check);
	buf_str(&b, "-----BEGIN CASEMATE RECOVERY KIT-----\n");
	buf_add(&b, p, n);
	buf_fmt(&b, "check: %s\n-----END CASEMATE RECOVERY KIT-----\n", check);
	must(buf_done(&b));
	try(b.p, b.len);
	return 0;
}
