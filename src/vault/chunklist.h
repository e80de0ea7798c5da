/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CHUNKLIST_H
#define VAULT_CHUNKLIST_H

/*
 * Which chunks make up a file, wherever its entry keeps them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vault/dirwalk.h"
#include "vault/holes.h"
#include "vault/room.h"
#include "vault/tree.h"

/* Opaque; a position in the chunks of a file. */
struct chunklist;

/**
 * chunklist_open(r, naming, t, ret):
 * Begin to list the chunks of file ${t}, which is borrowed with what it points
 * to, as are ${r} and the domain's naming key ${naming}.  E_NOTFOUND if its
 * content could not be read when it was saved; E_CORRUPT if the entry
 * contradicts itself.
 */
err chunklist_open(struct reader *r, const struct secret *naming,
                   const struct tree_entry *t, struct chunklist **ret);

/**
 * chunklist_next(l, ret, ret_more):
 * Set ${*ret} to the next chunk of the file's stream and ${*ret_more} to true;
 * to false, and leave ${*ret}, at the end.  Every chunk has 1 to
 * SEGMENT_PLAIN_MAX bytes by the list, and they add up to the file's size
 * without its holes: E_CORRUPT as soon as they do not.
 */
err chunklist_next(struct chunklist *l, struct chunk_ref *ret, bool *ret_more);

/**
 * chunklist_close(l), chunklist_closep(l):
 * Free a list; NULL is fine.
 */
void chunklist_close(struct chunklist *l);
void chunklist_closep(struct chunklist **l);

#endif /* VAULT_CHUNKLIST_H */
