/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The caller's side of cut_worker.c.  All workers are forked at the start,
 * while there is one thread: fork() in a process with threads would leave the
 * child with locks that nobody holds.  So there are spares, and no restarts.
 *
 *  1. What a worker answers is checked as if it came from the file itself.
 *  2. A worker that breaks the protocol, the clock or itself is never asked
 *     again.
 */

#include "vault/cutter.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/sandbox.h"
#include "base/time.h"
#include "vault/cut_worker.h"

/* The worker and its spares. */
#define WORKERS 3

static const struct sandbox_opts opts = {
	.memory_bytes = 64 * MiB,
	.cpu_seconds = 3600, /* In all: many thousands of files. */
	.descriptors = 8,
	.wait_ns = 30 * NS_PER_S, /* A slow disk, a thousand headers. */
};

struct cutter {
	pthread_mutex_t lock; /* Guards what follows. */
	struct sandbox_child *v[WORKERS];
	size_t i; /* The one that is asked; WORKERS if all are gone. */
	struct cutter_stats stats;
};

err
cutter_start(struct cutter **ret)
{
	AUTO(cutter_stopp) struct cutter *c = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*c), &c)).code)
		return e;
	(void)pthread_mutex_init(&c->lock, NULL);
	for (size_t i = 0; i < WORKERS; i++) {
		e = sandbox_child_start(cut_worker_run, NULL, &opts, &c->v[i]);
		if (e.code)
			return err_in(e, "starting the finder of cuts");
	}
	*ret = take(c);
	return OK;
}

/* Receive a packet of exactly ${n} bytes; false if the worker is to blame. */
static bool
hear(struct sandbox_child *w, void *p, size_t n)
{
	size_t got = 0;
	err e = sandbox_child_recv(w, p, n, &got);
	bool fine = e.code == E_OK && got == n;

	err_drop(e);
	return fine;
}

static bool
ask(struct sandbox_child *w, int fd, uint64_t size)
{
	uint8_t q[CUT_WORKER_QUESTION];
	err e;
	bool fine;

	put_le64(q, size);
	e = sandbox_child_send(w, q, sizeof(q), fd);
	fine = e.code == E_OK;
	err_drop(e);
	return fine;
}

/* The ${n} cuts of an answer, for which ${c} has room. */
static bool
hear_cuts(struct sandbox_child *w, size_t n, struct cuts *c)
{
	uint8_t batch[CUT_WORKER_BATCH * CUT_WORKER_CUT];
	uint64_t off = 0;
	size_t k;

	while (c->n < n) {
		k = MIN(n - c->n, (size_t)CUT_WORKER_BATCH);
		if (!hear(w, batch, k * CUT_WORKER_CUT))
			return false;
		for (size_t j = 0; j < k; j++) {
			const uint8_t *p = batch + j * CUT_WORKER_CUT;
			struct cut *v = &c->v[c->n++];

			v->off = off;
			v->len = le64(p);
			v->how = (enum cut_how)p[8];
			off += v->len;
		}
	}
	return true;
}

/* Ask ${w}; false if it is to be ended. */
static bool
consult(struct sandbox_child *w, int fd, uint64_t size, struct cuts *c)
{
	uint8_t answer[CUT_WORKER_ANSWER];
	size_t n;
	err e;

	if (!ask(w, fd, size) || !hear(w, answer, sizeof(answer)))
		return false;
	if ((n = le32(answer)) == 0)
		return true;
	if (n > CUTS_MAX)
		return false;
	if ((e = mem_grow(&c->v, n, &c->cap, sizeof(*c->v))).code) {
		/* The rest of the answer waits in the socket: end it. */
		err_drop(e);
		return false;
	}
	return hear_cuts(w, n, c) && cuts_valid(c, size);
}

/* Find a plan with the lock held; false if there is none. */
static bool
find(struct cutter *c, int fd, uint64_t size, struct cuts *ret)
{
	if (c->i == WORKERS) {
		c->stats.unasked++;
		return false;
	}
	if (!consult(c->v[c->i], fd, size, ret)) {
		sandbox_child_stop(take(c->v[c->i]));
		c->i++;
		c->stats.lost++;
		return false;
	}
	if (ret->n == 0) {
		c->stats.refused++;
		return false;
	}
	c->stats.plans++;
	return true;
}

err
cutter_find(struct cutter *c, int fd, uint64_t size, struct cuts *ret)
{
	AUTO(cuts_release) struct cuts cuts = { 0 };
	bool found;

	(void)pthread_mutex_lock(&c->lock);
	found = find(c, fd, size, &cuts);
	(void)pthread_mutex_unlock(&c->lock);
	if (!found)
		return err_new(E_UNSUPPORTED, "no plan for this file");
	*ret = take_struct(cuts);
	return OK;
}

struct cutter_stats
cutter_stats(struct cutter *c)
{
	struct cutter_stats s;

	(void)pthread_mutex_lock(&c->lock);
	s = c->stats;
	(void)pthread_mutex_unlock(&c->lock);
	return s;
}

void
cutter_stop(struct cutter *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < WORKERS; i++)
		sandbox_child_stop(c->v[i]);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}
