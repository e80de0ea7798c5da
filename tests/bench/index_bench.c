/* SPDX-License-Identifier: Apache-2.0 */

/*
 * index_bench DIR: an index of ten million chunks, in small and in large packs.
 * Builds it below DIR, opens it in a process that did not build it, looks up a
 * million names at random of which every other is there, and says what that
 * took. Fails if opening takes a second of CPU, an entry more than 32 bytes of
 * disk, or the process more than 150 MB.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "vault/index.h"

#define CHUNKS  ((uint64_t)10000000)
#define LOOKUPS ((uint64_t)1000000)

#define OPEN_SECONDS_MAX 1.0
#define ENTRY_BYTES_MAX  32.0
#define RESIDENT_MAX     150e6

struct bench {
	const char *dir;
	struct node_keys keys;
	unsigned per_pack;
	unsigned files;
};

/* splitmix64 of ${x}. */
static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Name ${i} of kind ${k}: the same in every process. */
static struct digest
name_of(uint64_t k, uint64_t i)
{
	struct digest d;

	for (uint64_t part = 0; part < 4; part++)
		memcpy(d.b + 8 * part,
		       &(uint64_t){ mix(mix(4 * i + part) ^ mix(k)) }, 8);
	return d;
}

static double
cpu(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A line of /proc/self/status, in bytes. */
static double
status_of(const char *key)
{
	char line[256];
	double kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			(void)sscanf(line + strlen(key), ": %lf", &kib);
	if (f != NULL)
		(void)fclose(f);
	return kib * 1024;
}

static void
path_of(const struct bench *b, unsigned file, char *ret, size_t n)
{
	(void)snprintf(ret, n, "%s/index-%u", b->dir, file);
}

/* --- building ------------------------------------------------------------- */

static err
save(const char *path, const struct buf *b)
{
	AUTO(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t done = 0;

	while (fd >= 0 && done < b->len) {
		ssize_t n = write(fd, b->p + done, b->len - done);

		if (n < 0)
			break;
		done += (size_t)n;
	}
	return fd < 0 || done < b->len ? err_sys("writing %s", path) : OK;
}

/* One object of the chunks from ${from} to ${to}. */
static err
build_file(const struct bench *b, uint64_t from, uint64_t to)
{
	AUTO(packtab_release) struct packtab packs = { 0 };
	AUTO(buf_release) struct buf out = BUF_MAX(GiB);
	AUTO(free_ptr) struct index_entry *v = NULL;
	char path[4096];
	uint32_t pack = 0;
	err e;

	if ((e = mem_alloc(to - from, sizeof(*v), &v)).code)
		return e;
	for (uint64_t i = from; i < to; i++) {
		struct digest name = name_of(1, i), id;

		if ((i - from) % b->per_pack == 0) {
			id = name_of(2, i);
			e = packtab_add(&packs, &id, 16 << 20, 15 << 20, &pack);
			if (e.code)
				return e;
		}
		memcpy(v[i - from].prefix, name.b, INDEX_PREFIX);
		v[i - from].at = (struct chunk_place){
			.pack = pack,
			.segment = (uint16_t)((i - from) % b->per_pack / 16),
			.pos = (uint16_t)(i % 16),
		};
	}
	if ((e = index_build(&b->keys, v, to - from, &packs, NULL, &out)).code)
		return e;
	path_of(b, (unsigned)(from / INDEX_ENTRIES_MAX), path, sizeof(path));
	return save(path, &out);
}

static err
build(const struct bench *b)
{
	err e = OK;

	for (uint64_t i = 0; !e.code && i < CHUNKS; i += INDEX_ENTRIES_MAX)
		e = build_file(b, i, MIN(i + INDEX_ENTRIES_MAX, CHUNKS));
	return e;
}

/* --- using ---------------------------------------------------------------- */

static err
open_all(const struct bench *b, struct index_set *set, struct packtab *packs,
         double *ret_bytes)
{
	char path[4096];
	struct stat st;
	err e = OK;

	*ret_bytes = 0;
	for (unsigned i = 0; !e.code && i < b->files; i++) {
		struct index_file *f;
		int fd;

		path_of(b, i, path, sizeof(path));
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 ||
		    fstat(fd, &st) != 0)
			return err_sys("opening %s", path);
		*ret_bytes += (double)st.st_size;
		if ((e = index_open(fd, &b->keys.domain, packs, &f)).code)
			return e;
		e = index_set_add(set, f);
	}
	return e;
}

static err
look_up(struct index_set *set, struct packtab *packs, uint64_t *ret_wrong)
{
	struct chunk_place at;
	bool found;
	err e = OK;

	*ret_wrong = 0;
	for (uint64_t i = 0; !e.code && i < LOOKUPS; i++) {
		bool there = i % 2 == 0;
		struct digest d = name_of(there ? 1 : 3, mix(i) % CHUNKS);

		e = index_set_find(set, packs, &d, &at, &found);
		*ret_wrong += !e.code && found != there;
	}
	return e;
}

static err
use(const struct bench *b, bool *ret_held)
{
	AUTO(packtab_release) struct packtab packs = { 0 };
	AUTO(index_set_release) struct index_set set = { 0 };
	double bytes, opened, looked, resident;
	uint64_t wrong;
	err e;

	opened = cpu();
	if ((e = index_set_init(&set)).code ||
	    (e = open_all(b, &set, &packs, &bytes)).code)
		return e;
	opened = cpu() - opened;
	looked = cpu();
	if ((e = look_up(&set, &packs, &wrong)).code)
		return e;
	looked = cpu() - looked;
	resident = status_of("VmRSS");
	bytes /= (double)CHUNKS;
	*ret_held = opened < OPEN_SECONDS_MAX && bytes <= ENTRY_BYTES_MAX &&
	    resident <= RESIDENT_MAX && wrong == 0;
	printf(
	    "%u chunks a pack, %u files: opens in %.2f s of CPU; %.1f bytes an "
	    "entry on disk; %.0f MB resident after a million look-ups (%.0f at "
	    "the peak), which took %.1f us each; %lu wrong answers: %s\n",
	    b->per_pack, b->files, opened, bytes, resident / 1e6,
	    status_of("VmHWM") / 1e6, looked / (double)LOOKUPS * 1e6, wrong,
	    *ret_held ? "held" : "MISSED");
	return OK;
}

/* Run ${what} in a process of its own; did it say yes? */
static bool
apart(const struct bench *b, err (*what)(const struct bench *, bool *))
{
	int status = 1;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		bool held = false;
		err e = what(b, &held);

		if (e.code)
			(void)fprintf(stderr, "index_bench: %s\n", err_text(e));
		(void)fflush(stdout);
		_exit(e.code == E_OK && held ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static err
build_apart(const struct bench *b, bool *ret_held)
{
	*ret_held = true;
	return build(b);
}

int
main(int argc, char **argv)
{
	static const unsigned sizes[] = { 8, 200, 2000 };
	static const uint8_t node[ID_LEN] = { 1 };
	struct secret seed = { 0 };
	struct bench b = { 0 };
	char path[4096];
	bool held = true;
	err e;

	if (argc != 2)
		return 2;
	b.dir = argv[1];
	b.files = (unsigned)((CHUNKS + INDEX_ENTRIES_MAX - 1) /
	                     INDEX_ENTRIES_MAX);
	if ((e = crypto_init()).code ||
	    (e = node_keys_new(&seed, node, "bench", &b.keys)).code) {
		(void)fprintf(stderr, "index_bench: %s\n", err_text(e));
		return 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		b.per_pack = sizes[i];
		held = apart(&b, build_apart) && apart(&b, use) && held;
	}
	for (unsigned i = 0; i < b.files; i++) {
		path_of(&b, i, path, sizeof(path));
		(void)unlink(path);
	}
	return held ? 0 : 1;
}
