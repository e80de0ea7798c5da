/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CUT_WORKER_H
#define VAULT_CUT_WORKER_H

/*
 * The other side of a cutter: a loop in a sandboxed process, and what the two
 * say to each other, packet by packet.
 *
 *  - A question is the size of a file (u64), with its descriptor attached.
 *  - The answer is a number of cuts (u32); 0 if there is no plan.  Then packets
 *    follow of at most CUT_WORKER_BATCH cuts each, all but the last full: per
 *    cut its length (u64) and enum cut_how (u8).  Each begins where the one
 *    before it ends, so an answer cannot have gaps.
 */

#include <stdint.h>

#define CUT_WORKER_QUESTION 8
#define CUT_WORKER_ANSWER   4
#define CUT_WORKER_CUT      9
#define CUT_WORKER_BATCH    4096

/**
 * cut_worker_run(sock, arg):
 * Answer what comes over ${sock} until its other end is closed, or something
 * fails; for sandbox_child_start().  ${arg} is not used.  Returns 0.
 */
int cut_worker_run(int sock, void *arg);

#endif /* VAULT_CUT_WORKER_H */
