/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The smallest user of a store, for the fault loops: it puts objects whose
 * bytes follow from their number, and says on stdout what was acknowledged, one
 * line in one write each.  `check` reads all and says what is there.
 *
 * usage: store_driver DIR put|replace|delete FIRST COUNT SIZE
 *        store_driver DIR check
 *
 * Exit: 0 done; 1 an error, on stderr; 3 an object is not what was put.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/mem.h"
#include "store/store.h"

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Object ${i}: each third lies directly in its kind, the others fan out. */
static void
name_of(unsigned i, char *out, size_t n)
{
	if (i % 3 == 0)
		(void)snprintf(out, n, "keys/%u", i);
	else
		(void)snprintf(out, n, "packs/%016llx%016llx%016llx%016x",
		               (unsigned long long)mix(i),
		               (unsigned long long)mix(i + 1000003),
		               (unsigned long long)mix(i + 2000003), i);
}

/* The number in a name, whatever its kind. */
static unsigned
number_of(const char *name)
{
	if (strncmp(name, "keys/", 5) == 0)
		return (unsigned)strtoul(name + 5, NULL, 10);
	return (unsigned)strtoul(name + strlen(name) - 8, NULL, 16);
}

static size_t
size_of(unsigned i, size_t most)
{
	return most - most * (i % 7) / 16;
}

static void
fill(unsigned i, uint8_t *p, size_t n)
{
	for (size_t k = 0; k < n; k++)
		p[k] = (uint8_t)mix(i * 0x9e3779b97f4a7c15u + k / 8) ^
		    (uint8_t)k;
}

static void
say(const char *verb, const char *name)
{
	char line[200];
	int n = snprintf(line, sizeof(line), "%s %s\n", verb, name);

	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(1);
}

static err
change(struct store *s, const char *verb, unsigned i, size_t most)
{
	AUTO(free_ptr) uint8_t *p = NULL;
	size_t n = size_of(i, most);
	char name[160];
	err e;

	name_of(i, name, sizeof(name));
	if (strcmp(verb, "delete") == 0) {
		say("deleting", name);
		if ((e = store_delete(s, name)).code)
			return e;
		say("deleted", name);
		return OK;
	}
	if ((e = mem_alloc(n, 1, &p)).code)
		return e;
	fill(i, p, n);
	if (strcmp(verb, "put") == 0)
		e = store_put(s, name, p, n);
	else
		e = store_replace(s, name, p, n);
	if (e.code == E_EXISTS) {
		err_drop(e);
		e = OK;
	}
	if (e.code)
		return e;
	say("put", name);
	return OK;
}

/* Every byte of a listed object follows from its number. */
static err
check_one(const struct store_item *item, void *arg)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	AUTO(free_ptr) uint8_t *want = NULL;
	struct store *s = arg;
	unsigned i = number_of(item->name);
	uint8_t part[8];
	char name[160];
	err e;

	name_of(i, name, sizeof(name));
	if ((e = store_get(s, item->name, &b)).code ||
	    (e = mem_alloc(b.len, 1, &want)).code)
		return e;
	fill(i, want, b.len);
	if (strcmp(name, item->name) != 0 || b.len != item->size ||
	    b.len == 0 || memcmp(b.p, want, b.len) != 0)
		return err_new(E_CORRUPT, "'%s' is not what was put",
		               item->name);
	if (b.len >= 24 &&
	    (e = store_get_range(s, item->name, 16, sizeof(part), part)).code)
		return e;
	if (b.len >= 24 && memcmp(part, want + 16, sizeof(part)) != 0)
		return err_new(E_CORRUPT, "'%s': a part is not what was put",
		               item->name);
	say("has", item->name);
	return OK;
}

static err
run(int argc, char **argv)
{
	AUTO(store_closep) struct store *s = NULL;
	const char *verb = argv[2];
	unsigned first, count;
	err e;

	e = store_open(argv[1], "driven", &s);

	/* E_INVALID: a create that was killed left it without its marker. */
	if (strcmp(verb, "put") == 0 &&
	    (e.code == E_NOTFOUND || e.code == E_INVALID)) {
		err_drop(e);
		e = store_create(argv[1], "driven", &s);
	}
	if (e.code)
		return e;
	if (argc < 6) {
		if ((e = store_list(s, "packs", check_one, s)).code)
			return e;
		return store_list(s, "keys", check_one, s);
	}
	first = (unsigned)strtoul(argv[3], NULL, 10);
	count = (unsigned)strtoul(argv[4], NULL, 10);
	for (unsigned i = first; i < first + count; i++)
		if ((e = change(s, verb, i, strtoul(argv[5], NULL, 10))).code)
			return e;
	return OK;
}

int
main(int argc, char **argv)
{
	int status;
	err e;

	if (argc != 3 && argc != 6)
		return 2;
	e = run(argc, argv);
	if (e.code)
		(void)fprintf(stderr, "%s: %s\n", err_name(e.code),
		              err_text(e));
	status = err_exit_status(e.code);
	err_drop(e);
	return status;
}
