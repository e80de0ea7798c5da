/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The option parser.  Every declared option has one slot that collects what was
 * given; numbers are checked while parsing, so that asking cannot fail.
 */

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/opt.h"

/* More options than any command declares. */
#define OPTS_MAX 64

/* What was given for one option. */
struct slot {
	const struct opt *opt;
	size_t given;
	char **texts; /* NULL-terminated; the strings are argv's. */
	size_t cap;
	uint64_t number;
	double fraction;
};

struct opts {
	struct slot slots[OPTS_MAX];
	size_t n;
	char **words; /* NULL-terminated; the strings are argv's. */
	size_t nwords;
	size_t cap;
};

/* Append ${s} to a NULL-terminated list. */
static err
list_add(char ***list, size_t n, size_t *cap, char *s)
{
	err e;

	if ((e = mem_grow(list, n + 2, cap, sizeof(**list))).code)
		return e;
	(*list)[n] = s;
	(*list)[n + 1] = NULL;
	return OK;
}

static struct slot *
slot_of(struct opts *o, const char *name, size_t len)
{
	for (size_t i = 0; i < o->n; i++)
		if (strlen(o->slots[i].opt->name) == len &&
		    memcmp(o->slots[i].opt->name, name, len) == 0)
			return &o->slots[i];
	return NULL;
}

static struct slot *
slot_of_letter(struct opts *o, char letter)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->slots[i].opt->letter == letter)
			return &o->slots[i];
	return NULL;
}

/* The slot of an option that the caller has declared. */
static const struct slot *
slot_known(const struct opts *o, const char *name)
{
	const struct slot *s = slot_of((struct opts *)(uintptr_t)o, name,
	                               strlen(name));

	assert(s != NULL);
	return s;
}

static err
unknown_option(const struct opts *o, const char *name, size_t len)
{
	const char *names[OPTS_MAX + 1];
	AUTO(free_ptr) char *word = NULL;
	const char *near;
	err e;

	for (size_t i = 0; i < o->n; i++)
		names[i] = o->slots[i].opt->name;
	names[o->n] = NULL;
	if ((e = mem_dup(name, len, &word)).code)
		return e;
	if ((near = str_nearest(word, names)) != NULL)
		return err_new(
		    E_USAGE, "unknown option \"--%s\"; did you mean \"--%s\"?",
		    word, near);
	return err_new(E_USAGE, "unknown option \"--%s\"", word);
}

static bool
parse_count(const char *s, uint64_t *ret)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*ret = strtoull(s, &end, 10);
	return errno == 0 && *end == '\0';
}

bool
opt_parse_size(const char *s, uint64_t *ret)
{
	static const char units[] = "KMGT";
	unsigned shift = 0;
	uint64_t n;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno != 0)
		return false;
	const char *u = *end == 'k' ? units : NULL;
	if (u == NULL && *end != '\0')
		u = strchr(units, *end);
	if (u != NULL) {
		shift = 10 * (unsigned)(u - units + 1);
		end++;
		if (*end == 'i')
			end++;
	}
	if (*end == 'B')
		end++;
	if (strcmp(end, "/s") == 0)
		end += 2;
	if (*end != '\0' || n > UINT64_MAX >> shift)
		return false;
	*ret = n << shift;
	return true;
}

static bool
parse_percent(const char *s, double *ret)
{
	char *end;
	double d;

	if ((*s < '0' || *s > '9') && *s != '.')
		return false;
	d = strtod(s, &end);
	if (*end == '%')
		end++;
	if (*end != '\0' || !isfinite(d) || d < 0 || d > 100)
		return false;
	*ret = d / 100;
	return true;
}

/* Check and keep ${value} (NULL for a flag). */
static err
slot_take(struct slot *s, char *value)
{
	const char *what = NULL;
	err e;

	switch (s->opt->kind) {
	case OPT_FLAG:
		s->given++;
		return OK;
	case OPT_COUNT:
		if (!parse_count(value, &s->number))
			what = "a whole number";
		break;
	case OPT_SIZE:
		if (!opt_parse_size(value, &s->number))
			what = "a size such as 64K or 10MiB/s";
		break;
	case OPT_PERCENT:
		if (!parse_percent(value, &s->fraction))
			what = "a percentage from 0 to 100";
		break;
	case OPT_TEXT:
	case OPT_LIST:
		if (*value == '\0')
			what = "a text that is not empty";
		break;
	}
	if (what != NULL)
		return err_new(E_USAGE, "option \"--%s\" wants %s, not \"%s\"",
		               s->opt->name, what, value);
	if ((e = list_add(&s->texts, s->given, &s->cap, value)).code)
		return e;
	s->given++;
	return OK;
}

/* Read one option and, if it has one, its value; step ${*i} over both. */
static err
parse_option(struct opts *o, int argc, char *const argv[], int *i)
{
	char *arg = argv[*i], *value = NULL;
	struct slot *s;

	if (arg[1] == '-') {
		char *name = arg + 2;
		size_t len = strcspn(name, "=");
		if ((s = slot_of(o, name, len)) == NULL)
			return unknown_option(o, name, len);
		if (name[len] == '=')
			value = name + len + 1;
	} else {
		if ((s = slot_of_letter(o, arg[1])) == NULL)
			return err_new(E_USAGE, "unknown option \"-%c\"",
			               arg[1]);
		if (arg[2] != '\0')
			value = arg + 2;
	}
	(*i)++;
	if (s->opt->kind == OPT_FLAG && value != NULL)
		return err_new(E_USAGE, "option \"--%s\" takes no value",
		               s->opt->name);
	if (s->opt->kind != OPT_FLAG && value == NULL) {
		if (*i >= argc)
			return err_new(E_USAGE, "option \"--%s\" wants %s",
			               s->opt->name, s->opt->arg);
		value = argv[(*i)++];
	}
	return slot_take(s, value);
}

err
opt_new(struct opts **ret)
{
	return mem_alloc(1, sizeof(**ret), ret);
}

void
opt_free(struct opts *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; i < o->n; i++)
		free(o->slots[i].texts);
	free(o->words);
	free(o);
}

void
opt_freep(struct opts **o)
{
	opt_free(*o);
}

void
opt_declare(struct opts *o, const struct opt *table)
{
	for (; table != NULL && table->name != NULL; table++) {
		assert(o->n < OPTS_MAX);
		o->slots[o->n++].opt = table;
	}
}

err
opt_parse(struct opts *o, int argc, char *const argv[], bool to_first_word,
          int *ret_used)
{
	bool words_only = false;
	int i = 0;
	err e;

	while (i < argc) {
		if (!words_only && strcmp(argv[i], "--") == 0) {
			words_only = true;
			i++;
			continue;
		}
		if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0') {
			if ((e = parse_option(o, argc, argv, &i)).code)
				return e;
			continue;
		}
		if (to_first_word)
			break;
		if ((e = list_add(&o->words, o->nwords, &o->cap, argv[i])).code)
			return e;
		o->nwords++;
		i++;
	}
	*ret_used = i;
	return OK;
}

char *const *
opt_words(const struct opts *o, size_t *ret_n)
{
	static char *const none[] = { NULL };

	if (ret_n != NULL)
		*ret_n = o->nwords;
	return o->words != NULL ? o->words : none;
}

const char *
opt_word(const struct opts *o, size_t i)
{
	return i < o->nwords ? o->words[i] : NULL;
}

bool
opt_given(const struct opts *o, const char *name)
{
	return slot_known(o, name)->given > 0;
}

bool
opt_flag(const struct opts *o, const char *name)
{
	return opt_given(o, name);
}

const char *
opt_text(const struct opts *o, const char *name)
{
	const struct slot *s = slot_known(o, name);

	return s->given > 0 ? s->texts[s->given - 1] : NULL;
}

char *const *
opt_list(const struct opts *o, const char *name)
{
	return slot_known(o, name)->texts;
}

uint64_t
opt_number(const struct opts *o, const char *name, uint64_t fallback)
{
	const struct slot *s = slot_known(o, name);

	return s->given > 0 ? s->number : fallback;
}

double
opt_percent(const struct opts *o, const char *name, double fallback)
{
	const struct slot *s = slot_known(o, name);

	return s->given > 0 ? s->fraction : fallback;
}
