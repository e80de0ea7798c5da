/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PICKED_H
#define CLI_PICKED_H

/* The assets that a command line names. */

#include "cli/cli.h"

/**
 * picked_assets(c, ret, ret_n):
 * Set ${*ret} to a new array of the ${*ret_n} assets that the words of ${c}
 * name, or of all of the workspace where there are no words.  The caller frees
 * the array.  E_NOTFOUND for a name that casemate.yaml does not know, E_INVALID
 * if there are none at all.
 */
err picked_assets(struct cli *c, const struct asset ***ret, size_t *ret_n);

#endif /* CLI_PICKED_H */
