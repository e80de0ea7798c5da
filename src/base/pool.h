/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

/*
 * Threads that all run one function and are joined together.  What they hand
 * on goes through queues: a stage that fails closes those that it reads and
 * writes; the others then run dry and end.
 */

#include "base/err.h"
#include "base/queue.h"

/* Opaque; threads at work. */
struct pool;

/**
 * pool_new(threads, fn, arg, ret):
 * Run ${fn}(${arg}, i) once in each of ${threads} new threads, i counting from
 * 0.  All of them run or none.  Signals are left to the other threads.
 */
err pool_new(unsigned threads, err (*fn)(void *arg, unsigned worker), void *arg,
             struct pool **ret);

/**
 * pool_join(p):
 * Wait until all threads have returned, free ${p}, and return the error that
 * came first, or OK.  NULL is fine.
 */
err pool_join(struct pool *p);

/**
 * pool_cpus():
 * Return how many processors this process may use, at least 1.
 */
unsigned pool_cpus(void);

#endif /* BASE_POOL_H */
