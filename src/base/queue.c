/* SPDX-License-Identifier: Apache-2.0 */

/* A ring behind a mutex. */

#include <assert.h>

#include "base/mem.h"
#include "base/queue.h"

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
