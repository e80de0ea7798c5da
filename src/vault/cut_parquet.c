/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parquet: "PAR1", the pages, a Thrift structure (the footer), its length
 * (u32), "PAR1".  The footer lists row groups, and these their column chunks,
 * which is what writers repeat unchanged from one version of a table to the
 * next.  What lies between them (indexes, filters) joins its neighbours.
 */

#include "vault/cut_find.h"
#include "vault/cut_thrift.h"

/* The longest footer that is parsed. */
#define FOOTER_MAX (64 * MiB)

/* A column chunk shorter than this is one chunk. */
#define STREAM_MIN (1 * MiB)

/* Fields of the structures, by the names that the format gives them. */
enum {
	FILE_ROW_GROUPS = 4,
	GROUP_COLUMNS = 1,
	COLUMN_FILE_PATH = 1,
	COLUMN_META_DATA = 3,
	META_NUM_VALUES = 5,
	META_TOTAL_COMPRESSED_SIZE = 7,
	META_DATA_PAGE_OFFSET = 9,
	META_DICTIONARY_PAGE_OFFSET = 11,
};

/* What the footer says of a column chunk. */
struct column {
	int64_t values;
	int64_t len;
	int64_t data;
	int64_t dict;   /* 0 if there is none. */
	bool elsewhere; /* In another file. */
};

static void
read_meta(struct cut_in *in, struct column *c)
{
	struct thrift_field f = { 0 };

	while (cut_thrift_field(in, &f)) {
		switch (f.id) {
		case META_NUM_VALUES:
			c->values = cut_thrift_int(in, f.type);
			break;
		case META_TOTAL_COMPRESSED_SIZE:
			c->len = cut_thrift_int(in, f.type);
			break;
		case META_DATA_PAGE_OFFSET:
			c->data = cut_thrift_int(in, f.type);
			break;
		case META_DICTIONARY_PAGE_OFFSET:
			c->dict = cut_thrift_int(in, f.type);
			break;
		default:
			cut_thrift_skip(in, &f);
		}
	}
}

static void
read_column(struct cut_in *in, struct column *c)
{
	struct thrift_field f = { 0 };

	while (cut_thrift_field(in, &f)) {
		if (f.id == COLUMN_META_DATA && f.type == THRIFT_STRUCT) {
			read_meta(in, c);
			continue;
		}
		c->elsewhere |= f.id == COLUMN_FILE_PATH;
		cut_thrift_skip(in, &f);
	}
}

static void
note_column(struct cut_in *in, const struct column *c, struct cut_parts *parts)
{
	int64_t what[2] = { c->len, c->values };
	struct cut_part part = { .how = CUT_WHOLE };

	if (in->bad || c->elsewhere || c->len == 0)
		return;
	if (c->len < 0 || c->data <= 0 || c->dict < 0) {
		cut_in_fail(in);
		return;
	}
	part.off = (uint64_t)c->data;
	if (c->dict > 0 && c->dict < c->data)
		part.off = (uint64_t)c->dict;
	part.len = (uint64_t)c->len;
	part.mark = cut_plan_mark(what, sizeof(what));
	if (part.len >= STREAM_MIN)
		part.how = CUT_STREAM;
	cut_plan_note(parts, part);
}

static void
read_group(struct cut_in *in, struct cut_parts *parts)
{
	struct thrift_field f = { 0 };
	uint64_t n;

	while (cut_thrift_field(in, &f)) {
		if (f.id != GROUP_COLUMNS) {
			cut_thrift_skip(in, &f);
			continue;
		}
		n = cut_thrift_list(in, &f, THRIFT_STRUCT);
		while (n-- > 0 && !in->bad && !parts->fail) {
			struct column c = { 0 };

			read_column(in, &c);
			note_column(in, &c, parts);
		}
	}
}

static void
read_footer(struct cut_in *in, struct cut_parts *parts)
{
	struct thrift_field f = { 0 };
	uint64_t n;

	while (cut_thrift_field(in, &f)) {
		if (f.id != FILE_ROW_GROUPS) {
			cut_thrift_skip(in, &f);
			continue;
		}
		n = cut_thrift_list(in, &f, THRIFT_STRUCT);
		while (n-- > 0 && !in->bad && !parts->fail)
			read_group(in, parts);
	}
}

err
cut_parquet_find(struct cut_in *in, struct cut_plan *p)
{
	AUTO(cut_plan_release) struct cut_parts parts = { 0 };
	uint64_t n, at;

	cut_in_span(in, p->size - 8, 4);
	n = cut_in_u32(in);
	if (n > FOOTER_MAX || n > p->size - 12)
		return err_new(E_UNSUPPORTED, "its footer is too long");
	at = p->size - 8 - n;
	cut_in_span(in, at, n);
	read_footer(in, &parts);
	if (parts.fail == E_NOMEM)
		return err_nomem();
	if (in->bad || parts.fail)
		return err_new(E_UNSUPPORTED, "its footer is malformed");

	/* The footer changes with every column: keep it from them. */
	cut_plan_parts(p, &parts);
	cut_plan_region(p, at, p->size - at,
	                n > CUT_PLAN_GROUP ? CUT_STREAM : CUT_WHOLE);
	return OK;
}
