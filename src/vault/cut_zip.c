/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Zip archives, among them PyTorch checkpoints and .npz: the end record leads
 * to the central directory, that to each entry's local header, and that to its
 * data.  Only entries of some size are worth a look at their local header.
 * Stored data is cut in blocks from its start, compressed data is one stream.
 */

#include <string.h>

#include "base/buf.h"
#include "vault/cut_find.h"

#define END_SIG     0x06054b50u
#define END_LEN     22
#define END64_SIG   0x06064b50u
#define END64_LEN   56
#define LOC64_SIG   0x07064b50u
#define LOC64_LEN   20
#define ENTRY_SIG   0x02014b50u
#define ENTRY_LEN   46
#define LOCAL_SIG   0x04034b50u
#define LOCAL_LEN   30
#define COMMENT_MAX 65535
#define EXTRA64     0x0001u

#define FLAG_ENCRYPTED 1
#define METHOD_STORED  0

/* Where the central directory is. */
struct directory {
	uint64_t off;
	uint64_t len;
	uint64_t entries;
};

/* Read the zip64 end record that the locator at ${loc} points to. */
static void
find_directory64(struct cut_in *in, uint64_t loc, struct directory *d)
{
	uint64_t off, at;

	cut_in_span(in, loc, LOC64_LEN);
	if (cut_in_u32(in) != LOC64_SIG)
		return;
	cut_in_skip(in, 4);
	off = cut_in_u64(in);

	cut_in_span(in, off, END64_LEN);
	at = cut_in_at(in);
	if (cut_in_u32(in) != END64_SIG || at > loc)
		cut_in_fail(in);
	cut_in_skip(in, 28);
	d->entries = cut_in_u64(in);
	d->len = cut_in_u64(in);
	d->off = cut_in_u64(in);
}

/* The offset of the end record among the last ${n} bytes at ${tail}; ${n} if
 * there is none: its comment must end with the file. */
static size_t
find_end(const uint8_t *tail, size_t n)
{
	for (size_t i = n - END_LEN + 1; i-- > 0;)
		if (le32(tail + i) == END_SIG &&
		    le16(tail + i + 20) == n - i - END_LEN)
			return i;
	return n;
}

static err
find_directory(struct cut_in *in, uint64_t size, struct directory *ret)
{
	size_t n = (size_t)MIN(size, (uint64_t)(END_LEN + COMMENT_MAX));
	AUTO(free_ptr) uint8_t *tail = NULL;
	struct directory d = { 0 };
	uint64_t end;
	size_t i;
	err e;

	if (size < END_LEN)
		return err_new(E_UNSUPPORTED, "it has no end record");
	if ((e = mem_alloc(n, 1, &tail)).code)
		return e;
	cut_in_span(in, size - n, n);
	cut_in_copy(in, tail, n);
	if (in->bad || (i = find_end(tail, n)) == n)
		return err_new(E_UNSUPPORTED, "it has no end record");

	end = size - n + i;
	d.entries = le16(tail + i + 10);
	d.len = le32(tail + i + 12);
	d.off = le32(tail + i + 16);
	if (end >= LOC64_LEN)
		find_directory64(in, end - LOC64_LEN, &d);
	if (in->bad || d.off > end || d.len > end - d.off ||
	    d.entries > d.len / ENTRY_LEN || d.entries > CUTS_MAX)
		return err_new(E_UNSUPPORTED, "its end record is malformed");
	*ret = d;
	return OK;
}

/* Take from the extra fields what did not fit into the entry. */
static void
read_extra(struct cut_in *in, uint64_t n, uint64_t plain, struct cut_part *ret)
{
	uint64_t stop = cut_in_left(in) - n;
	unsigned id, len;

	while (!in->bad && cut_in_left(in) >= stop + 4) {
		id = cut_in_u16(in);
		len = cut_in_u16(in);
		if (len > cut_in_left(in) - stop) {
			cut_in_fail(in);
			return;
		}
		if (id != EXTRA64) {
			cut_in_skip(in, len);
			continue;
		}
		if (plain == UINT32_MAX && len >= 8) {
			cut_in_skip(in, 8);
			len -= 8;
		}
		if (ret->len == UINT32_MAX && len >= 8) {
			ret->len = cut_in_u64(in);
			len -= 8;
		}
		if (ret->off == UINT32_MAX && len >= 8) {
			ret->off = cut_in_u64(in);
			len -= 8;
		}
		cut_in_skip(in, len);
	}
	cut_in_skip(in, cut_in_left(in) - stop);
}

/* One entry: off is that of its local header, len that of its data. */
static void
read_entry(struct cut_in *in, struct cut_part *ret)
{
	unsigned flags, method, name, extra, comment;
	uint8_t buf[256];
	uint64_t plain;
	size_t n;

	if (cut_in_u32(in) != ENTRY_SIG)
		cut_in_fail(in);
	cut_in_skip(in, 4);
	flags = cut_in_u16(in);
	method = cut_in_u16(in);
	cut_in_skip(in, 8);
	ret->len = cut_in_u32(in);
	plain = cut_in_u32(in);
	name = cut_in_u16(in);
	extra = cut_in_u16(in);
	comment = cut_in_u16(in);
	cut_in_skip(in, 8);
	ret->off = cut_in_u32(in);
	if (in->bad || cut_in_left(in) < (uint64_t)name + extra + comment) {
		cut_in_fail(in);
		return;
	}

	/* The end of a name tells more than its beginning. */
	n = MIN((size_t)name, sizeof(buf));
	cut_in_skip(in, name - n);
	cut_in_copy(in, buf, n);
	ret->mark = cut_plan_mark(buf, n);
	ret->how = method == METHOD_STORED && !(flags & FLAG_ENCRYPTED)
	    ? CUT_FIXED
	    : CUT_STREAM;
	read_extra(in, extra, plain, ret);
	cut_in_skip(in, comment);
}

static err
read_directory(struct cut_in *in, const struct directory *d,
               struct cut_parts *parts)
{
	struct cut_part part;

	cut_in_span(in, d->off, d->len);
	for (uint64_t i = 0; i < d->entries && !in->bad; i++) {
		read_entry(in, &part);

		/* An empty entry is part of what lies before the next. */
		if (!in->bad)
			cut_plan_note(parts, part);
	}
	if (parts->fail == E_NOMEM)
		return err_nomem();
	if (in->bad || parts->fail)
		return err_new(E_UNSUPPORTED, "its directory is malformed");
	return OK;
}

/* Lay down an entry whose data is worth a region. */
static void
lay_large(struct cut_in *in, struct cut_plan *p, const struct cut_part *v,
          uint64_t limit)
{
	uint64_t data, head = 0;
	unsigned name, extra;

	cut_in_span(in, v->off, LOCAL_LEN);
	if (cut_in_u32(in) != LOCAL_SIG)
		cut_in_fail(in);
	cut_in_skip(in, 22);
	name = cut_in_u16(in);
	extra = cut_in_u16(in);
	data = v->off + LOCAL_LEN + name + extra;
	if (in->bad || data > limit || v->len > limit - data) {
		cut_in_fail(in);
		return;
	}

	/* An array keeps its blocks when its literal grows. */
	if (v->how == CUT_FIXED)
		head = cut_numpy_header(in, data, v->len);
	cut_plan_part(p,
	              (struct cut_part){ .off = data + head,
	                                 .len = v->len - head,
	                                 .how = v->how,
	                                 .mark = v->mark });
}

err
cut_zip_find(struct cut_in *in, struct cut_plan *p)
{
	AUTO(cut_plan_release) struct cut_parts parts = { 0 };
	struct directory d = { 0 };
	uint64_t next;
	err e;

	if ((e = find_directory(in, p->size, &d)).code)
		return e;
	if ((e = read_directory(in, &d, &parts)).code)
		return e;
	cut_plan_sort(&parts);

	for (size_t i = 0; i < parts.n && !in->bad && !p->fail; i++) {
		struct cut_part *v = &parts.v[i];

		next = i + 1 < parts.n ? parts.v[i + 1].off : d.off;
		if (v->off >= next || next > d.off) {
			cut_in_fail(in);
		} else if (v->len >= CUT_PLAN_SMALL) {
			lay_large(in, p, v, next);
		} else {
			v->len = next - v->off;
			cut_plan_small(p, *v);
		}
	}
	if (in->bad)
		return err_new(E_UNSUPPORTED, "its entries are malformed");
	return OK;
}
