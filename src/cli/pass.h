/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PASS_H
#define CLI_PASS_H

/*
 * Where a passphrase comes from: the file that CASEMATE_PASSPHRASE_FILE names,
 * the descriptor of CASEMATE_PASSPHRASE_FD, or the terminal without echo.
 * Never from an argument.  One line end behind it does not count.
 */

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* No passphrase is longer, in bytes. */
#define PASS_MAX 1024

/**
 * pass_ask(prompt, twice, ret):
 * Set ${*ret} to the passphrase, or to NULL where there is no source and no
 * terminal; on a terminal an empty answer is NULL as well.  ${twice}: a new
 * one, which the terminal asks for two times.  E_INVALID if it is empty (file,
 * descriptor), too long or holds a NUL; E_DENIED if the two differ.
 */
err pass_ask(const char *prompt, bool twice, char **ret);

/**
 * pass_free(s), pass_freep(s):
 * Wipe and free a passphrase; NULL is fine.
 */
void pass_free(char *s);
void pass_freep(char **s);

/**
 * pass_wipe(b):
 * Wipe and release a buffer that held a secret; for AUTO().
 */
void pass_wipe(struct buf *b);

#endif /* CLI_PASS_H */
