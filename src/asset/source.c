/* SPDX-License-Identifier: Apache-2.0 */

/* Sources that are files: a directory, a file, or what a glob matches. */

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "asset/config.h"
#include "asset/source.h"
#include "base/fs.h"
#include "base/mem.h"

static bool
has_glob(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

/* Split an absolute path behind its last slash that ${end} allows. */
static err
split(const char *path, size_t end, char **ret_base, size_t *ret_rest)
{
	size_t slash = 0;

	for (size_t i = 0; i < end && path[i] != '\0'; i++)
		if (path[i] == '/')
			slash = i;
	*ret_rest = slash + 1;
	return mem_dup(path, slash > 0 ? slash : 1, ret_base);
}

static err
one_pick(const char *name, char ***ret)
{
	AUTO(config_words_freep) char **list = NULL;
	err e;

	if ((e = mem_alloc(2, sizeof(*list), &list)).code ||
	    (e = mem_dup(name, strlen(name), &list[0])).code)
		return e;
	*ret = take(list);
	return OK;
}

/* The base is no pattern, whatever letters its name has. */
static err
glob_pattern(const char *base, const char *rest, struct buf *b)
{
	for (const char *s = base; *s != '\0'; s++) {
		if (strchr("*?[\\", *s) != NULL)
			buf_u8(b, '\\');
		buf_u8(b, (uint8_t)*s);
	}
	if (base[1] != '\0')
		buf_u8(b, '/');
	buf_str(b, rest);
	return buf_done(b);
}

/* A directory that cannot be read may hide matches. */
static int
stop_at_error(const char *path, int en)
{
	(void)path;
	errno = en;
	return en != ENOENT && en != ENOTDIR;
}

static err
take_matches(const glob_t *g, size_t skip, char ***ret)
{
	AUTO(config_words_freep) char **list = NULL;
	err e;

	if (g->gl_pathc > SOURCE_MATCHES_MAX)
		return err_new(E_LIMIT,
		               "it matches %zu files; name a directory instead",
		               g->gl_pathc);
	if ((e = mem_alloc(g->gl_pathc + 1, sizeof(*list), &list)).code)
		return e;
	for (size_t i = 0; i < g->gl_pathc; i++) {
		const char *s = g->gl_pathv[i] + skip;
		if ((e = mem_dup(s, strlen(s), &list[i])).code)
			return e;
	}
	*ret = take(list);
	return OK;
}

static err
match(const char *base, const char *rest, char ***ret)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	AUTO(globfree) glob_t g = { 0 };
	err e;

	if ((e = glob_pattern(base, rest, &b)).code)
		return e;
	errno = 0;
	switch (glob(buf_cstr(&b), 0, stop_at_error, &g)) {
	case 0:
		return take_matches(&g, strlen(base) + (base[1] != '\0'), ret);
	case GLOB_NOMATCH:
		return err_new(E_NOTFOUND, "nothing in \"%s\" matches \"%s\"",
		               base, rest);
	case GLOB_NOSPACE:
		return err_nomem();
	default:
		return err_sys("looking for \"%s\" in \"%s\"", rest, base);
	}
}

/* Let ${dir}, one of ours, not become part of what is saved. */
static err
keep_out(struct source *s, size_t n, const char *dir, bool *ret_added)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	size_t len = strlen(s->base);
	err e;

	*ret_added = false;
	if (len == 1)
		len = 0;
	if (strncmp(dir, s->base, len) != 0 || dir[len] != '/' ||
	    dir[len + 1] == '\0')
		return OK;
	for (const char *p = dir + len; *p != '\0'; p++) {
		if (strchr("*?[\\", *p) != NULL)
			buf_u8(&b, '\\');
		buf_u8(&b, (uint8_t)*p);
	}
	if ((e = buf_done(&b)).code ||
	    (e = mem_dup(b.p, b.len, &s->own[n])).code)
		return e;
	*ret_added = true;
	return OK;
}

static err
keep_all_out(const struct workspace *ws, struct source *s)
{
	static const char file[] = "file://";
	size_t n = 0;
	bool added;
	err e;

	if ((e = mem_alloc(ws->vault.nstores + 2, sizeof(*s->own), &s->own))
	        .code ||
	    (e = keep_out(s, n, ws->state_dir, &added)).code)
		return e;
	n += added;
	for (size_t i = 0; i < ws->vault.nstores; i++) {
		const char *url = ws->vault.stores[i].url;
		if (strncmp(url, file, strlen(file)) == 0)
			url += strlen(file);
		if ((e = keep_out(s, n, url, &added)).code)
			return e;
		n += added;
	}
	return OK;
}

/* Decide what ${path} is, and set base and picks of ${s}. */
static err
resolve(const char *path, bool want_dir, struct source *s)
{
	struct stat st;
	size_t rest;
	err e;

	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return mem_dup(path, strlen(path), &s->base);
		if (want_dir)
			return err_new(
			    E_INVALID,
			    "\"%s\" is no directory, as the slash says", path);
		if ((e = split(path, strlen(path), &s->base, &rest)).code)
			return e;
		return one_pick(path + rest, &s->picks);
	}
	if (errno != ENOENT || !has_glob(path))
		return err_sys("opening \"%s\"", path);
	if ((e = split(path, strcspn(path, "*?["), &s->base, &rest)).code)
		return e;
	return match(s->base, path + rest, &s->picks);
}

static bool
ends_in_slash(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && s[n - 1] == '/';
}

err
asset_source(const struct workspace *ws, const struct asset *a,
             struct source *ret)
{
	AUTO(source_release) struct source s = { 0 };
	AUTO(free_ptr) char *path = NULL;
	err e;

	if (source_is_live(a->source))
		return err_new(
		    E_UNSUPPORTED,
		    "asset \"%s\": sources like \"%.*s:\" are not in this "
		    "version; export it to a file and name that",
		    a->name, (int)strcspn(a->source, ":"), a->source);
	if ((e = config_path(ws->dir, a->source, &path)).code ||
	    (e = resolve(path, ends_in_slash(a->source), &s)).code ||
	    (e = keep_all_out(ws, &s)).code)
		return err_in(e, "the source of \"%s\"", a->name);
	s.v = (struct vault_source){ .asset = a->name,
		                     .kind = a->kind,
		                     .base = s.base,
		                     .picks = s.picks };
	*ret = take_struct(s);
	return OK;
}

/* Was ${base}, as the vault quotes it, the directory ${path} itself? */
static bool
same_tail(const char *base, const char *source)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	size_t n = strlen(base);

	while (strncmp(source, "./", 2) == 0)
		source += 2 + strspn(source + 2, "/");
	fs_quote(source, strlen(source), &b);
	while (b.len > 1 && b.p[b.len - 1] == '/')
		b.len--;
	if (b.len == 0 || b.len > n ||
	    memcmp(base + n - b.len, b.p, b.len) != 0)
		return false;
	return b.len == n || b.p[0] == '/' || base[n - b.len - 1] == '/';
}

err
asset_home(const struct workspace *ws, const struct asset *a,
           const char *saved_base, char **ret, bool *ret_whole)
{
	AUTO(free_ptr) char *path = NULL;
	struct stat st;
	size_t rest;
	err e;

	if (source_is_live(a->source))
		return err_new(
		    E_UNSUPPORTED,
		    "asset \"%s\" has no place among the files; --to DIR says "
		    "where",
		    a->name);
	if ((e = config_path(ws->dir, a->source, &path)).code)
		return e;
	*ret_whole = false;
	if (has_glob(path) && stat(path, &st) != 0)
		return split(path, strcspn(path, "*?["), ret, &rest);

	/* The snapshot knows best; what stands there now may be an impostor. */
	bool dir = ends_in_slash(a->source) || strcmp(a->source, ".") == 0;
	if (!dir && saved_base != NULL)
		dir = same_tail(saved_base, a->source);
	else if (!dir)
		dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	*ret_whole = dir;
	if (dir) {
		*ret = take(path);
		return OK;
	}
	return split(path, strlen(path), ret, &rest);
}

err
source_excludes(const struct source *s, char *const *more, char ***ret)
{
	char **list = NULL;
	size_t n = 0, m = 0;
	err e;

	while (s->own != NULL && s->own[n] != NULL)
		n++;
	while (more != NULL && more[m] != NULL)
		m++;
	if ((e = mem_alloc(n + m + 1, sizeof(*list), &list)).code)
		return e;
	for (size_t i = 0; i < n; i++)
		list[i] = s->own[i];
	for (size_t i = 0; i < m; i++)
		list[n + i] = more[i];
	*ret = list;
	return OK;
}

void
source_release(struct source *s)
{
	free(s->base);
	config_words_free(s->picks);
	config_words_free(s->own);
	*s = (struct source){ 0 };
}
