/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The child of a sandbox and the socket to it, which keeps messages apart
 * (SOCK_SEQPACKET).  The parent believes nothing: lengths and times are
 * bounded, descriptors are not taken, and the reason of a death comes from the
 * kernel.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sandbox.h"
#include "base/time.h"

#define WAIT_DEFAULT (60 * NS_PER_S)

/* Where the child has its socket: behind the standard three. */
#define CHILD_SOCK 3

/* How long one that closed its socket may take to end, in milliseconds. */
#define ENDING_MS 2000

struct sandbox_child {
	pid_t pid; /* -1 once it is reaped. */
	int sock;
	int64_t wait_ns;
};

/* Room for one descriptor beside a message. */
union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

/* Kill what lives still; return how it ended. */
static int
end_child(struct sandbox_child *c, int grace_ms)
{
	const struct timespec ms = { .tv_nsec = NS_PER_MS };
	int status = 0;
	pid_t got = 0;

	while ((got = waitpid(c->pid, &status, WNOHANG)) == 0 && grace_ms-- > 0)
		(void)nanosleep(&ms, NULL);
	if (got == 0) {
		(void)kill(c->pid, SIGKILL);
		while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
			continue;
	}
	c->pid = -1;
	return status;
}

/* The socket is shut: say why. */
static err
death(struct sandbox_child *c)
{
	int status = end_child(c, ENDING_MS);
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (sig == SIGSYS)
		return err_new(E_CORRUPT,
		               "its reader was killed: it tried "
		               "what no reader does");
	if (sig == SIGXCPU)
		return err_new(E_CORRUPT,
		               "its reader was killed: it took too "
		               "much processor time");
	if (sig == SIGKILL)
		return err_new(E_IO, "its reader was killed from outside");
	if (sig != 0)
		return err_new(E_CORRUPT, "its reader crashed (SIG%s)",
		               sigabbrev_np(sig) ? sigabbrev_np(sig) : "?");
	if (WEXITSTATUS(status) != 0)
		return err_new(E_CORRUPT, "its reader gave up (status %d)",
		               WEXITSTATUS(status));
	return err_new(E_IO, "its reader ended early");
}

/* Kill the child for what it did. */
static err
punish(struct sandbox_child *c, const char *why)
{
	(void)end_child(c, 0);
	return err_new(E_CORRUPT, "its reader was killed: %s", why);
}

/* Wait until the socket is ready for ${events} or shut. */
static err
await(struct sandbox_child *c, short events)
{
	int64_t deadline = time_mono() + c->wait_ns;

	for (;;) {
		struct pollfd p = { .fd = c->sock, .events = events };
		int64_t left = (deadline - time_mono() + NS_PER_MS - 1) /
		    NS_PER_MS;
		int r;

		left = MIN(MAX(left, (int64_t)0), (int64_t)3600000);
		r = poll(&p, 1, (int)left);
		if (r > 0)
			return OK;
		if (r == 0 && time_mono() >= deadline)
			return punish(c, "it gave no answer in time");
		if (r < 0 && errno != EINTR)
			return err_sys("waiting for a reader");
	}
}

static bool
is_shut(int en)
{
	return en == EPIPE || en == ECONNRESET || en == ENOTCONN;
}

err
sandbox_child_send(struct sandbox_child *c, const void *p, size_t n, int fd)
{
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	struct iovec io = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	union control ctl = { 0 };
	err e;

	assert(n > 0 && n <= SANDBOX_MESSAGE_MAX);
	if (c->pid < 0)
		return err_new(E_IO, "its reader has ended");
	if (fd >= 0) {
		m.msg_control = &ctl;
		m.msg_controllen = sizeof(ctl);
		ctl.align.cmsg_level = SOL_SOCKET;
		ctl.align.cmsg_type = SCM_RIGHTS;
		ctl.align.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&ctl.align), &fd, sizeof(fd));
	}
	while (sendmsg(c->sock, &m, flags) < 0) {
		if (is_shut(errno))
			return death(c);
		if (errno == EAGAIN)
			e = await(c, POLLOUT);
		else
			e = errno == EINTR ? OK : err_sys("asking a reader");
		if (e.code)
			return e;
	}
	return OK;
}

err
sandbox_child_recv(struct sandbox_child *c, void *p, size_t max, size_t *ret_n)
{
	struct iovec io = { .iov_base = p, .iov_len = max };
	struct msghdr m;
	ssize_t n;
	err e;

	if (c->pid < 0)
		return err_new(E_IO, "its reader has ended");
	do {
		if ((e = await(c, POLLIN)).code)
			return e;
		m = (struct msghdr){ .msg_iov = &io, .msg_iovlen = 1 };
		n = recvmsg(c->sock, &m, MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n == 0 || (n < 0 && is_shut(errno)))
		return death(c);
	if (n < 0)
		return err_sys("hearing a reader");
	if (m.msg_flags & MSG_TRUNC)
		return punish(c, "it answered too much");
	*ret_n = (size_t)n;
	return OK;
}

void
sandbox_child_stop(struct sandbox_child *c)
{
	if (c == NULL)
		return;
	close_fd(&c->sock);
	if (c->pid > 0)
		(void)end_child(c, 0);
	free(c);
}

void
sandbox_child_stopp(struct sandbox_child **c)
{
	sandbox_child_stop(*c);
}

/* Leave the child /dev/null three times, its socket, and nothing else. */
static bool
keep_only(int sock)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int far = fcntl(sock, F_DUPFD_CLOEXEC, CHILD_SOCK + 1);

	if (null < 0 || far < 0)
		return false;
	for (int i = 0; i < CHILD_SOCK; i++)
		if (dup2(null, i) < 0)
			return false;
	if (dup2(far, CHILD_SOCK) < 0)
		return false;
	closefrom(CHILD_SOCK + 1);
	return true;
}

static void
reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The child's life: tell whether the sandbox stands, then work in it. */
static _Noreturn void
live(int (*fn)(int sock, void *arg), void *arg, int sock,
     const struct sandbox_opts *opts)
{
	static const char fine = '\0';
	err e;

	reset_signals();
	if (!keep_only(sock))
		_exit(2);
	if ((e = sandbox_enter(opts)).code) {
		const char *text = err_text(e);

		err_drop(sandbox_reply(CHILD_SOCK, text, strlen(text)));
		_exit(2);
	}
	if (sandbox_reply(CHILD_SOCK, &fine, 1).code)
		_exit(2);
	_exit(fn(CHILD_SOCK, arg) != 0);
}

/* Hear from the child whether its sandbox stands. */
static err
greet(struct sandbox_child *c)
{
	char text[512];
	size_t n;
	err e;

	if ((e = sandbox_child_recv(c, text, sizeof(text) - 1, &n)).code)
		return err_in(e, "starting a sandbox");
	if (n == 1 && text[0] == '\0')
		return OK;
	text[n] = '\0';
	return err_new(E_UNSUPPORTED, "%s", text);
}

static err
fork_child(int (*fn)(int sock, void *arg), void *arg,
           const struct sandbox_opts *opts, struct sandbox_child *c)
{
	AUTO(close_fd) int mine = -1, its = -1;
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) != 0)
		return err_sys("making a socket");
	mine = sv[0];
	its = sv[1];
	if ((c->pid = fork()) < 0)
		return err_sys("starting a process");
	if (c->pid == 0)
		live(fn, arg, its, opts);
	c->sock = mine;
	mine = -1;
	return OK;
}

err
sandbox_child_start(int (*fn)(int sock, void *arg), void *arg,
                    const struct sandbox_opts *opts, struct sandbox_child **ret)
{
	AUTO(sandbox_child_stopp) struct sandbox_child *c = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*c), &c)).code)
		return e;
	*c = (struct sandbox_child){
		.pid = -1,
		.sock = -1,
		.wait_ns = opts->wait_ns ? opts->wait_ns : WAIT_DEFAULT,
	};
	if ((e = fork_child(fn, arg, opts, c)).code || (e = greet(c)).code)
		return e;
	*ret = take(c);
	return OK;
}
