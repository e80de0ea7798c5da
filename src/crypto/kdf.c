/* SPDX-License-Identifier: Apache-2.0 */

/* Keys from keys (HKDF, RFC 5869) and from passphrases (scrypt, RFC 7914). */

#include <assert.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "crypto/algo.h"
#include "crypto/hmac.h"

/* scrypt's parameters: block size and lanes are fixed, N is the user's. */
#define SCRYPT_R         8
#define SCRYPT_P         1
#define SCRYPT_LOG_N_MIN 10
#define SCRYPT_LOG_N_MAX 22

void
hkdf_raw(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len,
         const void *info, size_t info_len, void *out, size_t out_len)
{
	AUTO(secret_release) struct secret prk = { 0 };
	struct digest t = { 0 };
	struct hmac h;
	uint8_t *dst = out;
	size_t n;

	assert(out_len <= 255 * DIGEST_LEN);

	/* Extract: no salt is a salt of zeroes, to which HMAC pads. */
	hmac_begin(&h, salt, salt_len);
	hmac_add(&h, ikm, ikm_len);
	hmac_final(&h, &t);
	memcpy(prk.b, t.b, sizeof(prk.b));

	/* Expand: T(i) = HMAC(PRK, T(i - 1) || info || i), from i = 1. */
	for (uint8_t i = 1; out_len > 0; i++) {
		hmac_begin(&h, prk.b, sizeof(prk.b));
		if (i > 1)
			hmac_add(&h, t.b, sizeof(t.b));
		hmac_add(&h, info, info_len);
		hmac_add(&h, &i, 1);
		hmac_final(&h, &t);
		n = MIN(out_len, sizeof(t.b));
		memcpy(dst, t.b, n);
		dst += n;
		out_len -= n;
	}
	crypto_wipe(&t, sizeof(t));
}

void
hkdf(const struct secret *ikm, const void *salt, size_t salt_len,
     const char *info, struct secret *ret)
{
	hkdf_raw(ikm->b, sizeof(ikm->b), salt, salt_len, info, strlen(info),
	         ret->b, sizeof(ret->b));
}

/* OSSL_PARAM wants non-const and non-NULL pointers; it does not write. */
static void *
param_bytes(const void *p, size_t n)
{
	return (void *)(uintptr_t)(n > 0 ? p : "");
}

err
scrypt_key(const void *pass, size_t pass_len, const void *salt, size_t salt_len,
           unsigned log_n, struct secret *ret)
{
	AUTO(evp_kdf_ctx_freep) EVP_KDF_CTX *ctx = NULL;
	AUTO(secret_release) struct secret key = { 0 };
	uint64_t n, mem;
	uint32_t r = SCRYPT_R, p = SCRYPT_P;

	if (log_n < SCRYPT_LOG_N_MIN || log_n > SCRYPT_LOG_N_MAX)
		return err_new(E_INVALID,
		               "scrypt cost 2^%u is outside 2^%d to 2^%d",
		               log_n, SCRYPT_LOG_N_MIN, SCRYPT_LOG_N_MAX);

	/* V is 128 N r bytes; B, X and T are small beside it. */
	n = (uint64_t)1 << log_n;
	mem = 128 * n * r + 128 * (uint64_t)r * p + 32 * KiB;

	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD,
		                                  param_bytes(pass, pass_len),
		                                  pass_len),
		OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_SALT, param_bytes(salt, salt_len), salt_len),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &mem),
		OSSL_PARAM_construct_end(),
	};

	if ((ctx = EVP_KDF_CTX_new(crypto_algo()->scrypt)) == NULL ||
	    EVP_KDF_derive(ctx, key.b, sizeof(key.b), params) <= 0) {
		ERR_clear_error();
		return err_new(E_NOMEM,
		               "scrypt at cost 2^%u needs %llu MiB of memory",
		               log_n, (unsigned long long)(mem / MiB));
	}
	memcpy(ret->b, key.b, sizeof(ret->b));
	return OK;
}
