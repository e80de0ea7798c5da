/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

/*
 * JSON: a streaming writer into a buf (sticky, checked once by buf_done), and a
 * reader over jansson with bounds on size and depth.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

#define JSON_DEPTH 16 /* Of what the writer writes. */

/*
 * jansson exports these two names, and uses them itself: ours go by others in
 * the linker's eyes.  Who needs jansson.h includes it before this header.
 */
#define json_real json_write_real
#define json_null json_write_null

/* A writer.  Made by JSON_WRITER(); ends with nothing open. */
struct json_writer {
	struct buf *b; /* Borrowed; where the text goes. */
	int depth;     /* Open objects and arrays. */
	bool first;    /* The next member is the first of its container. */
	int indent;    /* Spaces a level; 0 = all on one line. */
};

#define JSON_WRITER(buf) ((struct json_writer){ .b = (buf), .first = true })

/**
 * json_open(w, key), json_close(w):
 * Begin an object as member ${key} (NULL in an array or at the top); end it.
 */
void json_open(struct json_writer *w, const char *key);
void json_close(struct json_writer *w);

/**
 * json_open_array(w, key), json_close_array(w):
 * The same for an array.
 */
void json_open_array(struct json_writer *w, const char *key);
void json_close_array(struct json_writer *w);

/**
 * json_str(w, key, s):
 * Add a string member; NULL is null.  Bytes that are not UTF-8 are spelled as
 * fs_quote() spells them.
 */
void json_str(struct json_writer *w, const char *key, const char *s);

/**
 * json_strn(w, key, s, n):
 * As json_str() for ${n} bytes.
 */
void json_strn(struct json_writer *w, const char *key, const char *s, size_t n);

/**
 * json_int(w, key, v), json_uint(w, key, v), json_bool(w, key, v),
 * json_real(w, key, v), json_null(w, key):
 * Add a member.  Reals are written with three decimals.
 */
void json_int(struct json_writer *w, const char *key, int64_t v);
void json_uint(struct json_writer *w, const char *key, uint64_t v);
void json_bool(struct json_writer *w, const char *key, bool v);
void json_real(struct json_writer *w, const char *key, double v);
void json_null(struct json_writer *w, const char *key);

/**
 * json_time(w, key, ns):
 * Add a time as RFC 3339; 0 is null.
 */
void json_time(struct json_writer *w, const char *key, int64_t ns);

/**
 * json_digest(w, key, d):
 * Add a digest as "sha256:<hex>".
 */
void json_digest(struct json_writer *w, const char *key,
                 const struct digest *d);

/* A parsed value; jansson's. */
struct json_t;

/**
 * json_parse(p, n, ret):
 * Parse ${n} bytes as one JSON text into ${*ret}, freed by json_free().
 * E_INVALID, with line and column, if it is none, has duplicate keys, a NUL, or
 * is nested deeper than 64; E_LIMIT beyond 64 MiB.
 */
err json_parse(const void *p, size_t n, struct json_t **ret);

/**
 * json_free(v), json_freep(v):
 * Free a parsed value; NULL is fine.
 */
void json_free(struct json_t *v);
void json_freep(struct json_t **v);

/**
 * json_get(v, key):
 * Return member ${key} of the object ${v}, borrowed; NULL if there is none.
 */
struct json_t *json_get(const struct json_t *v, const char *key);

/**
 * json_get_str(v, key):
 * Return the string member ${key}, borrowed; NULL if absent or no string.
 */
const char *json_get_str(const struct json_t *v, const char *key);

/**
 * json_get_int(v, key, fallback), json_get_bool(v, key, fallback):
 * Return the member, or ${fallback} if absent or of another type.
 */
int64_t json_get_int(const struct json_t *v, const char *key, int64_t fallback);
bool json_get_bool(const struct json_t *v, const char *key, bool fallback);

/**
 * json_len(v), json_at(v, i):
 * The number of elements of an array (0 for anything else), and one of them.
 */
size_t json_len(const struct json_t *v);
struct json_t *json_at(const struct json_t *v, size_t i);

#endif /* BASE_JSON_H */
