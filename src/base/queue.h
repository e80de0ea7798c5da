/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

/* A bounded queue of pointers between threads. */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* A first-in first-out queue; any number of threads at either end. */
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t not_full;
	pthread_cond_t not_empty;
	void **ring; /* Owned; what it points to is not. */
	size_t cap;
	size_t head; /* Where the oldest is. */
	size_t n;
	bool closed;
};

/**
 * queue_init(q, cap):
 * Make ${q} an empty queue that holds up to ${cap} (at least 1) pointers.
 */
err queue_init(struct queue *q, size_t cap);

/**
 * queue_release(q):
 * Free the queue; no thread may be in it.  Pointers that are still in it are
 * forgotten: who owns what they point to pops them first.  A zeroed queue is
 * fine.
 */
void queue_release(struct queue *q);

/**
 * queue_push(q, p):
 * Append ${p}, which may not be NULL, waiting while the queue is full.  Return
 * false if it is closed: ${p} stays the caller's then.
 */
[[nodiscard]] bool queue_push(struct queue *q, void *p);

/**
 * queue_pop(q):
 * Take the oldest pointer out, waiting while there is none.  Return NULL if the
 * queue is closed and nothing is left in it.
 */
void *queue_pop(struct queue *q);

/**
 * queue_close(q):
 * Let nothing more in and wake all that wait.  What is in the queue can still
 * be popped.  May be called more than once.
 */
void queue_close(struct queue *q);

#endif /* BASE_QUEUE_H */
