/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The finders of cuts.  Each input is tried as it is, and with a hole in its
 * place: a file of a few hundred bytes holds nothing but small parts.
 */

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "target.h"
#include "vault/cuts.h"

#define HOLE (1 * MiB)

/* Where the hole is when it is not at the end: behind what a format begins
 * with. */
#define FRONT 64

static void
write_at(int fd, const uint8_t *p, size_t n, size_t off)
{
	ssize_t r = pwrite(fd, p, n, (off_t)off);

	assert(r >= 0 && (size_t)r == n);
}

static void
walk(const struct cuts *c, uint64_t size)
{
	struct cuts_iter it = { .plan = c };
	struct cut piece;
	uint64_t at = 0;

	while (cuts_next(&it, &piece)) {
		assert(piece.off == at && piece.len > 0);
		assert(piece.how == CUT_STREAM || piece.len <= CUTS_WHOLE_MAX);
		at += piece.len;
	}
	assert(at == size);
}

/* Try ${n} bytes at ${p} with a hole of ${gap} behind the first ${front}. */
static void
try(const uint8_t *p, size_t n, size_t front, size_t gap)
{
	AUTO(cuts_release) struct cuts c = { 0 };
	AUTO(close_fd) int fd = memfd_create("fuzz", MFD_CLOEXEC);
	int grown;
	err e;

	assert(fd >= 0);
	grown = ftruncate(fd, (off_t)(n + gap));
	assert(grown == 0);
	write_at(fd, p, front, 0);
	write_at(fd, p + front, n - front, front + gap);

	e = cuts_find(fd, n + gap, &c);
	if (e.code == E_OK) {
		assert(cuts_valid(&c, n + gap));
		walk(&c, n + gap);
	} else {
		assert(e.code == E_UNSUPPORTED && c.v == NULL);
	}
	err_drop(e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	try(p, n, n, 0);
	try(p, n, n, HOLE);
	if (n > FRONT)
		try(p, n, FRONT, HOLE);
	return 0;
}
