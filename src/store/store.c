/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One door for all kinds of store: it finds the kind by the URL, lets no name
 * through that could climb or collide, and says in every error which store it
 * comes from.
 */

#include <string.h>

#include "base/mem.h"
#include "store/ops.h"
#include "store/store.h"

struct store {
	const struct store_ops *ops;
	void *k;    /* What the kind keeps. */
	char *name; /* Owned. */
	char *url;  /* Owned. */
};

AUTO_FREE(store_auto, struct store, store_close)

/* The kinds, by how their URLs begin.  A bare path is a directory. */
static const struct {
	const char *scheme;
	const struct store_ops *ops;
} kinds[] = {
	{ "file://", &dir_ops },
	{ "s3://", NULL },
	{ "casemate://", NULL },
};

static bool
part_ok(const char *p, size_t n)
{
	/* A leading dot is "..", or hidden from people: neither is a name. */
	if (n == 0 || p[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') ||
		      (p[i] >= '0' && p[i] <= '9') || p[i] == '-' ||
		      p[i] == '.'))
			return false;
	return true;
}

static bool
kind_ok(const char *p, size_t n)
{
	/* These stand beside the kinds in the root of a directory. */
	static const char *const taken[] = { "vault", "tmp", "casemate-store" };

	if (n > STORE_NAME_MAX - 2 || !part_ok(p, n))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (strlen(taken[i]) == n && memcmp(taken[i], p, n) == 0)
			return false;
	return true;
}

bool
store_kind_ok(const char *kind)
{
	return kind_ok(kind, strlen(kind));
}

bool
store_name_ok(const char *name)
{
	size_t n = strlen(name);
	const char *slash;

	if (n > STORE_NAME_MAX)
		return false;
	if (strcmp(name, "vault") == 0)
		return true;
	if ((slash = strchr(name, '/')) == NULL)
		return false;
	return kind_ok(name, (size_t)(slash - name)) &&
	    part_ok(slash + 1, strlen(slash + 1));
}

static err
in_store(const struct store *s, err e)
{
	return err_in(e, "store '%s'", s->name);
}

static err
check_name(const struct store *s, const char *name)
{
	if (store_name_ok(name))
		return OK;
	return err_new(E_INVALID,
	               "store '%s': '%s' is no name of an object; "
	               "names are 'vault' or 'kind/leaf' in a-z, 0-9, "
	               "'-' and '.', at most %d bytes",
	               s->name, name, STORE_NAME_MAX);
}

/* Find the kind that speaks ${url}, and where the rest of it begins. */
static err
find_kind(const char *url, const struct store_ops **ret_ops)
{
	if (strstr(url, "://") == NULL) {
		*ret_ops = &dir_ops;
		return OK;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strncmp(url, kinds[i].scheme, strlen(kinds[i].scheme)) != 0)
			continue;
		if (kinds[i].ops == NULL)
			return err_new(E_UNSUPPORTED,
			               "this program has no stores at %s; "
			               "use a directory",
			               kinds[i].scheme);
		*ret_ops = kinds[i].ops;
		return OK;
	}
	return err_new(E_INVALID,
	               "'%s' is no place of a store; give a path or a "
	               "file:// URL",
	               url);
}

static err
make(const char *url, const char *name, bool create, struct store **ret)
{
	AUTO(store_auto) struct store *s = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*s), &s)).code)
		return e;
	if ((e = mem_dup(name, strlen(name), &s->name)).code ||
	    (e = mem_dup(url, strlen(url), &s->url)).code)
		return e;
	if ((e = find_kind(url, &s->ops)).code ||
	    (e = s->ops->open(url, create, &s->k)).code)
		return in_store(s, e);
	*ret = take(s);
	return OK;
}

err
store_open(const char *url, const char *name, struct store **ret)
{
	return make(url, name, false, ret);
}

err
store_create(const char *url, const char *name, struct store **ret)
{
	return make(url, name, true, ret);
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->k != NULL)
		s->ops->close(s->k);
	free(s->name);
	free(s->url);
	free(s);
}

void
store_closep(struct store **s)
{
	store_close(*s);
	*s = NULL;
}

const char *
store_name(const struct store *s)
{
	return s->name;
}

const char *
store_url(const struct store *s)
{
	return s->url;
}

static err
put(struct store *s, const char *name, const void *p, size_t n, bool replace)
{
	err e;

	if ((e = check_name(s, name)).code)
		return e;
	if (n > STORE_OBJECT_MAX)
		return err_new(E_LIMIT,
		               "store '%s': object '%s' would have %zu "
		               "bytes; %zu is the most",
		               s->name, name, n, STORE_OBJECT_MAX);
	return in_store(s, s->ops->put(s->k, name, p, n, replace));
}

err
store_put(struct store *s, const char *name, const void *p, size_t n)
{
	return put(s, name, p, n, false);
}

err
store_replace(struct store *s, const char *name, const void *p, size_t n)
{
	return put(s, name, p, n, true);
}

err
store_get(struct store *s, const char *name, struct buf *b)
{
	err e;

	if ((e = check_name(s, name)).code)
		return e;
	return in_store(s, s->ops->get(s->k, name, b));
}

err
store_get_range(struct store *s, const char *name, uint64_t off, size_t n,
                void *p)
{
	err e;

	if ((e = check_name(s, name)).code)
		return e;
	return in_store(s, s->ops->get_range(s->k, name, off, n, p));
}

err
store_size(struct store *s, const char *name, uint64_t *ret)
{
	err e;

	if ((e = check_name(s, name)).code)
		return e;
	return in_store(s, s->ops->size(s->k, name, ret));
}

err
store_list(struct store *s, const char *kind,
           err (*fn)(const struct store_item *item, void *arg), void *arg)
{
	if (!store_kind_ok(kind))
		return err_new(E_INVALID,
		               "store '%s': '%s' is no kind of object", s->name,
		               kind);
	return in_store(s, s->ops->list(s->k, kind, fn, arg));
}

err
store_delete(struct store *s, const char *name)
{
	err e;

	if ((e = check_name(s, name)).code)
		return e;
	return in_store(s, s->ops->delete (s->k, name));
}

err
store_space(struct store *s, uint64_t *ret_free, uint64_t *ret_total)
{
	return in_store(s, s->ops->space(s->k, ret_free, ret_total));
}
