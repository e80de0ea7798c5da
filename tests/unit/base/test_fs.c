/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include <dirent.h>
#include <errno.h>
#include <seccomp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static unsigned
entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

static void
assert_content(int dirfd, const char *name, const char *want)
{
	AUTO(buf_release) struct buf b = BUF_MAX(1 * MiB);

	assert_ok(fs_read(dirfd, name, &b));
	assert_string_equal(buf_cstr(&b), want);
}

static void
reads_back_what_was_written(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(buf_release) struct buf b = BUF_MAX(1 * MiB);
	const size_t n = 300000;
	uint8_t *p = malloc(n);

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 31 >> 3);
	assert_ok(fs_write(t.fd, "x", p, n, 0600));
	buf_str(&b, "before");
	assert_ok(fs_read(t.fd, "x", &b));
	assert_int_equal(b.len, n + 6);
	assert_memory_equal(b.p, "before", 6);
	assert_memory_equal(b.p + 6, p, n);
	free(p);
}

static void
replaces_and_leaves_no_temporary(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	struct stat st;

	(void)state;
	assert_ok(fs_write(t.fd, "x", "old", 3, 0644));
	assert_ok(fs_write(t.fd, "x", "new", 3, 0600));
	assert_content(t.fd, "x", "new");
	assert_int_equal(fstatat(t.fd, "x", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(entries(t.path), 1);
}

static void
writes_below_directories_and_absolute_names(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(free_ptr) char *path = NULL;

	(void)state;
	assert_ok(fs_mkdirs(t.fd, "a/b", 0700));
	assert_ok(fs_write(t.fd, "a/b/x", "1", 1, 0600));
	assert_ok(fs_path_join(&path, t.path, "a/b/x"));
	assert_ok(fs_write(AT_FDCWD, path, "2", 1, 0600));
	assert_content(t.fd, "a/b/x", "2");
}

static void
creates_but_never_replaces(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	assert_ok(fs_create(t.fd, "x", "first", 5, 0600));
	assert_err(E_EXISTS, fs_create(t.fd, "x", "second", 6, 0600));
	assert_content(t.fd, "x", "first");
	assert_int_equal(symlinkat("nowhere", t.fd, "dangling"), 0);
	assert_err(E_EXISTS, fs_create(t.fd, "dangling", "x", 1, 0600));
	assert_int_equal(entries(t.path), 2);
}

static void
refuses_names_that_are_no_files(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	assert_err(E_INVALID, fs_write(t.fd, "", "x", 1, 0600));
	assert_err(E_INVALID, fs_write(t.fd, ".", "x", 1, 0600));
	assert_err(E_INVALID, fs_write(t.fd, "..", "x", 1, 0600));
	assert_err(E_INVALID, fs_write(t.fd, "a/", "x", 1, 0600));
	assert_err(E_NOTFOUND, fs_write(t.fd, "absent/x", "x", 1, 0600));
	assert_int_equal(entries(t.path), 0);
}

static void
keeps_the_old_file_when_the_new_one_does_not_fit(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	struct rlimit old, tight;
	static const char big[8192];
	void (*handler)(int);
	err e;

	(void)state;
	assert_ok(fs_write(t.fd, "x", "old", 3, 0600));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = 4096;
	handler = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	e = fs_write(t.fd, "x", big, sizeof(big), 0600);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	(void)signal(SIGXFSZ, handler);
	assert_err(E_LIMIT, e);
	assert_content(t.fd, "x", "old");
	assert_int_equal(entries(t.path), 1);
}

static void
cleans_up_when_the_target_is_a_directory(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	assert_ok(fs_mkdirs(t.fd, "x", 0700));
	assert_err(E_INVALID, fs_write(t.fd, "x", "a", 1, 0600));
	assert_int_equal(entries(t.path), 1);
}

static void
reads_no_more_than_the_buffer_may_hold(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(buf_release) struct buf exact = BUF_MAX(5);
	AUTO(buf_release) struct buf small = BUF_MAX(4);
	AUTO(buf_release) struct buf proc = BUF_MAX(4);

	(void)state;
	assert_ok(fs_write(t.fd, "x", "12345", 5, 0600));
	assert_ok(fs_read(t.fd, "x", &exact));
	assert_int_equal(exact.len, 5);
	assert_err(E_LIMIT, fs_read(t.fd, "x", &small));
	assert_int_equal(small.len, 0);

	/* A file that does not say how long it is. */
	assert_err(E_LIMIT, fs_read(AT_FDCWD, "/proc/self/stat", &proc));
	assert_int_equal(proc.len, 0);
}

static void
refuses_to_read_what_is_no_regular_file(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(buf_release) struct buf b = BUF_MAX(100);

	(void)state;
	assert_int_equal(mkfifoat(t.fd, "fifo", 0600), 0);
	assert_ok(fs_mkdirs(t.fd, "dir", 0700));
	assert_err(E_INVALID, fs_read(t.fd, "fifo", &b));
	assert_err(E_INVALID, fs_read(t.fd, "dir", &b));
	assert_err(E_INVALID, fs_read(AT_FDCWD, "/dev/null", &b));
	assert_err(E_NOTFOUND, fs_read(t.fd, "absent", &b));
	assert_err_says(E_NOTFOUND, "absent", fs_read(t.fd, "absent", &b));
}

static void
stops_early_only_at_the_end_of_the_file(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	char p[16];
	size_t n = 99;
	int fd = openat(t.fd, "x", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_ok(fs_write_full(fd, "hello", 5));
	assert_ok(fs_pwrite_full(fd, "HE", 2, 0));
	assert_ok(fs_sync(fd));
	assert_ok(fs_pread_full(fd, p, sizeof(p), 1, &n));
	assert_int_equal(n, 4);
	assert_memory_equal(p, "Ello", 4);
	assert_ok(fs_pread_full(fd, p, sizeof(p), 100, &n));
	assert_int_equal(n, 0);
	assert_int_equal(close(fd), 0);
	assert_err(E_IO, fs_pread_full(fd, p, 1, 0, &n));
	assert_err(E_IO, fs_pwrite_full(fd, p, 1, 0));
	assert_err(E_IO, fs_write_full(fd, p, 1));
	assert_err(E_IO, fs_sync(fd));
}

static void
makes_directories_that_are_missing(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(free_ptr) char *path = NULL;
	struct stat st;

	(void)state;
	assert_ok(fs_mkdirs(t.fd, "a/b//c/", 0700));
	assert_ok(fs_mkdirs(t.fd, "a/b/c", 0700));
	assert_ok(fs_path_join(&path, t.path, "a/d/e"));
	assert_ok(fs_mkdirs(AT_FDCWD, path, 0750));
	assert_int_equal(fstatat(t.fd, "a/d/e", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_ok(fs_sync_dir(t.fd, "a/d"));
	assert_err(E_NOTFOUND, fs_sync_dir(t.fd, "a/x"));
	assert_ok(fs_write(t.fd, "file", "", 0, 0600));
	assert_err(E_EXISTS, fs_mkdirs(t.fd, "file", 0700));
	assert_err(E_EXISTS, fs_mkdirs(t.fd, "file/below", 0700));
	assert_err(E_INVALID, fs_mkdirs(t.fd, "", 0700));
}

static void
opens_below_a_root_and_nowhere_else(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	static const char *const out[] = {
		"/etc/passwd", "../x",   "a/../../x", "abs",
		"up",          "up/etc", "a/up2",     "..",
	};
	int fd = -1, root;

	(void)state;
	assert_ok(fs_mkdirs(t.fd, "root/a", 0700));
	assert_ok(fs_write(t.fd, "x", "outside", 7, 0600));
	assert_ok(fs_write(t.fd, "root/a/in", "inside", 6, 0600));
	assert_int_equal(symlinkat("/etc/passwd", t.fd, "root/abs"), 0);
	assert_int_equal(symlinkat("..", t.fd, "root/up"), 0);
	assert_int_equal(symlinkat("../../x", t.fd, "root/a/up2"), 0);
	assert_int_equal(symlinkat("a/in", t.fd, "root/fine"), 0);
	root = openat(t.fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	for (size_t i = 0; i < ARRAY_LEN(out); i++) {
		assert_err(E_DENIED,
		           fs_open_beneath(root, out[i], O_RDONLY, 0, &fd));
		assert_int_equal(fd, -1);
	}
	assert_ok(fs_open_beneath(root, "fine", O_RDONLY, 0600, &fd));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
	assert_ok(fs_open_beneath(root, "a/new", O_WRONLY | O_CREAT | O_EXCL,
	                          0640, &fd));
	(void)close(fd);
	fd = -1;
	assert_err(E_EXISTS,
	           fs_open_beneath(root, "a/new", O_WRONLY | O_CREAT | O_EXCL,
	                           0640, &fd));
	assert_err(E_NOTFOUND, fs_open_beneath(root, "no", O_RDONLY, 0, &fd));
	(void)close(root);
}

/* Make ${depth} directories, each in the one before, with a file in each. */
static void
dig(int dirfd, const char *name, unsigned depth)
{
	int fd = dup(dirfd);

	for (unsigned i = 0; i < depth; i++) {
		int next, file;

		assert_int_equal(mkdirat(fd, name, 0700), 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		file = openat(next, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(file >= 0);
		(void)close(file);
		(void)close(fd);
		fd = next;
	}
	(void)close(fd);
}

static void
deletes_ten_thousand_levels_with_few_descriptors(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	struct rlimit old, tight;
	err e;

	(void)state;
	dig(t.fd, "a-directory-with-a-long-name", 10000);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	e = fs_remove_tree(t.fd, "a-directory-with-a-long-name");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_ok(e);
	assert_int_equal(entries(t.path), 0);
}

static void
deletes_symbolic_links_and_not_what_they_name(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	assert_ok(fs_mkdirs(t.fd, "tree/sub", 0700));
	assert_ok(fs_mkdirs(t.fd, "precious/sub", 0700));
	assert_ok(fs_write(t.fd, "precious/sub/x", "kept", 4, 0600));
	assert_int_equal(symlinkat("../precious", t.fd, "tree/link"), 0);
	assert_int_equal(
	    symlinkat("../../precious/sub/x", t.fd, "tree/sub/link"), 0);
	assert_int_equal(symlinkat("precious", t.fd, "link"), 0);
	assert_ok(fs_remove_tree(t.fd, "tree"));
	assert_ok(fs_remove_tree(t.fd, "link"));
	assert_content(t.fd, "precious/sub/x", "kept");
	assert_int_equal(entries(t.path), 1);
}

static void
deletes_wide_and_branching_trees(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		char name[32];
		int fd;

		(void)snprintf(name, sizeof(name), "d%u", i);
		assert_int_equal(mkdirat(t.fd, name, 0700), 0);
		fd = openat(t.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		dig(fd, "x", i % 60);
		(void)close(fd);
	}
	assert_ok(fs_remove_tree(AT_FDCWD, t.path));
	assert_int_equal(access(t.path, F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

static void
deletes_plain_files_and_forgives_absence(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	assert_ok(fs_write(t.fd, "x", "a", 1, 0));
	assert_ok(fs_remove_tree(t.fd, "x"));
	assert_ok(fs_remove_tree(t.fd, "x"));
	assert_int_equal(entries(t.path), 0);
}

static void
joins_paths(void **state)
{
	static const char *const cases[][3] = {
		{ "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "", "b", "b" },
		{ ".", "b", "b" },   { "/", "b", "/b" },   { "a", "", "a/" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(free_ptr) char *s = NULL;

		assert_ok(fs_path_join(&s, cases[i][0], cases[i][1]));
		assert_string_equal(s, cases[i][2]);
	}
}

static void
quotes_names_of_any_bytes(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(1000);
	static const char name[] = "a\nb\\c\xff\xc3\xa4\x7f\xc2\x9b\xe2\x82"
				   "d\0e";

	(void)state;
	fs_quote(name, sizeof(name) - 1, &b);
	assert_string_equal(buf_cstr(&b),
	                    "a\\x0ab\\\\c\\xff\xc3\xa4\\x7f\\xc2\\x9b"
	                    "\\xe2\\x82"
	                    "d\\x00e");
}

/*
 * Run ${fn} in a child to which the kernel answers ${call} with ${en}, and
 * return the code of its error; -1 if there is no such kernel to be had.
 */
static int
code_without(int call, int en, err (*fn)(int dirfd), int dirfd)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
		err e;

		if (ctx == NULL ||
		    seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint16_t)en), call,
		                     0) != 0 ||
		    seccomp_load(ctx) != 0)
			_exit(255);
		e = fn(dirfd);
		_exit(e.code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

static err
replace_x(int dirfd)
{
	return fs_write(dirfd, "x", "new", 3, 0600);
}

static err
create_y(int dirfd)
{
	return fs_create(dirfd, "y", "new", 3, 0600);
}

static err
open_beneath_x(int dirfd)
{
	int fd;

	return fs_open_beneath(dirfd, "x", O_RDONLY, 0, &fd);
}

static err
make_z(int dirfd)
{
	return fs_mkdirs(dirfd, "z", 0700);
}

static void
leaves_nothing_behind_when_a_sync_or_rename_fails(void **state)
{
	static const struct {
		int call, en;
		enum err_code want;
	} faults[] = {
		{ SCMP_SYS(fsync), EIO, E_IO },
		{ SCMP_SYS(fsync), ENOSPC, E_NOSPACE },
		{ SCMP_SYS(write), EDQUOT, E_NOSPACE },
		{ SCMP_SYS(renameat), EIO, E_IO },
		{ SCMP_SYS(getrandom), EIO, E_IO },
	};
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	assert_ok(fs_write(t.fd, "x", "old", 3, 0600));
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		int code = code_without(faults[i].call, faults[i].en, replace_x,
		                        t.fd);

		if (code < 0)
			skip();
		assert_int_equal(code, faults[i].want);
		assert_content(t.fd, "x", "old");
		assert_int_equal(entries(t.path), 1);
	}
	assert_int_equal(code_without(SCMP_SYS(fsync), EIO, create_y, t.fd),
	                 E_IO);
	assert_int_equal(code_without(SCMP_SYS(renameat2), EIO, create_y, t.fd),
	                 E_IO);
	assert_int_equal(code_without(SCMP_SYS(fsync), EIO, make_z, t.fd),
	                 E_IO);
	assert_int_equal(entries(t.path), 1);
}

static void
creates_where_renames_always_replace(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	int code = code_without(SCMP_SYS(renameat2), EINVAL, create_y, t.fd);

	(void)state;
	if (code < 0)
		skip();
	assert_int_equal(code, E_OK);
	assert_content(t.fd, "y", "new");
	assert_int_equal(entries(t.path), 1);
	assert_int_equal(
	    code_without(SCMP_SYS(renameat2), EINVAL, create_y, t.fd),
	    E_EXISTS);
}

static void
says_what_an_old_kernel_lacks(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	int code;

	(void)state;
	assert_ok(fs_write(t.fd, "x", "", 0, 0600));
	code = code_without(SCMP_SYS(openat2), ENOSYS, open_beneath_x, t.fd);
	if (code < 0)
		skip();
	assert_int_equal(code, E_UNSUPPORTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_what_was_written),
		cmocka_unit_test(replaces_and_leaves_no_temporary),
		cmocka_unit_test(writes_below_directories_and_absolute_names),
		cmocka_unit_test(creates_but_never_replaces),
		cmocka_unit_test(refuses_names_that_are_no_files),
		cmocka_unit_test(
		    keeps_the_old_file_when_the_new_one_does_not_fit),
		cmocka_unit_test(cleans_up_when_the_target_is_a_directory),
		cmocka_unit_test(reads_no_more_than_the_buffer_may_hold),
		cmocka_unit_test(refuses_to_read_what_is_no_regular_file),
		cmocka_unit_test(stops_early_only_at_the_end_of_the_file),
		cmocka_unit_test(makes_directories_that_are_missing),
		cmocka_unit_test(opens_below_a_root_and_nowhere_else),
		cmocka_unit_test(
		    deletes_ten_thousand_levels_with_few_descriptors),
		cmocka_unit_test(deletes_symbolic_links_and_not_what_they_name),
		cmocka_unit_test(deletes_wide_and_branching_trees),
		cmocka_unit_test(deletes_plain_files_and_forgives_absence),
		cmocka_unit_test(
		    leaves_nothing_behind_when_a_sync_or_rename_fails),
		cmocka_unit_test(creates_where_renames_always_replace),
		cmocka_unit_test(says_what_an_old_kernel_lacks),
		cmocka_unit_test(joins_paths),
		cmocka_unit_test(quotes_names_of_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
