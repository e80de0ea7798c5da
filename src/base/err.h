/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * Errors travel by value: a code to act on and a note to read.  A zero value
 * means success.  The type is [[nodiscard]], so no result is dropped unseen.
 * A negative verdict (check failed, signature bad) is data and no err; an err
 * is what kept the program from finding out.  Programming mistakes assert.
 */

#include <stdbool.h>

enum err_code {
	E_OK = 0,
	E_NOMEM,       /* Out of memory. */
	E_IO,          /* The system refused a read, write or sync. */
	E_NOSPACE,     /* Disk or quota is full; free some and run again. */
	E_NOTFOUND,    /* The named thing does not exist. */
	E_EXISTS,      /* The named thing exists already. */
	E_DENIED,      /* Permission, key, passphrase or signature refused. */
	E_INVALID,     /* What the user gave cannot be meant. */
	E_USAGE,       /* The command line is wrong. */
	E_CORRUPT,     /* Stored bytes are not what was written. */
	E_UNSUPPORTED, /* A newer format or a missing capability. */
	E_BUSY,        /* Somebody else holds it; try again. */
	E_LIMIT,       /* A stated bound was exceeded. */
	E_PARTIAL,     /* Part is done; the report says which. */
	E_UNREACHABLE, /* A store or a server does not answer. */
	E_CANCELLED,   /* The user or a signal stopped it. */
	E_CODES        /* Their number. */
};

/* Opaque; the text behind a code. */
struct err_note;

typedef struct [[nodiscard]] err {
	enum err_code code;
	struct err_note *note; /* Owned; NULL if there was no memory for it. */
} err;

#define OK ((err){ 0 })

/**
 * err_new(code, fmt, ...):
 * Return an error of ${code} whose note is the formatted text: one line, lower
 * case, the object in quotes, saying what the user can do.
 */
err err_new(enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * err_sys(fmt, ...):
 * Return an error whose code follows from errno and whose note is the formatted
 * text, a colon and the system's words for errno.
 */
err err_sys(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * err_nomem():
 * Return E_NOMEM.  Allocates nothing.
 */
err err_nomem(void);

/**
 * err_in(e, fmt, ...):
 * Return ${e} with the formatted text put in front of its note ("text: note").
 * Takes ${e} over.  A success stays a success.
 */
err err_in(err e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * err_text(e):
 * Return the note of ${e}, or the words of its code where there is none.  The
 * string lives until ${e} is dropped.
 */
const char *err_text(err e);

/**
 * err_drop(e):
 * Free what ${e} owns: this is how an error is ignored on purpose.
 */
void err_drop(err e);

/**
 * err_keep(first, e):
 * Keep in ${*first} the first error that happened: store ${e} there if
 * ${*first} is a success, and drop ${e} otherwise.
 */
void err_keep(err *first, err e);

/**
 * err_name(code):
 * Return the stable JSON string of ${code}, such as "not_found".
 */
const char *err_name(enum err_code code);

/**
 * err_exit_status(code):
 * Return the exit status that ${code} maps to (see docs: 0, 1, 2, 3 or 4).
 */
int err_exit_status(enum err_code code);

/**
 * err_http_status(code):
 * Return the HTTP status that ${code} maps to.
 */
int err_http_status(enum err_code code);

#endif /* BASE_ERR_H */
