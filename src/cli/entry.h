/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENTRY_H
#define CLI_ENTRY_H

/* Entries of a snapshot's tree, as ls and diff show them. */

#include "base/json.h"
#include "vault/vault.h"

/**
 * entry_mode(e, out):
 * Write what `ls -l` says of type and mode, such as "-rw-r--r--", to ${out}.
 */
void entry_mode(const struct vault_entry *e, char out[11]);

/**
 * entry_json(w, key, e):
 * Add ${e} as an object; NULL is null.
 */
void entry_json(struct json_writer *w, const char *key,
                const struct vault_entry *e);

#endif /* CLI_ENTRY_H */
