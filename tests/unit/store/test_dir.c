/* SPDX-License-Identifier: Apache-2.0 */

/* The store in a directory, by its contract in store.h and its layout. */

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "helper.h"
#include "store/store.h"

#define HEX_A "aa00000000000000000000000000000000000000000000000000000000000001"

/* A directory for one test, and a store in its "s". */
struct place {
	struct temp_dir root;
	char url[80];
	struct store *s;
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->root = temp_dir_open();
	(void)snprintf(p->url, sizeof(p->url), "%s/s", p->root.path);
	assert_ok(store_create(p->url, "here", &p->s));
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;

	store_close(p->s);
	temp_dir_close(&p->root);
	free(p);
	return 0;
}

static const char *
below(const struct place *p, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", p->url, name);
	return path;
}

static void
plant(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
assert_holds(struct store *s, const char *name, const char *text)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);

	assert_ok(store_get(s, name, &b));
	assert_string_equal(buf_cstr(&b), text);
}

static err
count_one(const struct store_item *item, void *arg)
{
	(void)item;
	(*(unsigned *)arg)++;
	return OK;
}

static unsigned
count(struct store *s, const char *kind)
{
	unsigned n = 0;

	assert_ok(store_list(s, kind, count_one, &n));
	return n;
}

/* How many names there are in "tmp", dots not counted. */
static unsigned
leftovers(const struct place *p)
{
	struct dirent **names;
	int n = scandir(below(p, "tmp"), &names, NULL, NULL);

	assert_true(n >= 2);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return (unsigned)n - 2;
}

static void
gives_back_what_was_put(void **state)
{
	static const char *const names[] = { "vault", "keys/1",
		                             ("packs/" HEX_A),
		                             "ledger/tile-0.1.2" };
	struct place *p = *state;
	uint64_t size;
	char part[4] = "";

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_ok(store_put(p->s, names[i], "some bytes", 10));
		assert_holds(p->s, names[i], "some bytes");
		assert_ok(store_get_range(p->s, names[i], 5, 3, part));
		assert_string_equal(part, "byt");
		assert_ok(store_size(p->s, names[i], &size));
		assert_int_equal(size, 10);
	}
	assert_int_equal(access(below(p, "packs/aa/" HEX_A), F_OK), 0);
	assert_int_equal(leftovers(p), 0);
}

static void
keeps_an_empty_object(void **state)
{
	struct place *p = *state;

	assert_ok(store_put(p->s, "pending/x", "", 0));
	assert_holds(p->s, "pending/x", "");
	assert_int_equal(count(p->s, "pending"), 1);
}

static void
keeps_the_first_object_of_a_name(void **state)
{
	struct place *p = *state;

	assert_ok(store_put(p->s, "packs/" HEX_A, "first", 5));
	assert_err(E_EXISTS, store_put(p->s, "packs/" HEX_A, "second", 6));
	assert_holds(p->s, "packs/" HEX_A, "first");
}

static void
replaces_only_when_asked(void **state)
{
	struct place *p = *state;
	char part[6] = "";

	assert_ok(store_put(p->s, "packs/" HEX_A, "wrong", 5));
	assert_ok(store_get_range(p->s, "packs/" HEX_A, 0, 5, part));
	assert_ok(store_replace(p->s, "packs/" HEX_A, "right", 5));
	assert_ok(store_get_range(p->s, "packs/" HEX_A, 0, 5, part));
	assert_string_equal(part, "right");
	assert_ok(store_replace(p->s, "packs/new", "new", 3));
	assert_holds(p->s, "packs/new", "new");
	assert_int_equal(leftovers(p), 0);
}

static void
refuses_names_that_climb(void **state)
{
	static const char *const names[] = { "",
		                             "/",
		                             "x",
		                             "packs",
		                             "packs/",
		                             "/x",
		                             "../x",
		                             "packs/..",
		                             "packs/../x",
		                             "packs/a/b",
		                             "./x",
		                             "packs/.x",
		                             "tmp/x",
		                             "vault/x",
		                             "casemate-store",
		                             "casemate-store/x",
		                             "packs/A",
		                             "packs/a_b",
		                             "packs/a\n",
		                             "packs/a,b",
		                             "packs/\xc3\xa4" };
	struct place *p = *state;
	char longest[131];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_err(E_INVALID, store_put(p->s, names[i], "x", 1));
		assert_err(E_INVALID, store_delete(p->s, names[i]));
	}
	(void)snprintf(longest, sizeof(longest), "packs/%0123d", 0);
	assert_int_equal(strlen(longest), 129);
	assert_err(E_INVALID, store_put(p->s, longest, "x", 1));
	longest[128] = '\0';
	assert_ok(store_put(p->s, longest, "x", 1));
	assert_int_equal(count(p->s, "packs"), 1);
	assert_err(E_INVALID, store_list(p->s, "..", count_one, NULL));
	assert_err(E_INVALID, store_list(p->s, "tmp", count_one, NULL));
}

static void
refuses_what_is_larger_than_an_object(void **state)
{
	struct place *p = *state;
	AUTO(buf_release) struct buf small = BUF_MAX(4);

	assert_err(E_LIMIT,
	           store_put(p->s, "packs/x", "", STORE_OBJECT_MAX + 1));
	assert_ok(store_put(p->s, "packs/y", "12345", 5));
	assert_err(E_LIMIT, store_get(p->s, "packs/y", &small));
	assert_int_equal(small.len, 0);
}

static void
keeps_large_objects_whole(void **state)
{
	struct place *p = *state;
	AUTO(free_ptr) uint8_t *in = malloc(3 * MiB + 17);
	AUTO(buf_release) struct buf out = BUF_MAX(4 * MiB);

	assert_non_null(in);
	for (size_t i = 0; i < 3 * MiB + 17; i++)
		in[i] = (uint8_t)(i * 2654435761u >> 13);
	assert_ok(store_put(p->s, "packs/" HEX_A, in, 3 * MiB + 17));
	assert_ok(store_get(p->s, "packs/" HEX_A, &out));
	assert_int_equal(out.len, 3 * MiB + 17);
	assert_memory_equal(out.p, in, out.len);
}

static void
finds_no_object_that_is_not_there(void **state)
{
	struct place *p = *state;
	AUTO(buf_release) struct buf b = BUF_MAX(4);
	uint64_t size;
	char c;

	assert_err(E_NOTFOUND, store_get(p->s, "packs/" HEX_A, &b));
	assert_err(E_NOTFOUND, store_size(p->s, "keys/1", &size));
	assert_err(E_NOTFOUND, store_get_range(p->s, "keys/1", 0, 1, &c));
}

static void
says_corrupt_past_the_end_of_an_object(void **state)
{
	struct place *p = *state;
	char part[8];

	assert_ok(store_put(p->s, "packs/x", "12345", 5));
	assert_ok(store_get_range(p->s, "packs/x", 5, 0, part));
	assert_err(E_CORRUPT, store_get_range(p->s, "packs/x", 3, 3, part));
	assert_err(E_CORRUPT,
	           store_get_range(p->s, "packs/x", UINT64_MAX, 2, part));
	assert_err(E_CORRUPT,
	           store_get_range(p->s, "packs/x", INT64_MAX, 2, part));
}

static void
sees_what_another_process_deletes_and_heals(void **state)
{
	struct place *p = *state;
	AUTO(store_closep) struct store *other = NULL;
	char part[6] = "";

	assert_ok(store_put(p->s, "packs/x", "wrong", 5));
	assert_ok(store_get_range(p->s, "packs/x", 0, 5, part));
	assert_ok(store_open(p->url, "other", &other));
	assert_ok(store_replace(other, "packs/x", "right", 5));
	assert_ok(store_get_range(p->s, "packs/x", 0, 5, part));
	assert_string_equal(part, "right");
	assert_ok(store_delete(other, "packs/x"));
	assert_err(E_NOTFOUND, store_get_range(p->s, "packs/x", 0, 5, part));
}

static void
is_no_store_when_the_marker_is_gone(void **state)
{
	struct place *p = *state;
	struct store *s;

	assert_err(E_NOTFOUND, store_open("/nowhere/at/all", "gone", &s));
	assert_err(E_INVALID, store_open(p->root.path, "empty", &s));
	assert_int_equal(unlink(below(p, "casemate-store")), 0);
	assert_err(E_INVALID, store_open(p->url, "unmarked", &s));
}

static void
refuses_a_store_that_it_does_not_know(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
	} cases[] = {
		{ "", E_INVALID },
		{ "something else\n", E_INVALID },
		{ "casemate store\n", E_CORRUPT },
		{ "casemate store\nformat x\n", E_CORRUPT },
		{ "casemate store\nformat 0\n", E_CORRUPT },
		{ "casemate store\nformat 1\n", E_CORRUPT },
		{ "casemate store\nformat 1\ncompat 0\nro-compat 0\n",
		  E_CORRUPT },
		{ "casemate store\nformat 2\n", E_UNSUPPORTED },
		{ "casemate store\nformat 1\ncompat 0\nro-compat 0\n"
		  "incompat 4\n",
		  E_UNSUPPORTED },
	};
	struct place *p = *state;
	struct store *s;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)chmod(below(p, "casemate-store"), 0600);
		plant(below(p, "casemate-store"), cases[i].text);
		assert_err(cases[i].code, store_open(p->url, "odd", &s));
	}
}

static void
only_reads_a_store_that_newer_writers_own(void **state)
{
	struct place *p = *state;
	AUTO(store_closep) struct store *s = NULL;

	assert_ok(store_put(p->s, "keys/1", "key", 3));
	(void)chmod(below(p, "casemate-store"), 0600);
	plant(below(p, "casemate-store"),
	      "casemate store\nformat 1\ncompat ff\nro-compat 1\nincompat 0\n"
	      "a later line\n");
	assert_ok(store_open(p->url, "newer", &s));
	assert_holds(s, "keys/1", "key");
	assert_err(E_UNSUPPORTED, store_put(s, "keys/2", "key", 3));
	assert_err(E_UNSUPPORTED, store_delete(s, "keys/1"));
	assert_holds(s, "keys/1", "key");
}

static void
creates_only_in_an_empty_directory(void **state)
{
	struct place *p = *state;
	char other[96];
	struct store *s = NULL;

	assert_err(E_EXISTS, store_create(p->url, "again", &s));
	assert_err(E_EXISTS, store_create(p->root.path, "full", &s));

	/* What mkfs made, and what a create that was killed left, is fine. */
	(void)snprintf(other, sizeof(other), "%s/deep/new", p->root.path);
	assert_ok(store_create(other, "new", &s));
	assert_ok(store_put(s, "keys/1", "x", 1));
	store_close(s);
	(void)snprintf(other, sizeof(other), "%s/half", p->root.path);
	assert_int_equal(mkdir(other, 0700), 0);
	(void)snprintf(other, sizeof(other), "%s/half/lost+found",
	               p->root.path);
	assert_int_equal(mkdir(other, 0700), 0);
	(void)snprintf(other, sizeof(other), "%s/half/tmp", p->root.path);
	assert_int_equal(mkdir(other, 0700), 0);
	(void)snprintf(other, sizeof(other), "%s/half", p->root.path);
	assert_ok(store_create(other, "half", &s));
	store_close(s);
}

static void
opens_by_a_file_url(void **state)
{
	struct place *p = *state;
	char url[128];
	struct store *s = NULL;

	(void)snprintf(url, sizeof(url), "file://%s/%%73", p->root.path);
	assert_ok(store_open(url, "url", &s));
	assert_string_equal(store_url(s), url);
	assert_string_equal(store_name(s), "url");
	store_close(s);
	assert_err(E_INVALID, store_open("file://host/x", "url", &s));
	assert_err(E_INVALID, store_open("file:///x%2", "url", &s));
	assert_err(E_INVALID, store_open("file:///x%00", "url", &s));
	assert_err(E_INVALID, store_open("gopher://x", "url", &s));
	assert_err(E_UNSUPPORTED, store_open("s3://bucket", "url", &s));
}

static void
lists_every_object_of_a_kind(void **state)
{
	struct place *p = *state;
	char path[512];

	/* Put there as a copy of a store would, to spare 20,000 syncs. */
	assert_int_equal(mkdir(below(p, "packs"), 0700), 0);
	for (unsigned i = 0; i < 10000; i++) {
		(void)snprintf(path, sizeof(path), "%s/packs/%02x", p->url,
		               i % 256);
		if (i < 256)
			assert_int_equal(mkdir(path, 0700), 0);
		(void)snprintf(path, sizeof(path), "%s/packs/%02x/%02x%062x",
		               p->url, i % 256, i % 256, i);
		plant(path, "x");
	}
	assert_ok(store_put(p->s, "packs/other", "x", 1));
	assert_ok(store_put(p->s, "keys/1", "x", 1));
	assert_int_equal(count(p->s, "packs"), 10001);
	assert_int_equal(count(p->s, "keys"), 1);
	assert_int_equal(count(p->s, "nothing"), 0);
}

static err
check_item(const struct store_item *item, void *arg)
{
	(void)arg;
	assert_string_equal(item->name, "packs/" HEX_A);
	assert_int_equal(item->size, 5);
	assert_true(item->changed_ns > 1000000000);
	return err_new(E_CANCELLED, "enough");
}

static void
ends_a_listing_with_the_error_of_its_caller(void **state)
{
	struct place *p = *state;

	assert_ok(store_put(p->s, "packs/" HEX_A, "12345", 5));
	assert_err(E_CANCELLED, store_list(p->s, "packs", check_item, NULL));
}

static void
lists_nothing_but_objects(void **state)
{
	struct place *p = *state;

	assert_ok(store_put(p->s, "packs/" HEX_A, "x", 1));
	plant(below(p, "packs/.DS_Store"), "x");
	plant(below(p, "packs/README"), "x");
	plant(below(p, "packs/" HEX_A), "misplaced");
	plant(below(p, "packs/aa/short"), "misplaced");
	assert_int_equal(mkdir(below(p, "packs/bb"), 0700), 0);
	plant(below(p, "packs/bb/" HEX_A), "misplaced");
	assert_int_equal(count(p->s, "packs"), 1);
}

static void
ends_a_listing_at_what_is_no_file(void **state)
{
	struct place *p = *state;
	AUTO(buf_release) struct buf b = BUF_MAX(4);
	unsigned n = 0;

	assert_ok(store_put(p->s, "packs/x", "x", 1));
	assert_int_equal(mkfifo(below(p, "packs/pipe"), 0600), 0);
	assert_err(E_CORRUPT, store_list(p->s, "packs", count_one, &n));
	assert_err(E_CORRUPT, store_get(p->s, "packs/pipe", &b));
	assert_err(E_CORRUPT, store_put(p->s, "packs/pipe", "x", 1));
}

static void
follows_no_link_out_of_the_store(void **state)
{
	struct place *p = *state;
	AUTO(buf_release) struct buf b = BUF_MAX(64);
	char outside[96];

	(void)snprintf(outside, sizeof(outside), "%s/out", p->root.path);
	assert_int_equal(mkdir(outside, 0700), 0);
	assert_int_equal(symlink(outside, below(p, "packs")), 0);
	assert_err(E_DENIED, store_put(p->s, "packs/x", "x", 1));
	assert_err(E_DENIED, store_delete(p->s, "packs/x"));
	assert_err(E_DENIED, store_get(p->s, "packs/x", &b));
	(void)snprintf(outside, sizeof(outside), "%s/out/x", p->root.path);
	assert_int_not_equal(access(outside, F_OK), 0);
	assert_int_equal(leftovers(p), 0);
}

static void
deletes_what_is_there_and_what_is_not(void **state)
{
	struct place *p = *state;
	AUTO(buf_release) struct buf b = BUF_MAX(4);

	assert_ok(store_put(p->s, "packs/" HEX_A, "x", 1));
	assert_ok(store_delete(p->s, "packs/" HEX_A));
	assert_ok(store_delete(p->s, "packs/" HEX_A));
	assert_ok(store_delete(p->s, "never/was"));
	assert_err(E_NOTFOUND, store_get(p->s, "packs/" HEX_A, &b));
	assert_ok(store_put(p->s, "packs/" HEX_A, "y", 1));
}

static void
does_not_call_a_vanished_store_empty(void **state)
{
	struct place *p = *state;
	AUTO(buf_release) struct buf b = BUF_MAX(4);
	unsigned n = 0;

	assert_ok(store_put(p->s, "packs/x", "x", 1));
	assert_ok(fs_remove_tree(AT_FDCWD, p->url));
	assert_err(E_UNREACHABLE, store_list(p->s, "packs", count_one, &n));
	assert_err(E_UNREACHABLE, store_get(p->s, "packs/x", &b));
	assert_err(E_UNREACHABLE, store_delete(p->s, "packs/x"));
	assert_err_says(E_UNREACHABLE, "store 'here': 'packs/x'",
	                store_put(p->s, "packs/x", "x", 1));
}

/* Age the temp file ${name} by two days. */
static void
plant_old(const struct place *p, const char *name)
{
	struct timespec old[2] = { { .tv_sec = time(NULL) - 172800 },
		                   { .tv_sec = time(NULL) - 172800 } };

	plant(below(p, name), "left behind");
	assert_int_equal(utimensat(AT_FDCWD, below(p, name), old, 0), 0);
}

static void
sweeps_the_leftovers_of_the_dead_only(void **state)
{
	struct place *p = *state;
	struct store *s = NULL;
	int fd;

	plant_old(p, "tmp/packs,dead,0123456789abcdef");
	plant_old(p, "tmp/packs,alive,0123456789abcdef");
	plant_old(p, "tmp/not-of-this-program");
	plant(below(p, "tmp/packs,young,0123456789abcdef"), "x");
	fd = open(below(p, "tmp/packs,alive,0123456789abcdef"), O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);

	assert_ok(store_open(p->url, "here", &s));
	store_close(s);
	assert_int_equal(leftovers(p), 3);
	assert_int_not_equal(
	    access(below(p, "tmp/packs,dead,0123456789abcdef"), F_OK), 0);

	assert_int_equal(close(fd), 0);
	assert_ok(store_open(p->url, "here", &s));
	store_close(s);
	assert_int_equal(leftovers(p), 2);
}

static void
opens_a_copy_that_lacks_tmp(void **state)
{
	struct place *p = *state;
	AUTO(store_closep) struct store *s = NULL;

	assert_int_equal(rmdir(below(p, "tmp")), 0);
	assert_ok(store_open(p->url, "copy", &s));
	assert_ok(store_put(s, "packs/x", "x", 1));
	assert_holds(s, "packs/x", "x");
}

static void
lets_in_whom_the_root_lets_in(void **state)
{
	struct place *p = *state;
	AUTO(store_closep) struct store *s = NULL;
	mode_t before = umask(077);
	struct stat st;

	assert_int_equal(chmod(p->url, 02770), 0);
	assert_ok(store_open(p->url, "shared", &s));
	assert_ok(store_put(s, "packs/" HEX_A, "x", 1));
	(void)umask(before);
	assert_int_equal(stat(below(p, "packs/aa"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 02770);
	assert_int_equal(stat(below(p, "packs/aa/" HEX_A), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0440);
}

/* ---- media of their own ---- */

/* Mount a small file system at ${path}, seen by this process alone. */
static void
mount_small(const char *path, unsigned long flags, const char *options)
{
	static bool apart;

	if (!apart &&
	    ((unshare(CLONE_NEWNS) != 0 &&
	      unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
	     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0))
		skip();
	apart = true;
	if (mount("none", path, "tmpfs", flags, options) != 0)
		skip();
}

static void
reports_a_full_disk(void **state)
{
	struct place *p = *state;
	AUTO(free_ptr) void *big = calloc(2, MiB);
	AUTO(store_closep) struct store *s = NULL;
	char path[96];
	uint64_t left, total;

	assert_non_null(big);
	(void)snprintf(path, sizeof(path), "%s/small", p->root.path);
	assert_int_equal(mkdir(path, 0700), 0);
	mount_small(path, 0, "size=1m,mode=0700");
	assert_ok(store_create(path, "small", &s));
	assert_err(E_NOSPACE, store_put(s, "packs/" HEX_A, big, 2 * MiB));
	assert_int_equal(count(s, "packs"), 0);

	/* Nothing of it is left to fill the disk. */
	assert_ok(store_space(s, &left, &total));
	assert_int_equal(total, MiB);
	assert_true(left > 900 * KiB);
	assert_ok(store_put(s, "packs/" HEX_A, big, 512 * KiB));
	store_close(take(s));
	assert_int_equal(umount2(path, MNT_DETACH), 0);
}

static void
is_denied_on_a_read_only_medium(void **state)
{
	struct place *p = *state;
	AUTO(store_closep) struct store *s = NULL;
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/ro", p->root.path);
	assert_int_equal(mkdir(path, 0700), 0);
	mount_small(path, 0, "size=1m,mode=0700");
	assert_ok(store_create(path, "ro", &s));
	assert_ok(store_put(s, "packs/x", "x", 1));
	store_close(take(s));
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
		skip();
	assert_ok(store_open(path, "ro", &s));
	assert_holds(s, "packs/x", "x");
	assert_int_equal(count(s, "packs"), 1);
	assert_err(E_DENIED, store_put(s, "packs/y", "x", 1));
	assert_err(E_DENIED, store_delete(s, "packs/x"));
	store_close(take(s));
	assert_int_equal(umount2(path, MNT_DETACH), 0);
}

/* ---- threads ---- */

#define THREADS 8

struct racer {
	pthread_t id;
	struct store *s;
	unsigned seed;
	unsigned won, lost, wrong;
};

static void *
race(void *arg)
{
	struct racer *r = arg;
	char got[32];

	/* All put the same names, and read more than the cache holds. */
	for (unsigned i = 0; i < 40; i++) {
		char name[32] = "";

		(void)snprintf(name, sizeof(name), "race/%u",
		               (i + r->seed * 5) % 40);
		err e = store_put(r->s, name, name, sizeof(name));

		r->won += e.code == E_OK;
		r->lost += e.code == E_EXISTS;
		err_drop(e);
		for (unsigned j = 0; j < 5; j++) {
			e = store_get_range(r->s, name, 0, sizeof(got), got);
			r->wrong += e.code || memcmp(got, name, sizeof(got));
			err_drop(e);
		}
	}
	return NULL;
}

static void
lets_one_of_many_threads_win_each_name(void **state)
{
	struct place *p = *state;
	struct racer r[THREADS] = { 0 };
	unsigned won = 0, lost = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		r[i].s = p->s;
		r[i].seed = i;
		assert_int_equal(pthread_create(&r[i].id, NULL, race, &r[i]),
		                 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		(void)pthread_join(r[i].id, NULL);
		won += r[i].won;
		lost += r[i].lost;
		assert_int_equal(r[i].wrong, 0);
	}
	assert_int_equal(won, 40);
	assert_int_equal(lost, 40 * (THREADS - 1));
	assert_int_equal(count(p->s, "race"), 40);
	assert_int_equal(leftovers(p), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(gives_back_what_was_put),
		T(keeps_an_empty_object),
		T(keeps_the_first_object_of_a_name),
		T(replaces_only_when_asked),
		T(refuses_names_that_climb),
		T(refuses_what_is_larger_than_an_object),
		T(keeps_large_objects_whole),
		T(finds_no_object_that_is_not_there),
		T(says_corrupt_past_the_end_of_an_object),
		T(sees_what_another_process_deletes_and_heals),
		T(is_no_store_when_the_marker_is_gone),
		T(refuses_a_store_that_it_does_not_know),
		T(only_reads_a_store_that_newer_writers_own),
		T(creates_only_in_an_empty_directory),
		T(opens_by_a_file_url),
		T(lists_every_object_of_a_kind),
		T(ends_a_listing_with_the_error_of_its_caller),
		T(lists_nothing_but_objects),
		T(ends_a_listing_at_what_is_no_file),
		T(follows_no_link_out_of_the_store),
		T(deletes_what_is_there_and_what_is_not),
		T(does_not_call_a_vanished_store_empty),
		T(sweeps_the_leftovers_of_the_dead_only),
		T(opens_a_copy_that_lacks_tmp),
		T(lets_in_whom_the_root_lets_in),
		T(reports_a_full_disk),
		T(is_denied_on_a_read_only_medium),
		T(lets_one_of_many_threads_win_each_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
