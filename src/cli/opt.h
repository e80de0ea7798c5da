/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_OPT_H
#define CLI_OPT_H

/*
 * Options of the command line: declared in tables, parsed once, asked for by
 * name.  Long names (--name value, --name=value), single letters (-h), words,
 * and "--" in front of words that begin with a dash.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum opt_kind {
	OPT_FLAG,    /* Given or not. */
	OPT_TEXT,    /* One text; the last one given counts. */
	OPT_LIST,    /* A text each time it is given. */
	OPT_COUNT,   /* A whole number. */
	OPT_SIZE,    /* Bytes or bytes a second: 512, 64K, 10MiB/s. */
	OPT_PERCENT, /* 0 to 100, with or without a % behind. */
};

/* One option; a table of them ends with a name of NULL. */
struct opt {
	const char *name;  /* Without dashes. */
	const char *arg;   /* What the help calls its value; NULL for a flag. */
	const char *brief; /* One line, lower case. */
	enum opt_kind kind;
	char letter; /* The short form, or 0. */
};

/* Opaque; what a command line said. */
struct opts;

/**
 * opt_new(ret), opt_free(o), opt_freep(o):
 * Make an empty set of options; free it (NULL is fine).
 */
err opt_new(struct opts **ret);
void opt_free(struct opts *o);
void opt_freep(struct opts **o);

/**
 * opt_declare(o, table):
 * From now on ${o} knows the options of ${table} (borrowed; NULL is empty).
 */
void opt_declare(struct opts *o, const struct opt *table);

/**
 * opt_parse(o, argc, argv, to_first_word, ret_used):
 * Read ${argc} strings at ${argv} (borrowed), all of them, or only up to the
 * first word that is no option; set ${*ret_used} to how many were read. 
 * E_USAGE names what is wrong, and the nearest known option.
 */
err opt_parse(struct opts *o, int argc, char *const argv[], bool to_first_word,
              int *ret_used);

/**
 * opt_words(o, ret_n):
 * Return the words that are no options, NULL-terminated, and their number
 * (${ret_n} may be NULL).
 */
char *const *opt_words(const struct opts *o, size_t *ret_n);

/**
 * opt_word(o, i):
 * Return word ${i}, or NULL if there are not so many.
 */
const char *opt_word(const struct opts *o, size_t i);

/**
 * opt_given(o, name), opt_flag(o, name):
 * Return true if the declared option ${name} was given.
 */
bool opt_given(const struct opts *o, const char *name);
bool opt_flag(const struct opts *o, const char *name);

/**
 * opt_text(o, name):
 * Return the text of option ${name}, borrowed; NULL if it was not given.
 */
const char *opt_text(const struct opts *o, const char *name);

/**
 * opt_list(o, name):
 * Return all texts of option ${name}, NULL-terminated, borrowed; NULL if none
 * was given.
 */
char *const *opt_list(const struct opts *o, const char *name);

/**
 * opt_number(o, name, fallback):
 * Return the value of the OPT_COUNT or OPT_SIZE option ${name}, or ${fallback}.
 */
uint64_t opt_number(const struct opts *o, const char *name, uint64_t fallback);

/**
 * opt_percent(o, name, fallback):
 * Return the value of ${name} as a fraction from 0 to 1, or ${fallback}.
 */
double opt_percent(const struct opts *o, const char *name, double fallback);

/**
 * opt_parse_size(s, ret):
 * Read a size such as "512", "64K", "10MiB" or a rate such as "2M/s" (powers of
 * 1024) into ${*ret}.  Return false if ${s} is none, or overflows.
 */
bool opt_parse_size(const char *s, uint64_t *ret);

#endif /* CLI_OPT_H */
