/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

/*
 * Run a command, with an argument vector and never through a shell.  The
 * command inherits no descriptor but its standard three and no signal
 * disposition or mask of ours.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct spawn_opts {
	const char *const
	    *argv; /* Ends with NULL; argv[0] is sought in PATH. */
	const char *const *envp; /* Ends with NULL; NULL: our environment. */
	const char *dir;         /* Where to run; NULL: where we are. */
	const void *in;          /* Standard input; NULL: none, /dev/null. */
	size_t in_len;
	struct buf *out;    /* Standard output is appended; NULL: ours. */
	struct buf *errors; /* Standard error is appended; NULL: ours. */
	int64_t timeout_ns; /* 0: wait as long as it takes. */
};

/* How it ended. */
struct spawn_end {
	int status; /* Exit status; -1 if a signal ended it. */
	int signal; /* The signal that ended it, or 0. */
};

/**
 * spawn_run(opts, ret):
 * Run the command and wait until it ends.  OK means that it ran, whatever its
 * exit status in ${*ret}.
 * E_NOTFOUND or E_DENIED if it cannot be run; E_LIMIT if it wrote more than a
 * buffer may hold, or E_CANCELLED if it took longer than the timeout: it was
 * killed then, with all that it started where there is a timeout (it runs in a
 * process group of its own then, without the terminal).  Output that was taken
 * before stays in the buffers.  What a process that it left behind writes later
 * is not waited for.  Any thread may call this.
 */
err spawn_run(const struct spawn_opts *opts, struct spawn_end *ret);

#endif /* BASE_SPAWN_H */
