/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TARGET_H
#define TARGET_H

/* What a fuzz target offers to libFuzzer, and to standalone.c. */

#include <stddef.h>
#include <stdint.h>

/**
 * LLVMFuzzerTestOneInput(p, n):
 * Try the ${n} bytes at ${p}; abort if a promise is broken.  Returns 0.
 */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#endif /* TARGET_H */
