/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

/*
 * What long work shows while it runs: on a terminal a line that is redrawn once
 * it has taken a second; in a pipe one line at the end.  A first SIGINT or
 * SIGTERM asks the work to stop, a second one ends the program.
 */

#include <pthread.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "vault/vault.h"

/* One piece of work; made by the caller, zeroed. */
struct progress {
	const char *what;         /* "backup of scorer"; borrowed. */
	struct vault_progress vp; /* What the vault is handed. */
	bool on_terminal;
	bool in_pipe;
	bool running;
	bool done; /* Guarded by lock. */
	bool drawn;
	int64_t started_ns;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
};

/**
 * progress_start(c, p, what):
 * Watch the work ${what} and show how it goes.  Starts a thread; where that is
 * not possible the work goes on unseen.
 */
void progress_start(const struct cli *c, struct progress *p, const char *what);

/**
 * progress_stop(p), progress_release(p):
 * Stop watching; the terminal's line is gone, a pipe gets its one line.
 */
void progress_stop(struct progress *p);
void progress_release(struct progress *p);

/**
 * progress_signals():
 * Let SIGINT and SIGTERM stop work as told above, and a closed pipe be an error
 * of write() instead of a signal.  Call once, from main's thread.
 */
void progress_signals(void);

/**
 * progress_signals_off():
 * Give SIGINT and SIGTERM back to whoever else handles them.
 */
void progress_signals_off(void);

/**
 * progress_text(p, elapsed_ns, out, n):
 * Write to ${out}, of ${n} bytes, one line that says what is done, how much of
 * how much, how fast, and what time is left.
 */
void progress_text(const struct progress *p, int64_t elapsed_ns, char *out,
                   size_t n);

#endif /* CLI_PROGRESS_H */
