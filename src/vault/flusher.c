/* SPDX-License-Identifier: Apache-2.0 */

/* Syncing along.  Failing is fine: the last sync tells. */

#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "vault/flusher.h"

#define FLUSH_EVERY (200 * NS_PER_MS)

static void *
flushing(void *arg)
{
	struct flusher *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		struct timespec ts;

		(void)clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_nsec += FLUSH_EVERY;
		ts.tv_sec += ts.tv_nsec / NS_PER_S;
		ts.tv_nsec %= NS_PER_S;
		(void)pthread_cond_timedwait(&f->wake, &f->lock, &ts);
		if (f->stop)
			break;
		pthread_mutex_unlock(&f->lock);
		(void)syncfs(f->target);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

void
flusher_start(struct flusher *f, int target)
{
	*f = (struct flusher){ .target = target };
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	f->running = pthread_create(&f->thread, NULL, flushing, f) == 0;
}

void
flusher_stop(struct flusher *f)
{
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	if (f->running)
		(void)pthread_join(f->thread, NULL);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->wake);
}
