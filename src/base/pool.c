/* SPDX-License-Identifier: Apache-2.0 */

/* Threads that start together or not at all. */

#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "base/mem.h"
#include "base/pool.h"

enum gate { GATE_SHUT, GATE_OPEN, GATE_CANCELLED };

struct worker {
	struct pool *pool;
	pthread_t thread;
	unsigned number;
};

struct pool {
	err (*fn)(void *arg, unsigned worker);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	enum gate gate;
	err first;
	unsigned n;
	struct worker workers[];
};

/* Wait until it is known whether all threads could be made. */
static bool
pass_gate(struct pool *p)
{
	enum gate g;

	(void)pthread_mutex_lock(&p->lock);
	while (p->gate == GATE_SHUT)
		(void)pthread_cond_wait(&p->moved, &p->lock);
	g = p->gate;
	(void)pthread_mutex_unlock(&p->lock);
	return g == GATE_OPEN;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	err e;

	if (!pass_gate(p))
		return NULL;
	e = p->fn(p->arg, w->number);
	(void)pthread_mutex_lock(&p->lock);
	err_keep(&p->first, e);
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
set_gate(struct pool *p, enum gate g)
{
	(void)pthread_mutex_lock(&p->lock);
	p->gate = g;
	(void)pthread_cond_broadcast(&p->moved);
	(void)pthread_mutex_unlock(&p->lock);
}

/* Make threads until all are there or one is refused; return the errno. */
static int
make_threads(struct pool *p, unsigned threads)
{
	sigset_t all, old;
	int refused = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &old);
	while (p->n < threads && refused == 0) {
		struct worker *w = &p->workers[p->n];

		*w = (struct worker){ .pool = p, .number = p->n };
		refused = pthread_create(&w->thread, NULL, work, w);
		p->n += refused == 0;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return refused;
}

err
pool_new(unsigned threads, err (*fn)(void *arg, unsigned worker), void *arg,
         struct pool **ret)
{
	struct pool *p;
	int refused;

	if ((p = calloc(1, sizeof(*p) + threads * sizeof(*p->workers))) == NULL)
		return err_nomem();
	p->fn = fn;
	p->arg = arg;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->moved, NULL);
	if ((refused = make_threads(p, threads)) != 0) {
		set_gate(p, GATE_CANCELLED);
		err_drop(pool_join(p));
		errno = refused;
		return err_sys("starting %u threads", threads);
	}
	set_gate(p, GATE_OPEN);
	*ret = p;
	return OK;
}

err
pool_join(struct pool *p)
{
	err first;

	if (p == NULL)
		return OK;
	for (unsigned i = 0; i < p->n; i++)
		(void)pthread_join(p->workers[i].thread, NULL);
	first = p->first;
	(void)pthread_cond_destroy(&p->moved);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
	return first;
}

unsigned
pool_cpus(void)
{
	cpu_set_t set;
	int n = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}
