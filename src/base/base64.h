/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

/* Standard base64 with padding (RFC 4648 section 4). */

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/**
 * base64_encode(p, n, b):
 * Append the base64 of ${n} bytes at ${p} to ${b}.
 */
void base64_encode(const void *p, size_t n, struct buf *b);

/**
 * base64_decode(s, n, b):
 * Append the bytes that ${n} characters at ${s} stand for.  E_INVALID for
 * anything but the one canonical spelling (padding, unused bits zero).
 */
err base64_decode(const char *s, size_t n, struct buf *b);

#endif /* BASE_BASE64_H */
