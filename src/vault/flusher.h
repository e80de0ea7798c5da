/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_FLUSHER_H
#define VAULT_FLUSHER_H

/*
 * While files are written the disk already works on them, so that the one sync
 * at the end finds little left.  It is that last sync that counts.
 */

#include <pthread.h>
#include <stdbool.h>

struct flusher {
	int target;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	bool running;
	pthread_t thread;
};

/**
 * flusher_start(f, target), flusher_stop(f):
 * Sync the file system of ${target} again and again in a thread; end that.
 */
void flusher_start(struct flusher *f, int target);
void flusher_stop(struct flusher *f);

#endif /* VAULT_FLUSHER_H */
