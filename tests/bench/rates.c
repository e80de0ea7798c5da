/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rates DIR: what the stages of a backup of DIR cost at the least, as JSON.
 * Each stage is the bare library call over all bytes of DIR, in one thread:
 * list the names, read the files, find content-defined cuts, SHA-256, zstd
 * level 1 and back, AES-256-GCM.  Times are CPU seconds.
 *
 * rates FILE MIB: the device under FILE; MIB mebibytes written and synced.
 */

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#define SEGMENT ((size_t)1 << 20)
#define STREAM  ((size_t)512 << 10) /* Below that nothing is cut. */
#define PROBE   ((size_t)16 << 10)

struct stage {
	const char *name;
	double cpu;
	uint64_t bytes;
};

enum { LIST, READ, CUT, HASH, PROBING, CODE, DECODE, SEAL, STAGES };

static struct stage stages[STAGES] = {
	{ "list", 0, 0 },   { "read", 0, 0 },  { "cut", 0, 0 },
	{ "hash", 0, 0 },   { "probe", 0, 0 }, { "code", 0, 0 },
	{ "decode", 0, 0 }, { "seal", 0, 0 },
};

static struct {
	uint8_t *plain;
	size_t n;
	uint8_t *coded, *back;
	size_t cap;
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
	EVP_MD_CTX *md;
	EVP_MD *sha;
	EVP_CIPHER_CTX *gcm;
	EVP_CIPHER *aes;
	uint64_t gear[256];
	uint64_t coded_bytes;
	volatile size_t cuts;
} w;

static double
now(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
	return now(CLOCK_PROCESS_CPUTIME_ID);
}

static void
count(int stage, double since, size_t n)
{
	stages[stage].cpu += cpu() - since;
	stages[stage].bytes += n;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
hash(const uint8_t *p, size_t n)
{
	uint8_t out[32];
	double t = cpu();

	(void)EVP_DigestInit_ex2(w.md, w.sha, NULL);
	(void)EVP_DigestUpdate(w.md, p, n);
	(void)EVP_DigestFinal_ex(w.md, out, NULL);
	count(HASH, t, n);
}

/* FastCDC: skip to the least size, then one table look-up a byte. */
static void
cut(const uint8_t *p, size_t n)
{
	double t = cpu();
	size_t i = 0;

	while (n - i > STREAM) {
		uint64_t h = 0;
		size_t end = n - i > 16 * STREAM ? i + 16 * STREAM : n;
		size_t normal = i + 4 * STREAM < end ? i + 4 * STREAM : end;
		size_t k = i + STREAM;

		for (; k < normal && (h = (h << 1) + w.gear[p[k]]) >> 41; k++)
			;
		for (; k < end && (h = (h << 1) + w.gear[p[k]]) >> 45; k++)
			;
		i = k;
		w.cuts++;
	}
	count(CUT, t, n);
}

static void
seal(uint8_t *out, const uint8_t *p, size_t n)
{
	static const uint8_t key[32], iv[12];
	uint8_t tag[16];
	double t = cpu();
	int k;

	(void)EVP_EncryptInit_ex2(w.gcm, w.aes, key, iv, NULL);
	(void)EVP_EncryptUpdate(w.gcm, out, &k, p, (int)n);
	(void)EVP_EncryptFinal_ex(w.gcm, out + k, &k);
	(void)EVP_CIPHER_CTX_ctrl(w.gcm, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	count(SEAL, t, n);
}

/* Is it worth compressing? */
static int
shrinks(void)
{
	size_t out = 0;
	double t = cpu();

	for (size_t i = 0; i < 3; i++)
		out += ZSTD_compressCCtx(w.c, w.coded, w.cap,
		                         w.plain + (w.n - PROBE) / 2 * i, PROBE,
		                         1);
	count(PROBING, t, w.n);
	return out < 3 * PROBE - 3 * PROBE / 32;
}

/* Compress, open and seal what has been gathered. */
static void
segment(void)
{
	size_t n = w.n;
	double t;

	if (n >= 4 * PROBE && !shrinks()) {
		seal(w.coded, w.plain, n);
	} else if (n > 0) {
		t = cpu();
		n = ZSTD_compressCCtx(w.c, w.coded, w.cap, w.plain, w.n, 1);
		count(CODE, t, w.n);
		t = cpu();
		(void)ZSTD_decompressDCtx(w.d, w.back, SEGMENT, w.coded, n);
		count(DECODE, t, w.n);
		seal(w.back, w.coded, n);
	}
	w.coded_bytes += n;
	w.n = 0;
}

static void
take(const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t k = n < SEGMENT - w.n ? n : SEGMENT - w.n;

		memcpy(w.plain + w.n, p, k);
		w.n += k;
		p += k;
		n -= k;
		if (w.n == SEGMENT)
			segment();
	}
}

static void
file(int dir, const char *name)
{
	static uint8_t b[16 * 1024 * 1024];
	double t = cpu();
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		die(name);
	for (;;) {
		if ((n = read(fd, b, sizeof(b))) < 0)
			die(name);
		count(READ, t, (size_t)n);
		if (n == 0)
			break;
		hash(b, (size_t)n);
		if ((size_t)n > STREAM)
			cut(b, (size_t)n);
		take(b, (size_t)n);
		t = cpu();
	}
	t = cpu();
	(void)close(fd);
	count(READ, t, 0);
}

static void
list(int fd, int reading)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	struct stat st;
	int sub;

	if (d == NULL)
		die("fdopendir");
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			die(e->d_name);
		if (S_ISREG(st.st_mode) && reading)
			file(fd, e->d_name);
		if (!S_ISDIR(st.st_mode))
			continue;
		sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sub < 0)
			die(e->d_name);
		list(sub, reading);
	}
	(void)closedir(d);
}

static int
top(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

/* What the device takes for ${mib} MiB that do not shrink. */
static void
device(const char *path, size_t mib)
{
	static uint8_t b[4 * 1024 * 1024];
	double wall, used;
	int fd;

	for (size_t i = 0; i < sizeof(b); i += 8)
		memcpy(b + i, &(uint64_t){ i * 0x9e3779b97f4a7c15u }, 8);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) <
	    0)
		die(path);
	wall = now(CLOCK_MONOTONIC);
	used = cpu();
	for (size_t i = 0; i < mib; i += 4) {
		if (write(fd, b, sizeof(b)) != (ssize_t)sizeof(b))
			die(path);
		if (i % 32 == 28 && fdatasync(fd) != 0)
			die(path);
	}
	if (fdatasync(fd) != 0)
		die(path);
	printf("{\"device_bytes\": %zu, \"device_wall_s\": %.4f, "
	       "\"device_cpu_s\": %.4f}\n",
	       mib << 20, now(CLOCK_MONOTONIC) - wall, cpu() - used);
	(void)close(fd);
	(void)unlink(path);
}

static void
prepare(void)
{
	w.cap = ZSTD_compressBound(SEGMENT);
	w.plain = malloc(SEGMENT);
	w.back = malloc(w.cap);
	w.coded = malloc(w.cap);
	w.c = ZSTD_createCCtx();
	w.d = ZSTD_createDCtx();
	w.md = EVP_MD_CTX_new();
	w.sha = EVP_MD_fetch(NULL, "SHA256", NULL);
	w.gcm = EVP_CIPHER_CTX_new();
	w.aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (!w.plain || !w.back || !w.coded || !w.c || !w.d || !w.md ||
	    !w.sha || !w.gcm || !w.aes)
		die("preparing");
	for (uint64_t i = 0, x = 1; i < 256; i++)
		w.gear[i] = x = x * 6364136223846793005u + 1442695040888963407u;
}

int
main(int argc, char **argv)
{
	double t;

	if (argc == 3) {
		device(argv[1], strtoul(argv[2], NULL, 10));
		return 0;
	}
	if (argc != 2)
		return 2;
	prepare();
	t = cpu();
	list(top(argv[1]), 0);
	count(LIST, t, 0);
	list(top(argv[1]), 1);
	segment();
	printf("{");
	for (int i = 0; i < STAGES; i++)
		printf("\"%s_s\": %.4f, \"%s_bytes\": %lu, ", stages[i].name,
		       stages[i].cpu, stages[i].name, stages[i].bytes);
	printf("\"coded_bytes\": %lu}\n", w.coded_bytes);
	return 0;
}
