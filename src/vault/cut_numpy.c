/* SPDX-License-Identifier: Apache-2.0 */

/*
 * NumPy arrays: "\x93NUMPY", version, the length of a Python literal (u16 in
 * version 1, u32 in 2 and 3), the literal, the elements.
 */

#include <string.h>

#include "vault/cut_find.h"

/* Longer literals are no arrays that anybody wrote. */
#define HEADER_MAX (1 * MiB)

uint64_t
cut_numpy_header(struct cut_in *in, uint64_t off, uint64_t len)
{
	uint8_t magic[8];
	uint64_t n;

	if (len < 12)
		return 0;
	cut_in_span(in, off, 12);
	cut_in_copy(in, magic, sizeof(magic));
	if (memcmp(magic, "\x93NUMPY", 6) != 0)
		return 0;
	switch (magic[6]) {
	case 1:
		n = 10 + (uint64_t)cut_in_u16(in);
		break;
	case 2:
	case 3:
		n = 12 + (uint64_t)cut_in_u32(in);
		break;
	default:
		return 0;
	}
	return n <= HEADER_MAX && n <= len ? n : 0;
}

err
cut_numpy_find(struct cut_in *in, struct cut_plan *p)
{
	uint64_t n = cut_numpy_header(in, 0, p->size);

	if (n == 0 || in->bad)
		return err_new(E_UNSUPPORTED, "its header is malformed");
	cut_plan_region(p, 0, n, CUT_WHOLE);
	cut_plan_part(p,
	              (struct cut_part){
			  .off = n, .len = p->size - n, .how = CUT_FIXED });
	return OK;
}
