/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

/*
 * What the program says: results on stdout, messages on stderr, JSON objects
 * that begin with their schema.  One thread at a time.
 */

#include "base/err.h"
#include "cli/cli.h"

/**
 * out_line(fmt, ...):
 * Print a formatted line of results.
 */
void out_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * out_json(c):
 * Begin a JSON object of the command's schema in c->w and return the writer.
 */
struct json_writer *out_json(struct cli *c);

/**
 * out_json_schema(c, schema):
 * As out_json() for an object of another ${schema}, as in a stream.
 */
struct json_writer *out_json_schema(struct cli *c, const char *schema);

/**
 * out_json_end(c):
 * End the object that out_json() began and print it as one line.
 */
err out_json_end(struct cli *c);

/**
 * out_note(c, fmt, ...):
 * Tell the user something on stderr, unless --quiet or --json was given.
 */
void out_note(const struct cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * out_warn(fmt, ...):
 * Tell the user something on stderr that must not be missed.
 */
void out_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * out_error(json, e):
 * Tell on stderr what went wrong, as text or as an object "error/1".
 */
void out_error(bool json, err e);

/**
 * out_finish():
 * Flush stdout.  E_IO, E_NOSPACE... if not all of it was written; does not
 * return if nobody reads it any more.
 */
err out_finish(void);

/**
 * out_confirm(c, question):
 * Return true if --yes was given, or somebody at the terminal answers yes.
 */
bool out_confirm(const struct cli *c, const char *question);

/**
 * out_problems(c, p, title):
 * List ${p} on stdout below ${title}, saying so if the list is not complete.
 * Prints nothing where there is none.
 */
void out_problems(const struct cli *c, const struct vault_problems *p,
                  const char *title);

/**
 * out_json_problems(w, key, p):
 * Write ${p} as an array of {path, why}, and "<key>_count" with their number.
 */
void out_json_problems(struct json_writer *w, const char *key,
                       const struct vault_problems *p);

#endif /* CLI_OUT_H */
