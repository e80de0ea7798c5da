/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Snapshots as a read-only file system: the session with the kernel, from
 * mounting to unmounting.  One thread serves, because the reader below is for
 * one.
 */

#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vault/mount_ops.h"

#define DEVICE "/dev/fuse"

/* A reader of data may hold a segment of 8 MiB twice, sealed and opened. */
#define TREE_READERS 4
#define DATA_READERS 3

/* Of tree nodes, and of chunks of files. */
#define CACHE_BYTES (16 * MiB)

/* --- serving -------------------------------------------------------------- */

/* What libfuse said last; it has no other way to tell. */
static char said[256];

__attribute__((format(printf, 2, 0))) static void
on_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	if (level <= FUSE_LOG_ERR)
		(void)vsnprintf(said, sizeof(said), fmt, ap);
	said[strcspn(said, "\n")] = '\0';
}

static volatile sig_atomic_t stopped;

static void
on_signal(int sig)
{
	stopped = sig;
}

static const int stoppers[] = { SIGHUP, SIGINT, SIGTERM };

/* Signals are blocked but while we wait, so none is missed. */
struct signals {
	sigset_t mask; /* As it was. */
	struct sigaction old[ARRAY_LEN(stoppers)];
};

static void
signals_take(struct signals *s)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block;

	stopped = 0;
	(void)sigemptyset(&block);
	for (size_t i = 0; i < ARRAY_LEN(stoppers); i++)
		(void)sigaddset(&block, stoppers[i]);
	(void)pthread_sigmask(SIG_BLOCK, &block, &s->mask);
	for (size_t i = 0; i < ARRAY_LEN(stoppers); i++) {
		(void)sigaction(stoppers[i], NULL, &s->old[i]);
		if (s->old[i].sa_handler != SIG_IGN)
			(void)sigaction(stoppers[i], &sa, NULL);
	}
}

static void
signals_give_back(const struct signals *s)
{
	for (size_t i = 0; i < ARRAY_LEN(stoppers); i++)
		(void)sigaction(stoppers[i], &s->old[i], NULL);
	(void)pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
}

/* Answer until it is unmounted or a signal comes. */
static err
serve(struct fuse_session *se, const struct signals *s)
{
	struct pollfd fd = { .fd = fuse_session_fd(se), .events = POLLIN };
	struct fuse_buf b = { 0 };
	err e = OK;

	while (!e.code && !stopped && !fuse_session_exited(se)) {
		int n = ppoll(&fd, 1, NULL, &s->mask);

		if (n < 0 && errno != EINTR)
			e = err_sys("waiting for the kernel");
		if (n <= 0)
			continue;
		n = fuse_session_receive_buf(se, &b);
		if (n == 0)
			break;
		if (n > 0)
			fuse_session_process_buf(se, &b);
		else if (n != -EINTR && n != -EAGAIN)
			e = err_new(E_IO, "reading from " DEVICE ": %s",
			            strerrordesc_np(-n));
	}
	free(b.mem);
	return e;
}

static void
session_destroyp(struct fuse_session **se)
{
	if (*se != NULL)
		fuse_session_destroy(*se);
	fuse_set_log_func(NULL);
}

static err
session_run(struct mount *m, const char *where, void (*ready)(void *arg),
            void *arg)
{
	char name[] = "casemate", opt[] = "-o";
	char opts[] = "ro,nosuid,nodev,fsname=casemate,subtype=vault";
	char *argv[] = { name, opt, opts, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	AUTO(session_destroyp) struct fuse_session *se = NULL;
	struct signals s;
	err e;

	said[0] = '\0';
	fuse_set_log_func(on_log);
	se = fuse_session_new(&args, &mount_ops, sizeof(mount_ops), m);
	fuse_opt_free_args(&args);
	if (se == NULL)
		return err_new(E_UNSUPPORTED, "libfuse: %s", said);
	signals_take(&s);
	if (fuse_session_mount(se, where) != 0) {
		e = err_new(E_UNSUPPORTED,
		            "mounting at '%s': %s; is fuse3 "
		            "installed, and may you mount there?",
		            where, said);
	} else {
		ready(arg);
		e = serve(se, &s);
		fuse_session_unmount(se);
	}
	signals_give_back(&s);
	return e;
}

/* See beforehand what would stop us: libfuse's words are for its own people. */
static err
possible(const char *where)
{
	struct stat st;

	if (access(DEVICE, F_OK) != 0)
		return err_new(
		    E_UNSUPPORTED,
		    "there is no " DEVICE
		    " here: load it by 'modprobe fuse', or give the container "
		    "--device " DEVICE " --cap-add SYS_ADMIN");
	if (access(DEVICE, R_OK | W_OK) != 0)
		return err_sys("using " DEVICE);
	if (stat(where, &st) != 0)
		return err_sys("'%s'", where);
	if (!S_ISDIR(st.st_mode))
		return err_new(E_INVALID, "'%s' is no directory", where);
	return OK;
}

/* Serve the snapshots of ${list}, which is taken over. */
static err
mount_run(struct mount *m, struct snapshot_list *list, const char *where,
          void (*ready)(void *arg), void *arg)
{
	err e;

	if ((e = mount_readers_init(&m->trees, m->v, TREE_READERS)).code ||
	    (e = mount_readers_init(&m->data, m->v, DATA_READERS)).code)
		return e;
	mount_cache_init(&m->nodes, &m->trees, CACHE_BYTES);
	mount_cache_init(&m->chunks, &m->data, CACHE_BYTES);
	if ((e = mount_tree_init(&m->tree, &m->nodes, list)).code)
		return e;
	return session_run(m, where, ready, arg);
}

static void
mount_freep(struct mount **m)
{
	if (*m == NULL)
		return;
	mount_tree_release(&(*m)->tree);
	mount_cache_release(&(*m)->chunks);
	mount_cache_release(&(*m)->nodes);
	mount_readers_release(&(*m)->data);
	mount_readers_release(&(*m)->trees);
	free(*m);
}

err
vault_mount(struct vault *v, const char *asset, const char *mountpoint,
            void (*foreground_ready)(void *arg), void *arg)
{
	AUTO(snapshot_list_release) struct snapshot_list list = { 0 };
	AUTO(mount_freep) struct mount *m = NULL;
	uint64_t bad;
	err e;

	if ((e = possible(mountpoint)).code || (e = index_load(v)).code ||
	    (e = vault_snapshots(v, asset, &list)).code ||
	    (e = mem_alloc(1, sizeof(*m), &m)).code)
		return e;
	bad = list.bad.total;
	if (list.n == 0)
		return err_new(E_NOTFOUND, "there is no snapshot to show");
	m->v = v;
	m->uid = getuid();
	m->gid = getgid();
	e = mount_run(m, &list, mountpoint, foreground_ready, arg);
	if (!e.code && bad > 0)
		e = err_new(E_PARTIAL,
		            "%llu snapshots cannot be trusted and "
		            "were not shown: see 'vault list'",
		            (unsigned long long)bad);
	return e;
}
