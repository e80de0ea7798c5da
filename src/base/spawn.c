/* SPDX-License-Identifier: Apache-2.0 */

/*
 * posix_spawn() does what is delicate between fork and exec, and says why it
 * could not.  Input goes through a memory file instead of a pipe: nothing to
 * pump, and no SIGPIPE when nobody reads it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/time.h"

extern char **environ;

#define READ_STEP (16 * KiB)

/* Where there is no pidfd to wait on, look this often. */
#define LOOK_MS 10

/* A running command. */
struct run {
	pid_t pid;
	int pidfd;     /* -1 where the kernel has none. */
	int in;        /* What it reads; -1 once it runs. */
	int out[2];    /* Our end of its output, and its. */
	int errors[2]; /* The same of its standard error. */
	bool group;    /* It leads a process group. */
};

static void
run_release(struct run *r)
{
	close_fd(&r->pidfd);
	close_fd(&r->in);
	for (int i = 0; i < 2; i++) {
		close_fd(&r->out[i]);
		close_fd(&r->errors[i]);
	}
}

static err
make_input(const struct spawn_opts *o, int *ret)
{
	AUTO(close_fd) int fd = -1;
	err e;

	if (o->in == NULL) {
		if ((*ret = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
			return err_sys("opening '/dev/null'");
		return OK;
	}
	if ((fd = memfd_create("input", MFD_CLOEXEC)) < 0)
		return err_sys("making the input of '%s'", o->argv[0]);
	if ((e = fs_pwrite_full(fd, o->in, o->in_len, 0)).code)
		return err_in(e, "making the input of '%s'", o->argv[0]);
	*ret = fd;
	fd = -1;
	return OK;
}

/* Say what the child does before it becomes the command. */
static int
describe(const struct spawn_opts *o, const struct run *r,
         posix_spawn_file_actions_t *fa, posix_spawnattr_t *at)
{
	short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	sigset_t all, none;
	int en;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	flags |= r->group ? POSIX_SPAWN_SETPGROUP : 0;
	if ((en = posix_spawnattr_setflags(at, flags)) != 0 ||
	    (en = posix_spawnattr_setsigdefault(at, &all)) != 0 ||
	    (en = posix_spawnattr_setsigmask(at, &none)) != 0 ||
	    (en = posix_spawnattr_setpgroup(at, 0)) != 0)
		return en;
	if ((en = posix_spawn_file_actions_adddup2(fa, r->in, 0)) != 0)
		return en;
	if (o->out != NULL &&
	    (en = posix_spawn_file_actions_adddup2(fa, r->out[1], 1)) != 0)
		return en;
	if (o->errors != NULL &&
	    (en = posix_spawn_file_actions_adddup2(fa, r->errors[1], 2)) != 0)
		return en;
	if ((en = posix_spawn_file_actions_addclosefrom_np(fa, 3)) != 0)
		return en;
	return o->dir == NULL
	    ? 0
	    : posix_spawn_file_actions_addchdir_np(fa, o->dir);
}

static int
spawn_it(const struct spawn_opts *o, struct run *r)
{
	const char *const *envp = o->envp != NULL
	    ? o->envp
	    : (const char *const *)environ;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	int en;

	if ((en = posix_spawn_file_actions_init(&fa)) != 0)
		return en;
	if ((en = posix_spawnattr_init(&at)) != 0)
		goto undo;
	if ((en = describe(o, r, &fa, &at)) == 0)
		en = posix_spawnp(&r->pid, o->argv[0], &fa, &at,
		                  (char *const *)o->argv, (char *const *)envp);
	(void)posix_spawnattr_destroy(&at);
undo:
	(void)posix_spawn_file_actions_destroy(&fa);
	return en;
}

static err
start(const struct spawn_opts *o, struct run *r)
{
	int en;
	err e;

	if ((e = make_input(o, &r->in)).code)
		return e;
	if ((o->out != NULL && pipe2(r->out, O_CLOEXEC) != 0) ||
	    (o->errors != NULL && pipe2(r->errors, O_CLOEXEC) != 0))
		return err_sys("making a pipe");
	r->group = o->timeout_ns > 0;
	if ((en = spawn_it(o, r)) != 0) {
		errno = en;
		return err_sys("running '%s'", o->argv[0]);
	}

	/* Only the command holds these now, so that we see it let go. */
	close_fd(&r->in);
	close_fd(&r->out[1]);
	close_fd(&r->errors[1]);
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	return OK;
}

static void
kill_it(const struct run *r)
{
	(void)kill(r->group ? -r->pid : r->pid, SIGKILL);
}

/* Take what is there from ${*fd}, and close it at the end. */
static err
take_output(int *fd, struct buf *b)
{
	size_t want = MIN(b->max - b->len, READ_STEP);
	uint8_t probe, *p = &probe;
	ssize_t n;

	if (want > 0 && (p = buf_room(b, want)) == NULL)
		return buf_done(b);
	n = read(*fd, p, want > 0 ? want : 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return OK;
	if (n < 0)
		return err_sys("reading what a command writes");
	if (n == 0)
		close_fd(fd);
	else if (want == 0)
		return err_new(E_LIMIT, "more than %zu bytes of output",
		               b->max);
	else
		b->len += (size_t)n;
	return OK;
}

/* Wait up to ${ms} for output or the end; take the output. */
static err
attend(const struct spawn_opts *o, struct run *r, int ms, bool *ret_idle)
{
	struct pollfd p[3] = {
		{ .fd = r->out[0], .events = POLLIN },
		{ .fd = r->errors[0], .events = POLLIN },
		{ .fd = r->pidfd, .events = POLLIN },
	};
	err e;

	*ret_idle = false;
	if (poll(p, ARRAY_LEN(p), ms) < 0)
		return errno == EINTR ? OK : err_sys("waiting for a command");
	*ret_idle = p[0].revents == 0 && p[1].revents == 0;
	if (p[0].revents != 0 && (e = take_output(&r->out[0], o->out)).code)
		return e;
	if (p[1].revents != 0 &&
	    (e = take_output(&r->errors[0], o->errors)).code)
		return e;
	return OK;
}

/* Milliseconds to wait at most; -1: for ever. */
static int
wait_ms(const struct run *r, int64_t deadline)
{
	int64_t left;

	if (deadline == 0)
		return r->pidfd < 0 ? LOOK_MS : -1;
	left = (deadline - time_mono() + NS_PER_MS - 1) / NS_PER_MS;
	left = MIN(MAX(left, (int64_t)0), (int64_t)3600000);
	return (int)(r->pidfd < 0 ? MIN(left, (int64_t)LOOK_MS) : left);
}

static pid_t
reap(const struct run *r, int *status, int flags)
{
	pid_t got;

	do
		got = waitpid(r->pid, status, flags);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Until the command has ended: its output, then its end, in ${*status}. */
static err
watch(const struct spawn_opts *o, struct run *r, int *status)
{
	int64_t deadline = o->timeout_ns > 0 ? time_mono() + o->timeout_ns : 0;
	bool idle;
	pid_t got;
	err e;

	while ((got = reap(r, status, WNOHANG)) == 0) {
		int ms = wait_ms(r, deadline);

		if (ms == 0 && time_mono() >= deadline) {
			e = err_new(E_CANCELLED,
			            "killed: it took longer than %s",
			            time_span_text(o->timeout_ns).s);
			goto undo;
		}
		if ((e = attend(o, r, ms, &idle)).code)
			goto undo;
	}
	if (got < 0)
		return err_sys("waiting for a command");

	/* What it wrote last is in the pipes still. */
	close_fd(&r->pidfd);
	for (idle = false; !idle && (r->out[0] >= 0 || r->errors[0] >= 0);)
		if ((e = attend(o, r, 0, &idle)).code)
			return e;
	return OK;
undo:
	kill_it(r);
	(void)reap(r, status, 0);
	return e;
}

err
spawn_run(const struct spawn_opts *opts, struct spawn_end *ret)
{
	AUTO(run_release)
	struct run r = {
		.pidfd = -1,
		.in = -1,
		.out = { -1, -1 },
		.errors = { -1, -1 },
	};
	int status = 0;
	err e;

	if ((e = start(opts, &r)).code)
		return e;
	if ((e = watch(opts, &r, &status)).code)
		return err_in(e, "'%s'", opts->argv[0]);
	ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return OK;
}
