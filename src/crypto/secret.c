/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The start of the room, wiping, comparison and randomness.
 *
 * No core file is written of a process that called crypto_init().  The soft
 * RLIMIT_CORE is set to one byte: too little for a core file, and the one value
 * at which Linux does not start the program of a piped core_pattern either
 * (zero does not keep that from running, core(5)).  Only the soft limit moves,
 * so that a child which is to dump core can have it raised again.  The process
 * stays dumpable in the sense of prctl(2): its /proc/self remains its own.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "crypto/algo.h"

static struct algo fetched;
static bool ready;

const struct algo *
crypto_algo(void)
{
	assert(fetched.scrypt != NULL);
	return &fetched;
}

err
crypto_nomem(const char *what)
{
	ERR_clear_error();
	return err_new(E_NOMEM, "%s: out of memory", what);
}

/* Where the hard limit is zero, one byte cannot be had: then leave all memory
 * out of a piped core.  Without /proc there is no more to be done. */
static void
leave_memory_out_of_cores(void)
{
	AUTO(close_fd) int fd = -1;

	fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) != 1)
		errno = 0;
}

static err
forbid_cores(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_CORE, &rl) != 0)
		return err_sys("reading the limit of core dumps");
	if (rl.rlim_max == 0)
		leave_memory_out_of_cores();
	rl.rlim_cur = rl.rlim_max > 1 ? 1 : rl.rlim_max;
	if (setrlimit(RLIMIT_CORE, &rl) != 0)
		return err_sys("forbidding core dumps");
	return OK;
}

static err
fetch(struct algo *a)
{
	const char *name = "AES-256-GCM";

	if ((a->aes_gcm = EVP_CIPHER_fetch(NULL, name, NULL)) != NULL) {
		name = "SCRYPT";
		if ((a->scrypt = EVP_KDF_fetch(NULL, name, NULL)) != NULL)
			return OK;
		EVP_CIPHER_free(a->aes_gcm);
	}
	*a = (struct algo){ 0 };
	ERR_clear_error();
	return err_new(E_UNSUPPORTED,
	               "OpenSSL offers no \"%s\": check its configuration",
	               name);
}

/* Calls with keys name their algorithms, and OpenSSL fetches them and what they
 * stand on when it first meets them.  Meet them all now: before a sandbox, and
 * while there is memory, for a first fetch without any leaves OpenSSL without
 * that algorithm for good. */
static err
use_every_key_kind(void)
{
	AUTO(secret_release) struct secret s = { { 1 } };
	uint8_t sig[SIG_LEN], box[BOX_LEN];
	struct pubkey pub;
	err e;

	if ((e = ed25519_public(&s, &pub)).code ||
	    (e = ed25519_sign(&s, box, 0, sig)).code)
		return e;
	if (!ed25519_verify(&pub, box, 0, sig))
		return err_new(E_UNSUPPORTED,
		               "OpenSSL does not verify its own signature");
	if ((e = x25519_public(&s, &pub)).code ||
	    (e = box_seal(&pub, "", &s, box)).code)
		return e;
	return box_open(&s, "", box, &s);
}

err
crypto_init(void)
{
	err e;

	if ((e = forbid_cores()).code)
		return e;
	if (ready)
		return OK;
	/* Without memory for its first steps OpenSSL 3.0 crashes later. */
	if (OPENSSL_init_crypto(0, NULL) != 1 ||
	    OSSL_LIB_CTX_get0_global_default() == NULL)
		return err_nomem();
	if (fetched.aes_gcm == NULL && (e = fetch(&fetched)).code)
		return e;
	if ((e = use_every_key_kind()).code)
		return e;
	ready = true;
	return OK;
}

void
crypto_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

bool
crypto_eq(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

err
crypto_random(void *p, size_t n)
{
	uint8_t *q = p;
	ssize_t r;

	while (n > 0) {
		if ((r = getrandom(q, n, 0)) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys("reading the system's random generator");
		}
		q += r;
		n -= (size_t)r;
	}
	return OK;
}

void
secret_release(struct secret *s)
{
	crypto_wipe(s, sizeof(*s));
}
