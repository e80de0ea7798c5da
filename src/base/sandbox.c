/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The walls, in the order in which they can be built: another user, no
 * capabilities, no new privileges, Landlock without any right, limits, and the
 * filter of system calls last, for it forbids all that came before.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sandbox.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1 /* Needs terabytes of addresses and calls of its own. */
#else
#define SANITIZED 0
#endif

#define NOBODY 65534

#define MEMORY_DEFAULT      (512 * MiB)
#define CPU_DEFAULT         30
#define DESCRIPTORS_DEFAULT 16

/* Landlock, whose header may be older than the kernel. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self  446
#endif
#define LANDLOCK_VERSION 1u

struct landlock_attr {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

static int
landlock_version(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
	                 LANDLOCK_VERSION);

	return v > 0 ? (int)v : 0;
}

struct sandbox_features
sandbox_features(void)
{
	struct sandbox_features f = {
		.kills = !SANITIZED,
		.other_user = geteuid() == 0,
		.landlock = landlock_version(),
	};

	/* With no filter at hand: EFAULT if there are filters, else EINVAL. */
	f.seccomp = prctl(PR_SET_SECCOMP, 2, NULL, 0, 0) != 0 &&
	    errno == EFAULT;
	return f;
}

/* From root to nobody; whoever else stays, without capabilities. */
static err
drop_user(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { 0 };

	/* Not in every user namespace: then the other walls have to do. */
	if (geteuid() == 0 &&
	    ((setgroups(0, NULL) != 0 && errno != EPERM) ||
	     (setresgid(NOBODY, NOBODY, NOBODY) != 0 && errno != EINVAL &&
	      errno != EPERM) ||
	     (setresuid(NOBODY, NOBODY, NOBODY) != 0 && errno != EINVAL &&
	      errno != EPERM)))
		return err_sys("becoming nobody");
	if (syscall(SYS_capset, &head, none) != 0)
		return err_sys("dropping capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys("giving up new privileges");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_sys("giving up core dumps");
	return OK;
}

/* Handle every right that the kernel knows, and grant none. */
static err
deny_files(void)
{
	static const int fs_bits[] = { 0, 13, 14, 15, 15, 16 };
	int version = landlock_version();
	struct landlock_attr a = { 0 };
	size_t size = sizeof(a.fs);
	AUTO(close_fd) int fd = -1;

	if (version == 0)
		return OK;
	a.fs = ((uint64_t)1 << fs_bits[MIN(version, 5)]) - 1;
	if (version >= 4) {
		a.net = 3; /* Bind and connect. */
		size = offsetof(struct landlock_attr, scoped);
	}
	if (version >= 6) {
		a.scoped = 3; /* Abstract sockets and signals. */
		size = sizeof(a);
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &a, size, 0u);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0u) != 0)
		return err_sys("shutting out files by Landlock");
	return OK;
}

/* Bytes of address space in use, or 0. */
static uint64_t
memory_in_use(void)
{
	AUTO(close_fd) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[64] = "";
	ssize_t n;

	if (fd < 0 || (n = read(fd, text, sizeof(text) - 1)) <= 0)
		return 0;
	return strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static err
limit(__rlimit_resource_t what, rlim_t soft, rlim_t hard)
{
	struct rlimit now, r;

	if (getrlimit(what, &now) != 0)
		return err_sys("reading a limit");
	r.rlim_max = MIN(hard, now.rlim_max);
	r.rlim_cur = MIN(soft, r.rlim_max);
	if (setrlimit(what, &r) != 0)
		return err_sys("setting a limit");
	return OK;
}

static err
set_limits(const struct sandbox_opts *o, uint64_t in_use)
{
	uint64_t memory = o->memory_bytes ? o->memory_bytes : MEMORY_DEFAULT;
	rlim_t cpu = o->cpu_seconds ? o->cpu_seconds : CPU_DEFAULT;
	rlim_t files = o->descriptors ? o->descriptors : DESCRIPTORS_DEFAULT;
	err e;

	if (__builtin_add_overflow(memory, in_use, &memory))
		return err_new(E_INVALID, "a sandbox of too much memory");
	if (!SANITIZED && (e = limit(RLIMIT_AS, memory, memory)).code)
		return e;

	/* A second between the signal that says why and the one that kills. */
	if ((e = limit(RLIMIT_CPU, cpu, cpu + 1)).code ||
	    (e = limit(RLIMIT_NOFILE, files, files)).code ||
	    (e = limit(RLIMIT_FSIZE, 0, 0)).code ||
	    (e = limit(RLIMIT_CORE, 0, 0)).code)
		return e;
	return limit(RLIMIT_NPROC, 0, 0);
}

/* Calls that are allowed whatever their arguments. */
static const int calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(close),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
#if SANITIZED
	SCMP_SYS(sigaltstack), /* Before every call that does not return. */
#endif
};

/* Calls that depend on one argument: (argument & mask) == value. */
struct guarded {
	int call;
	unsigned arg;
	uint64_t mask;
	uint64_t value;
};

static int
add_guarded(scmp_filter_ctx ctx)
{
	const struct guarded g[] = {
		{ SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
		{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
		{ SCMP_SYS(newfstatat), 3, AT_EMPTY_PATH, AT_EMPTY_PATH },
		{ SCMP_SYS(fcntl), 1, UINT32_MAX, F_GETFL },
		/* So that abort() ends with its own signal. */
		{ SCMP_SYS(tgkill), 0, UINT32_MAX, (uint64_t)getpid() },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(g) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, g[i].call, 1,
		                     SCMP_CMP(g[i].arg, SCMP_CMP_MASKED_EQ,
		                              g[i].mask, g[i].value));
	return r;
}

static err
filter_calls(void)
{
	const uint32_t other = SANITIZED ? SCMP_ACT_ERRNO(EPERM)
					 : SCMP_ACT_KILL_PROCESS;
	scmp_filter_ctx ctx;
	int r;

	if ((ctx = seccomp_init(other)) == NULL)
		return err_nomem();
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	                     SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; i < ARRAY_LEN(calls) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	if (r == 0)
		r = add_guarded(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r == 0)
		return OK;
	if (!sandbox_features().seccomp)
		return err_new(E_UNSUPPORTED,
		               "this kernel cannot filter system calls "
		               "(seccomp), so foreign bytes are not parsed");
	errno = -r;
	return err_sys("filtering system calls");
}

err
sandbox_enter(const struct sandbox_opts *opts)
{
	uint64_t in_use = memory_in_use();
	err e;

	if ((e = drop_user()).code || (e = deny_files()).code ||
	    (e = set_limits(opts, in_use)).code || (e = filter_calls()).code)
		return err_in(e, "entering the sandbox");
	return OK;
}

/* Room for one descriptor beside a message. */
union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

err
sandbox_receive(int sock, void *p, size_t max, size_t *ret_n, int *ret_fd)
{
	struct iovec io = { .iov_base = p, .iov_len = max };
	union control ctl = { 0 };
	struct msghdr m;
	AUTO(close_fd) int fd = -1;
	ssize_t n;

	do {
		m = (struct msghdr){
			.msg_iov = &io,
			.msg_iovlen = 1,
			.msg_control = &ctl,
			.msg_controllen = sizeof(ctl),
		};
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys("hearing the parent");
	if (n == 0)
		return err_new(E_CANCELLED, "the parent is gone");
	if (m.msg_controllen >= CMSG_LEN(sizeof(fd)) &&
	    ctl.align.cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(&ctl.align), sizeof(fd));
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return err_new(E_LIMIT,
		               "a message of more than %zu bytes, or "
		               "too many descriptors",
		               max);
	*ret_n = (size_t)n;
	*ret_fd = fd;
	fd = -1;
	return OK;
}

err
sandbox_reply(int sock, const void *p, size_t n)
{
	struct iovec io = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };

	assert(n > 0 && n <= SANDBOX_MESSAGE_MAX);
	while (sendmsg(sock, &m, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return err_sys("answering the parent");
	return OK;
}
