/* SPDX-License-Identifier: Apache-2.0 */

/* The section `vault` of casemate.yaml: stores, and what to keep. */

#include <string.h>

#include "asset/config.h"
#include "base/mem.h"
#include "base/str.h"

#define KEEP_MOST      100000
#define LOCK_DAYS_MOST 36500

/* The scheme in front of "://", as far as stores have one. */
static err
read_url(const struct yaml_node *v, const char *dir, char **ret)
{
	static const char *const schemes[] = { "file", "s3", "casemate", NULL };
	AUTO(free_ptr) char *scheme = NULL;
	const char *s, *mark, *near;
	err e;

	if ((e = yaml_str(v, &s)).code)
		return e;
	if (*s == '\0')
		return yaml_error(v, "\"url\" is empty");
	if ((mark = strstr(s, "://")) == NULL)
		return config_path(dir, s, ret);
	if ((e = mem_dup(s, (size_t)(mark - s), &scheme)).code)
		return e;
	for (size_t i = 0; schemes[i] != NULL; i++) {
		if (strcmp(scheme, schemes[i]) != 0)
			continue;
		if (i == 0 && mark[3] != '/')
			return yaml_error(
			    v,
			    "\"%s\": a file URL has three slashes and an "
			    "absolute path",
			    s);
		return mem_dup(s, strlen(s), ret);
	}
	if ((near = str_nearest(scheme, schemes)) != NULL)
		return yaml_error(
		    v, "no store speaks \"%s\"; did you mean \"%s\"?", scheme,
		    near);
	return yaml_error(
	    v, "no store speaks \"%s\"; a path, file, s3 or casemate will do",
	    scheme);
}

static err
check_lock(const struct yaml_node *lock)
{
	static const char *const keys[] = { "mode", "days", "cap", NULL };
	static const char *const modes[] = { "governance", "compliance", NULL };
	int64_t days = 0, cap = 0;
	err e;

	if (lock == NULL)
		return OK;
	if ((e = yaml_check_keys(lock, keys)).code ||
	    (e = config_one_of(yaml_get(lock, "mode"), "lock mode", modes))
	        .code ||
	    (e = config_number(lock, "days", 1, LOCK_DAYS_MOST, &days)).code ||
	    (e = config_number(lock, "cap", 1, LOCK_DAYS_MOST, &cap)).code)
		return e;
	if (days == 0)
		return yaml_error(lock, "a lock needs \"days\"");
	if (cap != 0 && cap < days)
		return yaml_error(yaml_get(lock, "cap"),
		                  "\"cap\" is shorter than \"days\"");
	return OK;
}

static err
read_store(const struct yaml_node *v, struct workspace *ws,
           struct vault_store_config *ret)
{
	static const char *const keys[] = { "name",      "url",  "endpoint",
		                            "medium",    "site", "lock",
		                            "transient", NULL };
	AUTO(free_ptr) char *endpoint = NULL, *transient = NULL;
	err e;

	if ((e = yaml_check_keys(v, keys)).code ||
	    (e = config_need(v, "name", "a store", &ret->name)).code ||
	    (e = config_name(yaml_get(v, "name"), "a store")).code)
		return e;
	if (yaml_get(v, "url") == NULL)
		return yaml_error(v, "a store needs \"url\"");
	if ((e = read_url(yaml_get(v, "url"), ws->dir, &ret->url)).code ||
	    (e = config_text(v, "endpoint", &endpoint)).code ||
	    (e = config_text(v, "transient", &transient)).code ||
	    (e = config_text(v, "medium", &ret->medium)).code ||
	    (e = config_text(v, "site", &ret->site)).code ||
	    (e = check_lock(yaml_get(v, "lock"))).code)
		return e;
	if (yaml_get(v, "lock") != NULL)
		return config_later(
		    ws, "store \"%s\" asks for a lock, and nothing locks it",
		    ret->name);
	return OK;
}

/* Neither a name nor a place twice. */
static err
check_unique(const struct yaml_node *v, const struct vault_config *c)
{
	const struct vault_store_config *s = c->stores;
	size_t last = c->nstores - 1;

	for (size_t i = 0; i < last; i++) {
		if (strcmp(s[i].name, s[last].name) == 0)
			return yaml_error(yaml_get(v, "name"),
			                  "there is a store \"%s\" already",
			                  s[i].name);
		if (strcmp(s[i].url, s[last].url) == 0)
			return yaml_error(
			    yaml_get(v, "url"),
			    "store \"%s\" is at the same place: that is no "
			    "second copy",
			    s[i].name);
	}
	return OK;
}

static err
read_keep(const struct yaml_node *v, struct vault_keep *keep)
{
	static const char *const keys[] = { "last",   "hourly",  "daily",
		                            "weekly", "monthly", "yearly",
		                            NULL };
	unsigned *const fields[] = { &keep->last,    &keep->hourly,
		                     &keep->daily,   &keep->weekly,
		                     &keep->monthly, &keep->yearly };
	int64_t n;
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_check_keys(v, keys)).code)
		return e;
	for (size_t i = 0; keys[i] != NULL; i++) {
		n = 0;
		if ((e = config_number(v, keys[i], 0, KEEP_MOST, &n)).code)
			return e;
		*fields[i] = (unsigned)n;
	}
	return OK;
}

err
config_stores(const struct yaml_node *v, struct workspace *ws)
{
	static const char *const keys[] = { "stores", "keep", NULL };
	struct vault_config *c = &ws->vault;
	const struct yaml_node *list;
	err e;

	if ((e = yaml_check_keys(v, keys)).code)
		return e;
	if ((list = yaml_get(v, "stores")) == NULL)
		return yaml_error(v, "\"vault\" needs \"stores\"");
	if ((e = yaml_want(list, YAML_SEQUENCE)).code)
		return e;
	if (list->n == 0)
		return yaml_error(list, "\"stores\" names no store");
	if ((e = mem_alloc(list->n, sizeof(*c->stores), &c->stores)).code)
		return e;
	for (size_t i = 0; i < list->n; i++) {
		c->nstores = i + 1;
		if ((e = read_store(list->items[i], ws, &c->stores[i])).code ||
		    (e = check_unique(list->items[i], c)).code)
			return e;
	}
	return read_keep(yaml_get(v, "keep"), &c->keep);
}
