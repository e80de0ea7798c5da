/* SPDX-License-Identifier: Apache-2.0 */

/* Open descriptors by object name: a small table under one mutex. */

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "store/fdcache.h"
#include "store/ops.h"

#define SLOTS 16

struct slot {
	char name[STORE_NAME_MAX + 1]; /* "" once forgotten. */
	int fd;                        /* -1 if free. */
	unsigned users;                /* Loans. */
	uint64_t used;                 /* When, in calls. */
};

struct fdcache {
	pthread_mutex_t lock;
	uint64_t now; /* Calls so far. */
	struct slot slots[SLOTS];
};

err
fdcache_new(struct fdcache **ret)
{
	struct fdcache *c;
	err e;

	if ((e = mem_alloc(1, sizeof(*c), &c)).code)
		return e;
	(void)pthread_mutex_init(&c->lock, NULL);
	for (int i = 0; i < SLOTS; i++)
		c->slots[i].fd = -1;
	*ret = c;
	return OK;
}

void
fdcache_free(struct fdcache *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < SLOTS; i++)
		close_fd(&c->slots[i].fd);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

static struct slot *
find(struct fdcache *c, const char *name)
{
	for (int i = 0; i < SLOTS; i++)
		if (c->slots[i].fd >= 0 && strcmp(c->slots[i].name, name) == 0)
			return &c->slots[i];
	return NULL;
}

/* No new loans from ${s}; it is closed now, or when the last one returns. */
static void
retire(struct slot *s)
{
	s->name[0] = '\0';
	if (s->users == 0)
		close_fd(&s->fd);
}

bool
fdcache_take(struct fdcache *c, const char *name, struct fdcache_loan *ret)
{
	struct stat st;
	struct slot *s;

	(void)pthread_mutex_lock(&c->lock);

	/* Another process may have deleted or replaced the object. */
	if ((s = find(c, name)) != NULL &&
	    (fstat(s->fd, &st) != 0 || st.st_nlink == 0)) {
		retire(s);
		s = NULL;
	}
	if (s != NULL) {
		s->users++;
		s->used = ++c->now;
		*ret = (struct fdcache_loan){ s->fd, (int)(s - c->slots) };
	}
	(void)pthread_mutex_unlock(&c->lock);
	return s != NULL;
}

struct fdcache_loan
fdcache_add(struct fdcache *c, const char *name, int fd)
{
	struct fdcache_loan loan = { fd, -1 };
	struct slot *best = NULL;

	(void)pthread_mutex_lock(&c->lock);
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &c->slots[i];

		if (s->users == 0 &&
		    (best == NULL || s->fd < 0 ||
		     (best->fd >= 0 && s->used < best->used)))
			best = s;
	}

	/* All lent out, or another thread was faster: use it once. */
	if (best != NULL && find(c, name) == NULL) {
		close_fd(&best->fd);
		memcpy(best->name, name, strlen(name) + 1);
		best->fd = fd;
		best->users = 1;
		best->used = ++c->now;
		loan.slot = (int)(best - c->slots);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return loan;
}

void
fdcache_return(struct fdcache *c, struct fdcache_loan loan)
{
	struct slot *s;

	if (loan.slot < 0) {
		close_fd(&loan.fd);
		return;
	}
	(void)pthread_mutex_lock(&c->lock);
	s = &c->slots[loan.slot];
	if (--s->users == 0 && s->name[0] == '\0')
		close_fd(&s->fd);
	(void)pthread_mutex_unlock(&c->lock);
}

void
fdcache_forget(struct fdcache *c, const char *name)
{
	struct slot *s;

	(void)pthread_mutex_lock(&c->lock);
	if ((s = find(c, name)) != NULL)
		retire(s);
	(void)pthread_mutex_unlock(&c->lock);
}
