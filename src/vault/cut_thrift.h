/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CUT_THRIFT_H
#define VAULT_CUT_THRIFT_H

/*
 * Just enough of Thrift's compact protocol to walk a structure and step over
 * what is not wanted, to a bounded depth.  Errors make the cursor bad.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vault/cut_in.h"

enum thrift_type {
	THRIFT_STOP = 0,
	THRIFT_TRUE = 1,
	THRIFT_FALSE = 2,
	THRIFT_I8 = 3,
	THRIFT_I16 = 4,
	THRIFT_I32 = 5,
	THRIFT_I64 = 6,
	THRIFT_DOUBLE = 7,
	THRIFT_BINARY = 8,
	THRIFT_LIST = 9,
	THRIFT_SET = 10,
	THRIFT_MAP = 11,
	THRIFT_STRUCT = 12,
	THRIFT_UUID = 13,
};

/* A field's header; begins as { 0 } in front of each structure. */
struct thrift_field {
	int16_t id;
	uint8_t type;
};

/**
 * cut_thrift_field(in, f):
 * Read the header of the next field of a structure into ${f}, which holds that
 * of the field before.  Return false at the structure's end, or if ${in} is
 * bad.
 */
bool cut_thrift_field(struct cut_in *in, struct thrift_field *f);

/**
 * cut_thrift_int(in, type):
 * Read an integer of ${type}; bad if that is no type of integers.
 */
int64_t cut_thrift_int(struct cut_in *in, uint8_t type);

/**
 * cut_thrift_list(in, f, type):
 * Read the header of a list, the value of ${f}, whose elements must be of
 * ${type}, and return how many there are: never more than bytes are left.
 */
uint64_t cut_thrift_list(struct cut_in *in, const struct thrift_field *f,
                         uint8_t type);

/**
 * cut_thrift_skip(in, f):
 * Step over the value of ${f}.
 */
void cut_thrift_skip(struct cut_in *in, const struct thrift_field *f);

#endif /* VAULT_CUT_THRIFT_H */
