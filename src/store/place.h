/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PLACE_H
#define STORE_PLACE_H

/*
 * Where an object lies in a directory store, and how it gets there durably.
 * Errors say what was being done; the caller names the object.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "store/dir.h"

/* An object's place: "leaf", "kind/leaf" or "kind/fan/leaf" below the root. */
struct place {
	char name[STORE_NAME_MAX + 1]; /* What others call it. */
	char kind[STORE_NAME_MAX + 1]; /* "" for an object of the root. */
	char fan[3]; /* "" unless the leaf is 64 hex digits. */
	char leaf[STORE_NAME_MAX + 1];
	char home[STORE_NAME_MAX + 8]; /* Its directory; "." for the root. */
	char path[2 * STORE_NAME_MAX + 8]; /* All of it. */
};

/**
 * place_of(name):
 * Return the place of the object ${name}.
 */
struct place place_of(const char *name);

/**
 * place_put(d, name, p, n, replace):
 * Put ${n} bytes at ${p} there, as store_put() or store_replace() promise.
 */
err place_put(struct dir *d, const char *name, const void *p, size_t n,
              bool replace);

/**
 * place_settle(d, kind):
 * Make every name of ${kind} durable that is visible now but was not
 * acknowledged: its writer is at work, or died.
 */
err place_settle(struct dir *d, const char *kind);

/**
 * place_sweep(d):
 * Remove what writers that died more than a day ago left in "tmp".  What cannot
 * be removed stays; that is no error.
 */
void place_sweep(struct dir *d);

#endif /* STORE_PLACE_H */
