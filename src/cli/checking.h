/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CHECKING_H
#define CLI_CHECKING_H

/* What `check` and `vault check` share. */

#include "cli/cli.h"

/**
 * checking_run(c):
 * Check the vault as the options --read-data, --sample and --fresh of ${c} say,
 * and report.  A negative verdict raises the exit status to 3.
 */
err checking_run(struct cli *c);

#endif /* CLI_CHECKING_H */
