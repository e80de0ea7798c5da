/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_GLOB_H
#define VAULT_GLOB_H

/*
 * Patterns of names and paths as gitignore has them, matched byte by byte.  No
 * pattern takes more time than its length times that of the text.
 */

#include <stdbool.h>
#include <stddef.h>

/**
 * glob_valid(p, n):
 * Return whether the pattern of ${n} bytes could match anything: it does not
 * end in a lone backslash or within brackets.
 */
bool glob_valid(const char *p, size_t n);

/**
 * glob_name(p, n, name, len):
 * Return whether ${name} matches.  '*' stands for any bytes, '?' for one,
 * brackets for one of a set ("[a-z]", "[!x]", "[[:digit:]]"), a backslash takes
 * the next byte as it is.
 */
bool glob_name(const char *p, size_t n, const char *name, size_t len);

/**
 * glob_path(p, n, dir, dir_len, name, len):
 * Return whether the path ${dir}/${name} (just ${name} where dir_len is 0)
 * matches, part by part; a part "**" stands for any number of parts, at the end
 * of the pattern for at least one.
 */
bool glob_path(const char *p, size_t n, const char *dir, size_t dir_len,
               const char *name, size_t len);

#endif /* VAULT_GLOB_H */
