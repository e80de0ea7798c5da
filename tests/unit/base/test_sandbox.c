/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/sandbox.h"
#include "base/time.h"

static const struct sandbox_opts usual = { .wait_ns = 20 * NS_PER_S };

/* Do what a message's first byte says; answer with what came of it. */
static int
serve(int sock, void *arg)
{
	int64_t (*const *acts)(int fd) = arg;

	for (;;) {
		uint8_t what;
		int64_t result;
		size_t n;
		int fd;

		if (sandbox_receive(sock, &what, 1, &n, &fd).code)
			return 0;
		result = acts[what](fd);
		close_fd(&fd);
		if (sandbox_reply(sock, &result, sizeof(result)).code)
			return 1;
	}
}

static struct sandbox_child *
started(int64_t (*const *acts)(int fd))
{
	struct sandbox_child *c = NULL;

	assert_ok(
	    sandbox_child_start(serve, (void *)(uintptr_t)acts, &usual, &c));
	return c;
}

static err
ask(struct sandbox_child *c, uint8_t what, int fd, int64_t *ret)
{
	size_t n;
	err e;

	if ((e = sandbox_child_send(c, &what, 1, fd)).code)
		return e;
	return sandbox_child_recv(c, ret, sizeof(*ret), &n);
}

static int64_t
act_sum(int fd)
{
	struct stat st;
	int64_t sum = 0;
	uint8_t b;

	if (fstat(fd, &st) != 0)
		return -1;
	for (off_t i = 0; i < st.st_size; i++) {
		if (pread(fd, &b, 1, i) != 1)
			return -1;
		sum += b;
	}
	return sum;
}

static int64_t
act_map(int fd)
{
	const uint8_t *p = mmap(NULL, 3, PROT_READ, MAP_PRIVATE, fd, 0);

	return p == MAP_FAILED ? -1 : p[0] + p[1] + p[2];
}

static int64_t
act_allocate(int fd)
{
	uint8_t *p;
	int64_t ok;

	(void)fd;
	p = malloc(64 * MiB);
	ok = p != NULL && (memset(p, 1, 64 * MiB), p[MiB] == 1);
	free(p);
	return ok;
}

static void
reads_what_it_is_handed(void **state)
{
	static int64_t (*const acts[])(int) = { act_sum, act_map,
		                                act_allocate };
	AUTO(sandbox_child_stopp) struct sandbox_child *c = started(acts);
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	int64_t v;
	int fd;

	(void)state;
	assert_ok(fs_write(t.fd, "x", "\1\2\3", 3, 0600));
	fd = openat(t.fd, "x", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 50; i++) {
		assert_ok(ask(c, 0, fd, &v));
		assert_int_equal(v, 6);
		assert_ok(ask(c, 1, fd, &v));
		assert_int_equal(v, 6);
	}
	assert_ok(ask(c, 0, -1, &v));
	assert_int_equal(v, -1);
	assert_ok(ask(c, 2, -1, &v));
	assert_int_equal(v, 1);
	(void)close(fd);
}

static int64_t
act_open(int fd)
{
	(void)fd;
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int64_t
act_create(int fd)
{
	(void)fd;
	return open("/tmp/escaped", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int64_t
act_socket(int fd)
{
	(void)fd;
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int64_t
act_fork(int fd)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	(void)fd;
	if (pid == 0)
		_exit(0);
	return pid;
}

static int64_t
act_exec(int fd)
{
	char *const argv[] = { NULL };

	(void)fd;
	return syscall(SYS_execve, "/bin/true", argv, argv);
}

static int64_t
act_kill_parent(int fd)
{
	(void)fd;
	return syscall(SYS_kill, getppid(), 0);
}

static int64_t
act_map_code(int fd)
{
	(void)fd;
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
	               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int64_t
act_protect_code(int fd)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)fd;
	return syscall(SYS_mprotect, p, 4096, PROT_READ | PROT_EXEC);
}

static int64_t
act_stat(int fd)
{
	struct stat st;

	(void)fd;
	return syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &st, 0);
}

static int64_t
act_be_root(int fd)
{
	(void)fd;
	return syscall(SYS_setuid, 0);
}

static int64_t
act_ptrace(int fd)
{
	(void)fd;
	return syscall(SYS_ptrace, 0, 0, 0, 0);
}

static int64_t
act_raise_limit(int fd)
{
	const struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };

	(void)fd;
	return syscall(SYS_prlimit64, 0, RLIMIT_NPROC, &r, NULL);
}

static void
is_killed_for_each_thing_that_is_forbidden(void **state)
{
	static int64_t (*const acts[])(int) = {
		act_open,         act_create,      act_socket, act_fork,
		act_exec,         act_kill_parent, act_stat,   act_map_code,
		act_protect_code, act_be_root,     act_ptrace, act_raise_limit,
	};
	bool kills = sandbox_features().kills;

	(void)state;
	for (uint8_t i = 0; i < ARRAY_LEN(acts); i++) {
		AUTO(sandbox_child_stopp)
		struct sandbox_child *c = started(acts);
		int64_t v = 0;

		if (kills) {
			assert_err_says(E_CORRUPT, "tried", ask(c, i, -1, &v));
			assert_err(E_IO, ask(c, i, -1, &v));
		} else {
			assert_ok(ask(c, i, -1, &v));
			assert_int_equal(v, -1);
		}
	}
}

static int64_t
act_who(int fd)
{
	(void)fd;
	return getpid();
}

static void
is_nobody_without_privileges_or_files(void **state)
{
	static int64_t (*const acts[])(int) = { act_who };
	AUTO(sandbox_child_stopp) struct sandbox_child *c = started(acts);
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	char path[300];
	bool found = false;
	int64_t pid;

	(void)state;
	assert_ok(ask(c, 0, -1, &pid));
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	assert_ok(fs_read(AT_FDCWD, path, &b));
	if (sandbox_features().other_user) {
		assert_non_null(
		    strstr(buf_cstr(&b), "Uid:\t65534\t65534\t65534\t65534\n"));
		assert_non_null(
		    strstr(buf_cstr(&b), "Gid:\t65534\t65534\t65534\t65534\n"));
		assert_non_null(strstr(buf_cstr(&b), "Groups:\t \n"));
	}
	assert_non_null(strstr(buf_cstr(&b), "NoNewPrivs:\t1\n"));
	assert_non_null(strstr(buf_cstr(&b), "Seccomp:\t2\n"));
	assert_non_null(strstr(buf_cstr(&b), "CapEff:\t0000000000000000\n"));
	assert_non_null(strstr(buf_cstr(&b), "CapPrm:\t0000000000000000\n"));

	/* Three times /dev/null and the socket. */
	for (int i = 0; i < 300 && geteuid() == 0; i++) {
		char target[64] = "";
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid,
		               i);
		n = readlink(path, target, sizeof(target) - 1);
		if (i < 3)
			assert_string_equal(target, "/dev/null");
		else if (i == 3)
			found = strncmp(target, "socket:", 7) == 0;
		else
			assert_int_equal(n, -1);
	}
	assert_true(found || geteuid() != 0);
}

static int64_t
act_crash(int fd)
{
	(void)fd;
	(void)signal(SIGSEGV, SIG_DFL);
	*(volatile int *)(uintptr_t)fd = 1;
	return 0;
}

static int64_t
act_abort(int fd)
{
	(void)fd;
	abort();
}

static int64_t
act_spin(int fd)
{
	for (volatile unsigned i = 0;; i++)
		if (fd == 77)
			return i;
}

static int64_t
act_give_up(int fd)
{
	_exit(fd == -1 ? 5 : 0);
}

static int64_t
act_end(int fd)
{
	(void)fd;
	_exit(0);
}

static void
says_why_the_child_died(void **state)
{
	static int64_t (*const acts[])(int) = { act_abort, act_give_up,
		                                act_end };
	static const enum err_code codes[] = { E_CORRUPT, E_CORRUPT, E_IO };
	static const char *const why[] = { "crashed (SIGABRT)",
		                           "gave up (status 5)",
		                           "ended early" };

	(void)state;
	for (uint8_t i = 0; i < ARRAY_LEN(acts); i++) {
		AUTO(sandbox_child_stopp)
		struct sandbox_child *c = started(acts);
		int64_t v;

		if (i == 0 && !sandbox_features().kills)
			continue;
		assert_err_says(codes[i], why[i], ask(c, i, -1, &v));
	}
}

static void
survives_a_crash_of_the_child(void **state)
{
	static int64_t (*const acts[])(int) = { act_crash };
	AUTO(sandbox_child_stopp) struct sandbox_child *c = started(acts);
	int64_t v;

	(void)state;
	assert_err_says(E_CORRUPT, "its reader", ask(c, 0, -1, &v));
	assert_err_says(E_IO, "has ended", ask(c, 0, -1, &v));
}

static void
ends_a_child_that_answers_too_late(void **state)
{
	static int64_t (*const acts[])(int) = { act_spin };
	const struct sandbox_opts o = { .wait_ns = 300 * NS_PER_MS };
	struct sandbox_child *c = NULL;
	int64_t v;

	(void)state;
	assert_ok(sandbox_child_start(serve, (void *)(uintptr_t)acts, &o, &c));
	assert_err_says(E_CORRUPT, "in time", ask(c, 0, -1, &v));
	sandbox_child_stop(c);
}

static void
ends_a_child_that_computes_too_long(void **state)
{
	static int64_t (*const acts[])(int) = { act_spin };
	const struct sandbox_opts o = { .wait_ns = 60 * NS_PER_S,
		                        .cpu_seconds = 1 };
	struct sandbox_child *c = NULL;
	int64_t v;

	(void)state;
	assert_ok(sandbox_child_start(serve, (void *)(uintptr_t)acts, &o, &c));
	assert_err_says(E_CORRUPT, "processor time", ask(c, 0, -1, &v));
	sandbox_child_stop(c);
}

static int64_t
act_allocate_much(int fd)
{
	void *p = mmap(NULL, 300 * MiB, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)fd;
	return p == MAP_FAILED;
}

static int64_t
act_write_file(int fd)
{
	(void)signal(SIGXFSZ, SIG_IGN);
	return write(fd, "x", 1);
}

static void
bounds_memory_and_writes_nothing(void **state)
{
	static int64_t (*const acts[])(int) = { act_allocate_much,
		                                act_write_file };
	const struct sandbox_opts o = { .memory_bytes = 200 * MiB };
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	struct sandbox_child *c = NULL;
	struct stat st;
	int64_t v = 0;
	int fd = openat(t.fd, "x", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_ok(sandbox_child_start(serve, (void *)(uintptr_t)acts, &o, &c));
	if (sandbox_features().kills) {
		assert_ok(ask(c, 0, -1, &v));
		assert_int_equal(v, 1);
	}
	err_drop(ask(c, 1, fd, &v));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	(void)close(fd);
	sandbox_child_stop(c);
}

static int
answer_too_much(int sock, void *arg)
{
	char big[2000] = "";

	(void)arg;
	err_drop(sandbox_reply(sock, big, sizeof(big)));
	while (sched_yield() == 0)
		continue;
	return 1;
}

static void
ends_a_child_that_answers_too_much(void **state)
{
	struct sandbox_child *c = NULL;
	char small[100];
	size_t n = 42;

	(void)state;
	assert_ok(sandbox_child_start(answer_too_much, NULL, &usual, &c));
	assert_err_says(E_CORRUPT, "too much",
	                sandbox_child_recv(c, small, sizeof(small), &n));
	assert_int_equal(n, 42);
	sandbox_child_stop(c);
}

static int
read_nothing(int sock, void *arg)
{
	(void)sock;
	(void)arg;
	while (sched_yield() == 0)
		continue;
	return 1;
}

static void
ends_a_child_that_does_not_listen(void **state)
{
	const struct sandbox_opts o = { .wait_ns = 200 * NS_PER_MS };
	static char big[SANDBOX_MESSAGE_MAX];
	struct sandbox_child *c = NULL;
	err e = OK;

	(void)state;
	assert_ok(sandbox_child_start(read_nothing, NULL, &o, &c));
	for (int i = 0; i < 1000 && e.code == E_OK; i++)
		e = sandbox_child_send(c, big, sizeof(big), -1);
	assert_err_says(E_CORRUPT, "in time", e);
	sandbox_child_stop(c);
}

static int
send_descriptors(int sock, void *arg)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec io = { (char[]){ "x" }, 1 };
	struct msghdr m = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &ctl,
		.msg_controllen = sizeof(ctl),
	};

	(void)arg;
	memcpy(CMSG_DATA(&ctl.h), &sock, sizeof(sock));
	for (int i = 0; i < 10; i++)
		if (sendmsg(sock, &m, 0) != 1)
			return 1;
	while (sched_yield() == 0)
		continue;
	return 1;
}

static void
takes_no_descriptor_from_the_child(void **state)
{
	struct sandbox_child *c = NULL;
	int before, after;
	char text[10];
	size_t n;

	(void)state;
	assert_ok(sandbox_child_start(send_descriptors, NULL, &usual, &c));
	before = dup(2);
	for (int i = 0; i < 10; i++)
		assert_ok(sandbox_child_recv(c, text, sizeof(text), &n));
	after = dup(2);
	assert_int_equal(after, before + 1);
	(void)close(before);
	(void)close(after);
	sandbox_child_stop(c);
	sandbox_child_stop(NULL);
}

static int
leave_one(int sock, void *arg)
{
	(void)sock;
	(void)arg;
	return 0;
}

static void
leaves_no_zombie(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct sandbox_child *c = NULL;

		assert_ok(sandbox_child_start(leave_one, NULL, &usual, &c));
		sandbox_child_stop(c);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_is_handed),
		cmocka_unit_test(is_killed_for_each_thing_that_is_forbidden),
		cmocka_unit_test(is_nobody_without_privileges_or_files),
		cmocka_unit_test(says_why_the_child_died),
		cmocka_unit_test(survives_a_crash_of_the_child),
		cmocka_unit_test(ends_a_child_that_answers_too_late),
		cmocka_unit_test(ends_a_child_that_computes_too_long),
		cmocka_unit_test(bounds_memory_and_writes_nothing),
		cmocka_unit_test(ends_a_child_that_answers_too_much),
		cmocka_unit_test(ends_a_child_that_does_not_listen),
		cmocka_unit_test(takes_no_descriptor_from_the_child),
		cmocka_unit_test(leaves_no_zombie),
	};
	struct sandbox_features f = sandbox_features();

	if (!f.seccomp) {
		(void)printf("1..0 # SKIP this kernel has no seccomp\n");
		return 0;
	}
	print_message("# landlock version %d, other user %d, kills %d\n",
	              f.landlock, f.other_user, f.kills);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
