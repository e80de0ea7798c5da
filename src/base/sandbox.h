/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

/*
 * Where foreign bytes are parsed: a child process that can compute, read the
 * descriptors that it is handed, and answer on one socket.  It opens no file,
 * makes no process or connection, and is killed when it tries.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The longest message, either way. */
#define SANDBOX_MESSAGE_MAX ((size_t)64 << 10)

/* Bounds; a zero means what stands in brackets. */
struct sandbox_opts {
	uint64_t memory_bytes; /* More than there is on entering [512 MiB]. */
	unsigned cpu_seconds;  /* In all [30]. */
	unsigned descriptors;  /* Open at once, standard ones counted [16]. */
	int64_t wait_ns;       /* For one answer, in the parent [60 s]. */
};

/* What the machine has for us. */
struct sandbox_features {
	bool seccomp;    /* Without it nothing can be entered. */
	bool kills;      /* Forbidden calls kill; under sanitizers they fail. */
	bool other_user; /* Root becomes nobody; others stay who they are. */
	int landlock;    /* Version of Landlock; 0: the kernel has none. */
};

/**
 * sandbox_features():
 * Return what sandbox_enter() will find.
 */
struct sandbox_features sandbox_features(void);

/**
 * sandbox_enter(opts):
 * Give up, for good and for all that follows in this process: privileges,
 * groups, root, files, processes, network, memory and time beyond ${opts}.  For
 * a child with one thread, which keeps the descriptors that it has.
 * E_UNSUPPORTED if the kernel cannot filter system calls; after any error the
 * process must end.  Where Landlock is absent the other walls stand.
 */
err sandbox_enter(const struct sandbox_opts *opts);

/* Opaque; one child in its sandbox.  One thread at a time may use it. */
struct sandbox_child;

/**
 * sandbox_child_start(fn, arg, opts, ret):
 * Fork a child that enters the sandbox and then runs ${fn}(${sock}, ${arg}); it
 * ends with what ${fn} returns, 0 for success.  Of all descriptors it keeps
 * ${sock} alone; the standard three are /dev/null.  It has a copy of our
 * memory: start it before secrets are loaded.  E_UNSUPPORTED as
 * sandbox_enter().
 */
err sandbox_child_start(int (*fn)(int sock, void *arg), void *arg,
                        const struct sandbox_opts *opts,
                        struct sandbox_child **ret);

/**
 * sandbox_child_send(c, p, n, fd):
 * Send 1 to SANDBOX_MESSAGE_MAX bytes and, unless ${fd} is -1, a descriptor
 * (open it read-only), which stays ours too.  Errors as sandbox_child_recv().
 */
err sandbox_child_send(struct sandbox_child *c, const void *p, size_t n,
                       int fd);

/**
 * sandbox_child_recv(c, p, max, ret_n):
 * Wait for one message of up to ${max} bytes, and set ${*ret_n} to its length.
 * Descriptors that the child may send are dropped.
 * E_CORRUPT, with the reason, if what it was given was too much for the child:
 * it crashed, tried the forbidden, gave up, answered too much or not in time.
 * E_IO if it ended otherwise.  It is dead after any error.
 */
err sandbox_child_recv(struct sandbox_child *c, void *p, size_t max,
                       size_t *ret_n);

/**
 * sandbox_child_stop(c), sandbox_child_stopp(c):
 * Kill the child, which keeps nothing that could be lost, and free ${c}.  NULL
 * is fine.
 */
void sandbox_child_stop(struct sandbox_child *c);
void sandbox_child_stopp(struct sandbox_child **c);

/**
 * sandbox_receive(sock, p, max, ret_n, ret_fd):
 * In the child: wait for a message; set ${*ret_fd} to the descriptor that came
 * with it (the caller closes it), or to -1.  E_CANCELLED if the parent is gone;
 * E_LIMIT if the message is longer than ${max}.
 */
err sandbox_receive(int sock, void *p, size_t max, size_t *ret_n, int *ret_fd);

/**
 * sandbox_reply(sock, p, n):
 * In the child: send 1 to SANDBOX_MESSAGE_MAX bytes to the parent.
 */
err sandbox_reply(int sock, const void *p, size_t n);

#endif /* BASE_SANDBOX_H */
