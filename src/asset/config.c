/* SPDX-License-Identifier: Apache-2.0 */

/* The small words of casemate.yaml: texts, names, spans, paths. */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "asset/config.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/time.h"

#define NAME_MAX_LEN 64

err
config_text(const struct yaml_node *map, const char *key, char **ret)
{
	const struct yaml_node *v = yaml_get(map, key);
	const char *s;
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_str(v, &s)).code)
		return e;
	if (*s == '\0')
		return yaml_error(v, "\"%s\" is empty", key);
	return mem_dup(s, strlen(s), ret);
}

err
config_need(const struct yaml_node *map, const char *key, const char *what,
            char **ret)
{
	if (yaml_get(map, key) == NULL)
		return yaml_error(map, "%s needs \"%s\"", what, key);
	return config_text(map, key, ret);
}

void
config_words_free(char **list)
{
	for (char **p = list; p != NULL && *p != NULL; p++)
		free(*p);
	free(list);
}

void
config_words_freep(char ***list)
{
	config_words_free(*list);
}

err
config_words(const struct yaml_node *v, char ***ret)
{
	AUTO(config_words_freep) char **list = NULL;
	const char *s;
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_want(v, YAML_SEQUENCE)).code ||
	    (e = mem_alloc(v->n + 1, sizeof(*list), &list)).code)
		return e;
	for (size_t i = 0; i < v->n; i++)
		if ((e = yaml_str(v->items[i], &s)).code ||
		    (e = mem_dup(s, strlen(s), &list[i])).code)
			return e;
	*ret = take(list);
	return OK;
}

err
config_one_of(const struct yaml_node *v, const char *what,
              const char *const *list)
{
	const char *s, *near;
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_str(v, &s)).code)
		return e;
	for (const char *const *p = list; *p != NULL; p++)
		if (strcmp(*p, s) == 0)
			return OK;
	if ((near = str_nearest(s, list)) != NULL)
		return yaml_error(v, "unknown %s \"%s\"; did you mean \"%s\"?",
		                  what, s, near);
	return yaml_error(v, "unknown %s \"%s\"", what, s);
}

err
config_name(const struct yaml_node *v, const char *what)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	const char *s;
	size_t n;
	err e;

	if ((e = yaml_str(v, &s)).code)
		return e;
	n = strlen(s);
	if (n == 0 || n > NAME_MAX_LEN || strspn(s, letters) == 0 ||
	    strspn(s, all) != n)
		return yaml_error(
		    v,
		    "\"%s\" is no name of %s: lower-case letters, digits, "
		    "\".\", \"_\" and \"-\", at most %d, a letter or digit "
		    "first",
		    s, what, NAME_MAX_LEN);
	return OK;
}

err
config_span(const struct yaml_node *map, const char *key, int64_t *ret)
{
	const struct yaml_node *v = yaml_get(map, key);
	const char *s;
	int64_t ns;
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_str(v, &s)).code)
		return e;
	if (!time_span_parse(s, &ns) || ns <= 0)
		return yaml_error(
		    v,
		    "\"%s\" is \"%s\", not a span such as 90s, 30m, 24h or 7d",
		    key, s);
	*ret = ns;
	return OK;
}

err
config_number(const struct yaml_node *map, const char *key, int64_t least,
              int64_t most, int64_t *ret)
{
	const struct yaml_node *v = yaml_get(map, key);
	int64_t n;
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_int(v, &n)).code)
		return e;
	if (n < least || n > most)
		return yaml_error(v, "\"%s\" must be from %lld to %lld", key,
		                  (long long)least, (long long)most);
	*ret = n;
	return OK;
}

/* Take "//", "/./" and what trails out of an absolute path. */
static void
clean(char *path)
{
	char *to = path;

	for (const char *from = path; *from != '\0';) {
		from += strspn(from, "/");
		size_t n = strcspn(from, "/");
		if (n > 0 && !(n == 1 && *from == '.')) {
			*to++ = '/';
			memmove(to, from, n);
			to += n;
		}
		from += n;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

err
config_path(const char *dir, const char *path, char **ret)
{
	AUTO(free_ptr) char *full = NULL;
	err e;

	if (path[0] == '/')
		e = mem_dup(path, strlen(path), &full);
	else
		e = fs_path_join(&full, dir, path);
	if (e.code)
		return e;
	clean(full);
	*ret = take(full);
	return OK;
}

err
config_later(struct workspace *ws, const char *fmt, ...)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4 * KiB);
	va_list ap;
	err e;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	if ((e = buf_done(&b)).code ||
	    (e = mem_grow(&ws->later, ws->nlater + 1, &ws->later_cap,
	                  sizeof(*ws->later)))
	        .code)
		return e;
	e = mem_dup(b.p, b.len, &ws->later[ws->nlater]);
	ws->nlater += e.code == E_OK;
	return e;
}
