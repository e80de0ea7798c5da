/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A library for LD_PRELOAD that makes the n-th operation of a program fail, or
 * kills or stops the program there, or records what it does to a directory.
 * Counting begins at main() and covers the first process only; recording covers
 * its children, too.  README.md has the words of the environment.
 *
 *  1. Nothing here allocates, and all of its own calls go past the wrappers.
 *  2. A record is written after the operation succeeded, and operation and
 *     record are one under a lock: the order of the log is that of the effects.
 *
 * Wrappers get their symbol by an assembler label, so that no header can turn
 * open into open64, or object to a second definition.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Declare and define the wrapper of the symbol ${sym}. */
#define WRAP(type, sym, ...)                                                   \
	type wrap_##sym(__VA_ARGS__) __asm__(#sym);                            \
	type wrap_##sym(__VA_ARGS__)

/* The function that ${sym} would be without us, of the wrapper's type. */
#define REAL(sym)                                                              \
	({                                                                     \
		static __typeof__(&wrap_##sym) real_;                          \
		if (real_ == NULL)                                             \
			real_ = (__typeof__(real_))dlsym(RTLD_NEXT, #sym);     \
		real_;                                                         \
	})

enum kind { ALLOC, READ, WRITE, SYNC, NAME, LINK, UNLINK, KINDS, OP = KINDS };

static const char *const kind_names[] = { "alloc", "read", "write",  "sync",
	                                  "name",  "link", "unlink", "op" };

/* What to do, and when. */
enum act { NOTHING, FAIL, SHORT, KILL, TEAR, STOP };

static struct {
	enum act act;
	enum kind kind;
	unsigned long n;
	bool on; /* From the n-th on. */
	int error;
} plan;

static atomic_ulong counts[KINDS + 1];
static atomic_bool active;
static atomic_bool in_main;
static char dir[4096]; /* What counts and is recorded; "" = everything. */
static size_t dir_len;
static int log_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- system calls past ourselves ---- */

WRAP(long, syscall, long number, ...);

static long
sys(long number, long a, long b, long c, long d)
{
	return REAL(syscall)(number, a, b, c, d, 0L, 0L);
}

static bool
stat_at(int fd, const char *path, int flags, struct stat *st)
{
	int before = errno;
	bool ok = sys(SYS_newfstatat, fd, (long)path, (long)st, flags) == 0;

	errno = before;
	return ok;
}

static bool
stat_fd(int fd, struct stat *st)
{
	return stat_at(fd, "", AT_EMPTY_PATH, st);
}

/* ---- what lies below the directory ---- */

static bool
below(const char *path)
{
	return strncmp(path, dir, dir_len) == 0 &&
	    (path[dir_len] == '/' || path[dir_len] == '\0');
}

/* Does ${path}, seen from ${fd}, lie below the directory? */
static bool
at_below(int fd, const char *path)
{
	char link[64], full[4096];
	int before = errno;
	long n;

	if (dir_len == 0)
		return true;
	if (path != NULL && path[0] == '/')
		return below(path);
	if (fd == AT_FDCWD)
		(void)snprintf(link, sizeof(link), "/proc/self/cwd");
	else
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = sys(SYS_readlinkat, AT_FDCWD, (long)link, (long)full,
	        sizeof(full) - 1);
	errno = before;
	if (n <= 0)
		return false;
	full[n] = '\0';
	if (path != NULL)
		(void)snprintf(full + n, sizeof(full) - (size_t)n, "/%s", path);
	return below(full);
}

/* Is ${fd} a regular file, or a directory, that counts? */
static bool
fd_counts(int fd)
{
	struct stat st;

	return stat_fd(fd, &st) &&
	    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) && at_below(fd, NULL);
}

/* ---- faults ---- */

/* Count one of ${k}; return what is to happen to it. */
static enum act
count(enum kind k)
{
	unsigned long n;

	if (!atomic_load(&active))
		return NOTHING;
	n = atomic_fetch_add(&counts[k], 1) + 1;
	if (plan.act == NOTHING || plan.kind != k ||
	    (plan.on ? n < plan.n : n != plan.n))
		return NOTHING;
	if (plan.act == KILL)
		(void)sys(SYS_kill, getpid(), SIGKILL, 0, 0);
	if (plan.act == STOP)
		(void)sys(SYS_kill, getpid(), SIGSTOP, 0, 0);
	return plan.act;
}

/* Count a change of ${k}, which is an operation as well. */
static enum act
change(enum kind k)
{
	enum act op = count(OP), own = count(k);

	/* Only a write can be torn: before anything else it is a kill. */
	if (op == TEAR && k != WRITE)
		(void)sys(SYS_kill, getpid(), SIGKILL, 0, 0);
	return op == TEAR ? op : own;
}

/* Does it fail?  Then errno says how. */
static bool
fails(enum act act)
{
	if (act == FAIL)
		errno = plan.error;
	return act == FAIL;
}

static bool
fd_fails(enum kind k, int fd)
{
	return fd_counts(fd) && fails(change(k));
}

static bool
at_fails(enum kind k, int fd, const char *path)
{
	return at_below(fd, path) && fails(change(k));
}

/* ---- records ---- */

static bool
begin(void)
{
	if (log_fd < 0)
		return false;
	(void)pthread_mutex_lock(&lock);
	(void)sys(SYS_flock, log_fd, LOCK_EX, 0, 0);
	return true;
}

static void
end(bool begun)
{
	if (!begun)
		return;
	(void)sys(SYS_flock, log_fd, LOCK_UN, 0, 0);
	(void)pthread_mutex_unlock(&lock);
}

/* Write a line, and ${n} bytes behind it. */
__attribute__((format(printf, 3, 4))) static void
record(const void *p, size_t n, const char *fmt, ...)
{
	char line[4400];
	struct iovec iov[3];
	int before = errno, len;
	va_list ap;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(line) - 1)
		abort();
	line[len] = '\n';
	iov[0] = (struct iovec){ line, (size_t)len + 1 };
	iov[1] = (struct iovec){ (void *)(uintptr_t)p, n };
	iov[2] = (struct iovec){ line + len, 1 };

	/* A log with a hole would prove nothing. */
	if (sys(SYS_writev, log_fd, (long)iov, n > 0 ? 3 : 1, 0) !=
	    (long)((size_t)len + 1 + (n > 0 ? n + 1 : 0)))
		abort();
	errno = before;
}

static unsigned long
ino_of(int fd)
{
	struct stat st;

	return stat_fd(fd, &st) ? (unsigned long)st.st_ino : 0;
}

/* A name and the directory that it stands in. */
struct where {
	bool in; /* Is it to be recorded? */
	unsigned long parent;
	char name[256];
};

static struct where
where(int fd, const char *path)
{
	struct where w = { 0 };
	char parent[4096];
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	struct stat st;

	if (log_fd < 0 || !at_below(fd, path) || strlen(path) >= 4096)
		return w;
	(void)snprintf(parent, sizeof(parent), "%.*s",
	               slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	if (*name == '\0' || strlen(name) > 255 || !stat_at(fd, parent, 0, &st))
		return w;
	w.in = true;
	w.parent = (unsigned long)st.st_ino;
	memcpy(w.name, name, strlen(name) + 1);
	return w;
}

/* Record that ${w} came to be; "make" if it is new, "link" otherwise. */
static void
record_name(const char *verb, const struct where *w, int fd, const char *path)
{
	struct stat st;

	if (!w->in || !stat_at(fd, path, AT_SYMLINK_NOFOLLOW, &st))
		return;
	record(NULL, 0, "%s %lu %lu %c %s", verb, w->parent,
	       (unsigned long)st.st_ino,
	       S_ISDIR(st.st_mode)       ? 'd'
	           : S_ISREG(st.st_mode) ? 'f'
	                                 : 'o',
	       w->name);
}

/* ---- start and end ---- */

static enum kind
kind_of(const char *s)
{
	for (enum kind k = 0; k <= OP; k++)
		if (strcmp(s, kind_names[k]) == 0)
			return k;
	abort();
}

static int
error_of(const char *s, enum kind k)
{
	static const struct {
		const char *name;
		int value;
	} known[] = { { "EIO", EIO },       { "ENOSPC", ENOSPC },
		      { "EDQUOT", EDQUOT }, { "EROFS", EROFS },
		      { "EPERM", EPERM },   { "EACCES", EACCES },
		      { "EINTR", EINTR },   { "ENOMEM", ENOMEM } };

	if (s == NULL)
		return k == ALLOC ? ENOMEM : k == WRITE ? ENOSPC : EIO;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, s) == 0)
			return known[i].value;
	abort();
}

/* "kind:n[+][:ERROR|:short]", "kill:n", "tear:n", "stop:n" */
static void
read_plan(const char *text)
{
	char words[128], *rest = words, *kind, *number, *error, *plus;

	(void)snprintf(words, sizeof(words), "%s", text);
	kind = strsep(&rest, ":");
	number = strsep(&rest, ":");
	error = rest;
	if (number == NULL)
		abort();
	plan.n = strtoul(number, &plus, 10);
	plan.on = *plus == '+';
	plan.kind = OP;
	if (strcmp(kind, "kill") == 0) {
		plan.act = KILL;
	} else if (strcmp(kind, "tear") == 0) {
		plan.act = TEAR;
	} else if (strcmp(kind, "stop") == 0) {
		plan.act = STOP;
	} else {
		plan.kind = kind_of(kind);
		plan.act = error != NULL && strcmp(error, "short") == 0 ? SHORT
									: FAIL;
		if (plan.act == FAIL)
			plan.error = error_of(error, plan.kind);
	}
}

static void
in_child(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	atomic_store(&active, false);
	memcpy(&lock, &fresh, sizeof(lock));
}

static void
start(void)
{
	const char *under = getenv("CM_FAULT_DIR"), *s;
	int fd;

	if (under != NULL)
		(void)snprintf(dir, sizeof(dir), "%s", under);
	dir_len = strlen(dir);
	(void)pthread_atfork(NULL, NULL, in_child);
	if ((s = getenv("CM_FAULT_RECORD")) != NULL && dir_len > 0) {
		fd = (int)sys(SYS_openat, AT_FDCWD, (long)s,
		              O_WRONLY | O_CREAT | O_APPEND, 0600);
		log_fd = (int)sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 700, 0);
		(void)sys(SYS_close, fd, 0, 0, 0);
		if (log_fd < 0)
			abort();
	}

	/* What this process starts carries the mark, and counts nothing. */
	if (getenv("CM_FAULT_STARTED") != NULL)
		return;
	(void)setenv("CM_FAULT_STARTED", "1", 1);
	if ((s = getenv("CM_FAULT")) != NULL)
		read_plan(s);
	atomic_store(&active, true);
}

__attribute__((destructor)) static void
finish(void)
{
	const char *path = getenv("CM_FAULT_LOG");
	char text[512];
	int n = 0;
	long fd;

	if (path == NULL || !atomic_exchange(&active, false))
		return;
	for (enum kind k = 0; k <= OP; k++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s %lu\n",
		              kind_names[k], atomic_load(&counts[k]));
	fd = sys(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_CREAT | O_TRUNC,
	         0600);
	if (fd < 0 || sys(SYS_write, fd, (long)text, n, 0) != n)
		abort();
	(void)sys(SYS_close, fd, 0, 0, 0);
}

static int (*their_main)(int, char **, char **);

static int
our_main(int argc, char **argv, char **env)
{
	atomic_store(&in_main, true);
	start();
	return their_main(argc, argv, env);
}

WRAP(int, __libc_start_main, int (*m)(int, char **, char **), int argc,
     char **argv, void (*init)(void), void (*fini)(void),
     void (*rtld_fini)(void), void *stack_end)
{
	their_main = m;
	return REAL(__libc_start_main)(our_main, argc, argv, init, fini,
	                               rtld_fini, stack_end);
}

/* ---- memory ---- */

/*
 * What is asked for before main() lives here for ever: in its first moments a
 * sanitizer can neither be asked for memory nor where its allocator is.
 */
static _Alignas(16) char arena[1 << 20];
static atomic_size_t arena_used;

static bool
in_arena(const void *p)
{
	return (const char *)p >= arena &&
	    (const char *)p < arena + sizeof(arena);
}

static void *
arena_alloc(size_t n)
{
	size_t at = atomic_fetch_add(&arena_used, (n + 31) & ~(size_t)15);

	if (at + n > sizeof(arena))
		abort();
	return arena + at;
}

/* The real ${sym}, or NULL where it is too early for one. */
#define REAL_ALLOC(sym) (atomic_load(&in_main) ? REAL(sym) : NULL)

static bool
alloc_fails(void)
{
	return fails(count(ALLOC));
}

WRAP(void *, malloc, size_t n)
{
	void *(*real)(size_t) = REAL_ALLOC(malloc);

	if (real == NULL)
		return arena_alloc(n);
	return alloc_fails() ? NULL : real(n);
}

WRAP(void *, calloc, size_t n, size_t size)
{
	void *(*real)(size_t, size_t) = REAL_ALLOC(calloc);

	if (real == NULL)
		return arena_alloc(n * size);
	return alloc_fails() ? NULL : real(n, size);
}

WRAP(void *, realloc, void *p, size_t n)
{
	void *(*real)(void *, size_t) = REAL_ALLOC(realloc);
	void *q;

	if (real == NULL || in_arena(p)) {
		q = real != NULL ? wrap_malloc(n) : arena_alloc(n);
		if (q != NULL && p != NULL)
			memcpy(
			    q, p,
			    n < (size_t)(arena + sizeof(arena) - (char *)p)
				? n
				: (size_t)(arena + sizeof(arena) - (char *)p));
		return q;
	}
	return alloc_fails() ? NULL : real(p, n);
}

WRAP(void *, aligned_alloc, size_t align, size_t n)
{
	return alloc_fails() ? NULL : REAL(aligned_alloc)(align, n);
}

WRAP(int, posix_memalign, void **ret, size_t align, size_t n)
{
	return alloc_fails() ? ENOMEM : REAL(posix_memalign)(ret, align, n);
}

WRAP(void, free, void *p)
{
	void (*real)(void *) = REAL_ALLOC(free);

	if (real != NULL && !in_arena(p))
		real(p);
}

/* ---- files come to be ---- */

/* Before an open: is it one that may change something, and will it create? */
struct opening {
	bool begun, creates;
	struct where w;
};

static bool
open_before(struct opening *o, int fd, const char *path, int flags)
{
	struct stat st;

	*o = (struct opening){ 0 };
	if (!(flags & O_CREAT))
		return true;
	o->begun = begin();
	o->creates = !stat_at(fd, path, AT_SYMLINK_NOFOLLOW, &st);
	if (o->creates && at_fails(NAME, fd, path)) {
		end(o->begun);
		return false;
	}
	o->w = where(fd, path);
	return true;
}

static void
open_after(struct opening *o, int fd, const char *path, int flags, int got)
{
	if (got >= 0 && o->creates)
		record_name("make", &o->w, fd, path);
	else if (got >= 0 && (flags & O_TRUNC) && log_fd >= 0 && fd_counts(got))
		record(NULL, 0, "size %lu 0", ino_of(got));
	end(o->begun);
}

#define MODE_ARG(flags)                                                        \
	({                                                                     \
		mode_t mode_ = 0;                                              \
		va_list ap_;                                                   \
		if ((flags) & (O_CREAT | O_TMPFILE)) {                         \
			va_start(ap_, flags);                                  \
			mode_ = va_arg(ap_, mode_t);                           \
			va_end(ap_);                                           \
		}                                                              \
		mode_;                                                         \
	})

#define WRAP_OPEN(sym)                                                         \
	WRAP(int, sym, const char *path, int flags, ...)                       \
	{                                                                      \
		mode_t mode = MODE_ARG(flags);                                 \
		struct opening o;                                              \
		int r;                                                         \
		if (!open_before(&o, AT_FDCWD, path, flags))                   \
			return -1;                                             \
		r = REAL(sym)(path, flags, mode);                              \
		open_after(&o, AT_FDCWD, path, flags, r);                      \
		return r;                                                      \
	}

#define WRAP_OPENAT(sym)                                                       \
	WRAP(int, sym, int fd, const char *path, int flags, ...)               \
	{                                                                      \
		mode_t mode = MODE_ARG(flags);                                 \
		struct opening o;                                              \
		int r;                                                         \
		if (!open_before(&o, fd, path, flags))                         \
			return -1;                                             \
		r = REAL(sym)(fd, path, flags, mode);                          \
		open_after(&o, fd, path, flags, r);                            \
		return r;                                                      \
	}

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)

WRAP(long, syscall, long number, ...)
{
	struct opening o = { 0 };
	const struct open_how *how;
	long a[6], r;
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	how = number == SYS_openat2 ? (const void *)a[2] : NULL;
	if (how != NULL &&
	    !open_before(&o, (int)a[0], (const char *)a[1], (int)how->flags))
		return -1;
	r = REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (how != NULL)
		open_after(&o, (int)a[0], (const char *)a[1], (int)how->flags,
		           (int)r);
	return r;
}

static int
make_directory(int fd, const char *path, mode_t mode)
{
	struct where w;
	bool b;
	long r;

	if (at_fails(NAME, fd, path))
		return -1;
	b = begin();
	w = where(fd, path);
	if ((r = sys(SYS_mkdirat, fd, (long)path, mode, 0)) == 0)
		record_name("make", &w, fd, path);
	end(b);
	return (int)r;
}

WRAP(int, mkdir, const char *path, mode_t mode)
{
	return make_directory(AT_FDCWD, path, mode);
}

WRAP(int, mkdirat, int fd, const char *path, mode_t mode)
{
	return make_directory(fd, path, mode);
}

/* ---- names move and go ---- */

WRAP(int, linkat, int from, const char *old, int to, const char *new, int flags)
{
	struct where w;
	bool b;
	int r;

	/* A link is a name, too: it fails as either. */
	if (at_below(to, new) && (fails(count(LINK)) || fails(change(NAME))))
		return -1;
	b = begin();
	w = where(to, new);
	if ((r = REAL(linkat)(from, old, to, new, flags)) == 0)
		record_name("link", &w, to, new);
	end(b);
	return r;
}

WRAP(int, link, const char *old, const char *new)
{
	return wrap_linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

WRAP(int, renameat2, int from, const char *old, int to, const char *new,
     unsigned flags)
{
	struct where w, v;
	struct stat st;
	bool b, was;
	int r;

	if (at_fails(NAME, to, new))
		return -1;
	b = begin();
	w = where(from, old);
	v = where(to, new);
	was = stat_at(from, old, AT_SYMLINK_NOFOLLOW, &st);
	r = REAL(renameat2)(from, old, to, new, flags);
	if (r == 0 && was && (w.in || v.in))
		record(NULL, 0, "%s %lu %lu %lu %c %s/%s",
		       flags & RENAME_EXCHANGE ? "swap" : "move",
		       w.in ? w.parent : 0, v.in ? v.parent : 0,
		       (unsigned long)st.st_ino,
		       S_ISDIR(st.st_mode) ? 'd' : 'f', w.name, v.name);
	end(b);
	return r;
}

WRAP(int, renameat, int from, const char *old, int to, const char *new)
{
	return wrap_renameat2(from, old, to, new, 0);
}

WRAP(int, rename, const char *old, const char *new)
{
	return wrap_renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

WRAP(int, unlinkat, int fd, const char *path, int flags)
{
	struct where w;
	bool b;
	int r;

	if (at_fails(UNLINK, fd, path))
		return -1;
	b = begin();
	w = where(fd, path);
	r = REAL(unlinkat)(fd, path, flags);
	if (r == 0 && w.in)
		record(NULL, 0, "drop %lu %s", w.parent, w.name);
	end(b);
	return r;
}

WRAP(int, unlink, const char *path)
{
	return wrap_unlinkat(AT_FDCWD, path, 0);
}

WRAP(int, rmdir, const char *path)
{
	return wrap_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

WRAP(int, remove, const char *path)
{
	int r = wrap_unlinkat(AT_FDCWD, path, 0);

	if (r != 0 && errno == EISDIR)
		r = wrap_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
	return r;
}

/* ---- bytes ---- */

#define AT_POSITION (-1L)

/* Write by the vector; ${off} is AT_POSITION or where. */
static ssize_t
write_out(int fd, const struct iovec *iov, int n, long off)
{
	struct iovec first = n > 0 ? iov[0] : (struct iovec){ 0 };
	bool ours = fd_counts(fd), b;
	enum act act = ours ? change(WRITE) : NOTHING;
	struct stat st;
	long r, at = off;

	if (fails(act))
		return -1;
	if (act == SHORT || act == TEAR) {
		first.iov_len = (first.iov_len + 1) / 2;
		iov = &first;
		n = 1;
	}
	b = begin();
	if (off == AT_POSITION) {
		int flags = (int)sys(SYS_fcntl, fd, F_GETFL, 0, 0);

		if (b && ours)
			at = flags & O_APPEND && stat_fd(fd, &st)
			    ? (long)st.st_size
			    : sys(SYS_lseek, fd, 0, SEEK_CUR, 0);
		r = sys(SYS_writev, fd, (long)iov, n, 0);
	} else {
		r = sys(SYS_pwritev, fd, (long)iov, n, off);
	}
	for (long i = 0, left = r; b && left > 0 && i < n; i++) {
		size_t len = iov[i].iov_len < (size_t)left ? iov[i].iov_len
							   : (size_t)left;

		if (len > 0 && ours)
			record(iov[i].iov_base, len, "data %lu %ld %zu",
			       ino_of(fd), at, len);
		else if (len > 0 && fd == STDOUT_FILENO)
			record(iov[i].iov_base, len, "say %zu", len);
		at += (long)len;
		left -= (long)len;
	}
	end(b);
	if (act == TEAR)
		(void)sys(SYS_kill, getpid(), SIGKILL, 0, 0);
	return r;
}

WRAP(ssize_t, write, int fd, const void *p, size_t n)
{
	struct iovec iov = { (void *)(uintptr_t)p, n };

	return write_out(fd, &iov, 1, AT_POSITION);
}

WRAP(ssize_t, writev, int fd, const struct iovec *iov, int n)
{
	return write_out(fd, iov, n, AT_POSITION);
}

#define WRAP_PWRITE(sym)                                                       \
	WRAP(ssize_t, sym, int fd, const void *p, size_t n, long off)          \
	{                                                                      \
		struct iovec iov = { (void *)(uintptr_t)p, n };                \
		return write_out(fd, &iov, 1, off);                            \
	}

#define WRAP_PWRITEV(sym)                                                      \
	WRAP(ssize_t, sym, int fd, const struct iovec *iov, int n, long off)   \
	{                                                                      \
		return write_out(fd, iov, n, off);                             \
	}

WRAP_PWRITE(pwrite)
WRAP_PWRITE(pwrite64)
WRAP_PWRITEV(pwritev)
WRAP_PWRITEV(pwritev64)

static int
resize(int fd, long size)
{
	bool b;
	long r;

	if (fd_fails(WRITE, fd))
		return -1;
	b = begin();
	if ((r = sys(SYS_ftruncate, fd, size, 0, 0)) == 0 && b && fd_counts(fd))
		record(NULL, 0, "size %lu %ld", ino_of(fd), size);
	end(b);
	return (int)r;
}

WRAP(int, ftruncate, int fd, long size)
{
	return resize(fd, size);
}

WRAP(int, ftruncate64, int fd, long size)
{
	return resize(fd, size);
}

static int
reserve(int fd, int mode, long off, long len)
{
	struct stat st;
	bool b;
	long r;

	if (fd_fails(WRITE, fd))
		return -1;
	b = begin();
	r = sys(SYS_fallocate, fd, mode, off, len);
	if (r == 0 && b && fd_counts(fd) && stat_fd(fd, &st))
		record(NULL, 0, "size %lu %ld", ino_of(fd), (long)st.st_size);
	end(b);
	return (int)r;
}

WRAP(int, fallocate, int fd, int mode, long off, long len)
{
	return reserve(fd, mode, off, len);
}

WRAP(int, fallocate64, int fd, int mode, long off, long len)
{
	return reserve(fd, mode, off, len);
}

/* Copies in the kernel go by hand, so that the bytes can be recorded. */
WRAP(ssize_t, copy_file_range, int in, long *in_off, int out, long *out_off,
     size_t n, unsigned flags)
{
	if (fd_fails(WRITE, out))
		return -1;
	if (log_fd >= 0 && fd_counts(out)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return REAL(copy_file_range)(in, in_off, out, out_off, n, flags);
}

#define WRAP_READ(sym, args, ...)                                              \
	WRAP(ssize_t, sym, int fd, void *p,                                    \
	     size_t n __VA_OPT__(, ) __VA_ARGS__)                              \
	{                                                                      \
		if (atomic_load(&active) && fd_counts(fd) &&                   \
		    fails(count(READ)))                                        \
			return -1;                                             \
		return REAL(sym) args;                                         \
	}

WRAP_READ(read, (fd, p, n))
WRAP_READ(pread, (fd, p, n, off), long off)
WRAP_READ(pread64, (fd, p, n, off), long off)

/* ---- syncs ---- */

#define WRAP_SYNC(sym, ...)                                                    \
	WRAP(int, sym, int fd)                                                 \
	{                                                                      \
		bool b;                                                        \
		int r;                                                         \
		if (fd_fails(SYNC, fd))                                        \
			return -1;                                             \
		b = begin();                                                   \
		if ((r = REAL(sym)(fd)) == 0 && b && fd_counts(fd))            \
			record(NULL, 0, __VA_ARGS__);                          \
		end(b);                                                        \
		return r;                                                      \
	}

WRAP_SYNC(fsync, "sync %lu", ino_of(fd))
WRAP_SYNC(fdatasync, "sync %lu", ino_of(fd))
WRAP_SYNC(syncfs, "syncall")
