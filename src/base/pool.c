/* SPDX-License-Identifier: Apache-2.0 */

/* A ring behind a mutex, and threads that start together or not at all. */

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "base/mem.h"
#include "base/pool.h"

err
queue_init(struct queue *q, size_t cap)
{
	struct queue made = { .cap = cap };
	err e;

	assert(cap > 0);
	if ((e = mem_alloc(cap, sizeof(*made.ring), &made.ring)).code)
		return e;
	*q = made;
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_cond_init(&q->not_full, NULL);
	(void)pthread_cond_init(&q->not_empty, NULL);
	return OK;
}

void
queue_release(struct queue *q)
{
	if (q->ring == NULL)
		return;
	(void)pthread_cond_destroy(&q->not_empty);
	(void)pthread_cond_destroy(&q->not_full);
	(void)pthread_mutex_destroy(&q->lock);
	free(q->ring);
	*q = (struct queue){ 0 };
}

bool
queue_push(struct queue *q, void *p)
{
	bool open;

	assert(p != NULL);
	(void)pthread_mutex_lock(&q->lock);
	while (q->n == q->cap && !q->closed)
		(void)pthread_cond_wait(&q->not_full, &q->lock);
	open = !q->closed;
	if (open) {
		q->ring[(q->head + q->n) % q->cap] = p;
		q->n++;
		(void)pthread_cond_signal(&q->not_empty);
	}
	(void)pthread_mutex_unlock(&q->lock);
	return open;
}

void *
queue_pop(struct queue *q)
{
	void *p = NULL;

	(void)pthread_mutex_lock(&q->lock);
	while (q->n == 0 && !q->closed)
		(void)pthread_cond_wait(&q->not_empty, &q->lock);
	if (q->n > 0) {
		p = q->ring[q->head];
		q->head = (q->head + 1) % q->cap;
		q->n--;
		(void)pthread_cond_signal(&q->not_full);
	}
	(void)pthread_mutex_unlock(&q->lock);
	return p;
}

void
queue_close(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	q->closed = true;
	(void)pthread_cond_broadcast(&q->not_full);
	(void)pthread_cond_broadcast(&q->not_empty);
	(void)pthread_mutex_unlock(&q->lock);
}

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
