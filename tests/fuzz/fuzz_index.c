/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Index objects.  The input is their opened pages, one behind the other, which
 * are sealed here; the number of pages in the header is put right.
 */

#include <sys/mman.h>
#include <unistd.h>

#include "known_keys.h"
#include "target.h"

#define PLAIN     (INDEX_PAGE - TAG_LEN)
#define PAGES_MAX 64

/* The preamble, always the same, in a page of its own; the cipher of the rest.
 */
static struct aead *
head_make(uint8_t page[INDEX_PAGE])
{
	AUTO(buf_release) struct buf b = BUF_MAX(INDEX_PAGE);
	struct secret key;
	struct preamble pre;
	struct aead *a;

	must(preamble_write(MAGIC_INDEX, &fuzz_vault()->keys, NULL, LOCK_NONE,
	                    &b, &pre));
	memset(page, 0, INDEX_PAGE);
	memcpy(page, b.p, b.len);
	hkdf(&fuzz_vault()->keys.domain.index, pre.hash.b, DIGEST_LEN,
	     "casemate index page v1", &key);
	must(aead_new(&key, &a));
	return a;
}

static void
write_page(int fd, const void *p)
{
	ssize_t r = write(fd, p, INDEX_PAGE);

	assert(r == INDEX_PAGE);
}

static int
seal(const uint8_t *p, size_t n)
{
	static uint8_t head[INDEX_PAGE];
	static struct aead *a;
	uint32_t pages = (uint32_t)((n + PLAIN - 1) / PLAIN);
	uint8_t plain[PLAIN], sealed[INDEX_PAGE], nonce[NONCE_LEN] = { 0 };
	struct aead_ad ad = { 0 };
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	assert(fd >= 0);
	if (a == NULL)
		a = head_make(head);
	write_page(fd, head);
	for (uint32_t i = 0; i < pages; i++) {
		size_t k = MIN(n - (size_t)i * PLAIN, (size_t)PLAIN);

		memset(plain, 0, PLAIN);
		memcpy(plain, p + (size_t)i * PLAIN, k);
		if (i == 0)
			put_le32(plain + 4, pages);
		put_le32(nonce, i);
		must(aead_seal(a, nonce, ad, plain, PLAIN, sealed));
		write_page(fd, sealed);
	}
	return fd;
}

struct looking {
	struct index_set set;
	struct packtab packs;
};

static void
looking_release(struct looking *l)
{
	index_set_release(&l->set);
	packtab_release(&l->packs);
}

static err
look_up(const struct index_entry *en, void *arg)
{
	struct looking *l = arg;
	struct chunk_place at[4];
	struct digest name = { 0 };
	size_t n = ARRAY_LEN(at);
	err e;

	assert(en->at.pack < l->packs.n);
	memcpy(name.b, en->prefix, INDEX_PREFIX);
	e = index_set_places(&l->set, &l->packs, &name, at, &n);
	assert(e.code || n <= ARRAY_LEN(at));
	for (size_t i = 0; !e.code && i < n; i++)
		assert(at[i].pack < l->packs.n);
	return e;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(looking_release) struct looking l = { 0 };
	struct index_file *f = NULL;
	err e;

	if (n == 0 || n > (size_t)PAGES_MAX * PLAIN)
		return 0;
	e = index_open(seal(p, n), &fuzz_vault()->keys.domain, &l.packs, &f);
	if (e.code) {
		fuzz_refused(e);
		return 0;
	}
	if ((e = index_check(f)).code)
		fuzz_refused(e);
	must(index_set_init(&l.set));
	must(index_set_add(&l.set, f));
	if ((e = index_each(f, look_up, &l)).code)
		fuzz_refused(e);
	return 0;
}
