/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_STR_H
#define BASE_STR_H

/* Text: what is UTF-8, and which word somebody may have meant. */

#include <stddef.h>

/**
 * str_utf8(p, n):
 * Return how many of the ${n} bytes at ${p} the first UTF-8 character takes (1
 * to 4), or 0 if they do not begin with a valid one: surrogates, overlong
 * spellings and anything above U+10FFFF are invalid.
 */
size_t str_utf8(const char *p, size_t n);

/**
 * str_nearest(word, list):
 * Return the entry of ${list}, which NULL ends, that ${word} is most likely a
 * misspelling of, borrowed; NULL if none is near.  Letters left out, added,
 * replaced or swapped with their neighbour count one each, case counts nothing.
 */
const char *str_nearest(const char *word, const char *const *list);

#endif /* BASE_STR_H */
