/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

/* Sizes, numbers and ids for people, returned by value; and tables. */

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

struct text {
	char s[48];
};

/* The strings live until the end of the enclosing block. */
#define size_str(n)  (text_size(n).s)
#define id_str(d)    (text_id(d).s)
#define took_str(ns) (text_took(ns).s)

/**
 * text_size(bytes):
 * Return "512 B", "1.5 KiB", "20 GiB".
 */
struct text text_size(uint64_t bytes);

/**
 * text_id(d):
 * Return the first 12 hex digits of ${d}: what people copy.
 */
struct text text_id(const struct digest *d);

/**
 * text_took(ns):
 * Return a duration that was measured: "0.42 s", "3 min 5 s", "2 h 10 min".
 */
struct text text_took(int64_t ns);

/**
 * text_plural(n):
 * Return "" for one and "s" otherwise.
 */
const char *text_plural(uint64_t n);

/* Opaque; rows of cells that will stand below each other. */
struct table;

/**
 * table_new(columns, right, ret), table_free(t), table_freep(t):
 * Make a table of ${columns} (at most 16); bit i of ${right} aligns column i to
 * the right.  Free it.
 */
err table_new(size_t columns, unsigned right, struct table **ret);
void table_free(struct table *t);
void table_freep(struct table **t);

/**
 * table_row(t, ...):
 * Add a row: as many strings as there are columns (copied; NULL is "").
 */
err table_row(struct table *t, ...);

/**
 * table_print(t, indent):
 * Print all rows on stdout, columns two spaces apart.
 */
void table_print(const struct table *t, int indent);

#endif /* CLI_TEXT_H */
