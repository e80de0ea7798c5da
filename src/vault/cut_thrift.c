/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Thrift's compact protocol.  Every value takes at least one byte of the span,
 * so time is linear in its length whatever the counts say.
 */

#include "vault/cut_thrift.h"

#define DEPTH_MAX 16

static uint64_t
varint(struct cut_in *in)
{
	uint64_t v = 0;
	uint8_t b;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		b = cut_in_u8(in);
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	cut_in_fail(in);
	return 0;
}

static int64_t
zigzag(struct cut_in *in)
{
	uint64_t v = varint(in);

	return (int64_t)(v >> 1 ^ -(v & 1));
}

/* A number of elements, each of which takes a byte or more. */
static uint64_t
count(struct cut_in *in, uint64_t n)
{
	if (!in->bad && n <= cut_in_left(in))
		return n;
	cut_in_fail(in);
	return 0;
}

bool
cut_thrift_field(struct cut_in *in, struct thrift_field *f)
{
	uint8_t b = cut_in_u8(in);
	int64_t id;

	f->type = b & 0x0f;
	if (in->bad || f->type == THRIFT_STOP)
		return false;
	id = b >> 4 ? f->id + (b >> 4) : zigzag(in);
	if (id < INT16_MIN || id > INT16_MAX)
		cut_in_fail(in);
	f->id = (int16_t)id;
	return !in->bad;
}

int64_t
cut_thrift_int(struct cut_in *in, uint8_t type)
{
	switch (type) {
	case THRIFT_I8:
		return (int8_t)cut_in_u8(in);
	case THRIFT_I16:
	case THRIFT_I32:
	case THRIFT_I64:
		return zigzag(in);
	default:
		cut_in_fail(in);
		return 0;
	}
}

/* The header of a list or set. */
static uint64_t
list(struct cut_in *in, uint8_t *ret_type)
{
	uint8_t b = cut_in_u8(in);

	*ret_type = b & 0x0f;
	return count(in, b >> 4 == 15 ? varint(in) : b >> 4);
}

uint64_t
cut_thrift_list(struct cut_in *in, const struct thrift_field *f, uint8_t type)
{
	uint8_t seen = THRIFT_STOP;
	uint64_t n;

	if (f->type != THRIFT_LIST) {
		cut_in_fail(in);
		return 0;
	}
	n = list(in, &seen);
	if (n > 0 && seen != type)
		cut_in_fail(in);
	return in->bad ? 0 : n;
}

static void skip_value(struct cut_in *in, uint8_t type, int depth);

static void
skip_struct(struct cut_in *in, int depth)
{
	struct thrift_field f = { 0 };

	while (cut_thrift_field(in, &f))
		if (f.type != THRIFT_TRUE && f.type != THRIFT_FALSE)
			skip_value(in, f.type, depth + 1);
}

static void
skip_map(struct cut_in *in, int depth)
{
	uint64_t n = count(in, varint(in));
	uint8_t kinds = n > 0 ? cut_in_u8(in) : 0;

	while (n-- > 0 && !in->bad) {
		skip_value(in, kinds >> 4, depth + 1);
		skip_value(in, kinds & 0x0f, depth + 1);
	}
}

static void
skip_list(struct cut_in *in, int depth)
{
	uint8_t type;
	uint64_t n = list(in, &type);

	while (n-- > 0 && !in->bad)
		skip_value(in, type, depth + 1);
}

/* A value that stands by itself: inside a list a truth takes a byte. */
static void
skip_value(struct cut_in *in, uint8_t type, int depth)
{
	if (depth == DEPTH_MAX) {
		cut_in_fail(in);
		return;
	}
	switch (type) {
	case THRIFT_TRUE:
	case THRIFT_FALSE:
	case THRIFT_I8:
		cut_in_skip(in, 1);
		break;
	case THRIFT_I16:
	case THRIFT_I32:
	case THRIFT_I64:
		varint(in);
		break;
	case THRIFT_DOUBLE:
		cut_in_skip(in, 8);
		break;
	case THRIFT_BINARY:
		cut_in_skip(in, varint(in));
		break;
	case THRIFT_LIST:
	case THRIFT_SET:
		skip_list(in, depth);
		break;
	case THRIFT_MAP:
		skip_map(in, depth);
		break;
	case THRIFT_STRUCT:
		skip_struct(in, depth);
		break;
	case THRIFT_UUID:
		cut_in_skip(in, 16);
		break;
	default:
		cut_in_fail(in);
	}
}

void
cut_thrift_skip(struct cut_in *in, const struct thrift_field *f)
{
	if (f->type != THRIFT_TRUE && f->type != THRIFT_FALSE)
		skip_value(in, f->type, 0);
}
