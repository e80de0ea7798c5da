/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rules of exclusion, and which of them are in force.  The last rule that
 * matches decides; those of the command line go before those of files, and
 * those of a directory before those of the directories above it.  What is below
 * something left out is never asked about, so it cannot be taken in again.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "vault/glob.h"
#include "vault/ignore.h"

#define TAG_FILE "CACHEDIR.TAG"
#define TAG_TEXT "Signature: 8a477f597d28d172789f06886806bc55"

enum {
	RULE_NEGATED = 1,  /* Take it in. */
	RULE_DIR = 2,      /* Directories only. */
	RULE_ANCHORED = 4, /* Speaks of a path, not of a name. */
	RULE_LITERAL = 8,  /* Nothing special in it. */
};

struct rule {
	const char *p; /* Into the text of its level. */
	uint32_t len;
	uint32_t flags;
};

/* A directory that brought something. */
struct level {
	size_t depth;    /* How many directories were entered then. */
	size_t base_len; /* Of its path. */
	size_t first;    /* Its first rule. */
	struct buf text; /* Its file. */
	bool tagged;     /* It is a cache. */
};

struct ignore {
	struct rule *rules; /* Owned: those of the command line, then levels'.
	                     */
	size_t nrules, cap_rules;
	size_t fixed;         /* Rules of the command line. */
	struct level *levels; /* Owned. */
	size_t nlevels, cap_levels;
	size_t depth;
};

/* --- reading patterns ----------------------------------------------------- */

/* Drop spaces at the end, up to one that a backslash stands before. */
static size_t
trimmed(const char *p, size_t n)
{
	size_t keep = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\\' && i + 1 < n)
			keep = ++i + 1;
		else if (p[i] != ' ')
			keep = i + 1;
	}
	return keep;
}

static bool
is_literal(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr("*?[\\", p[i]) != NULL)
			return false;
	return true;
}

/* Add the rule that the pattern at ${p} means, if it means one. */
static err
rule_add(struct ignore *ig, const char *p, size_t n)
{
	struct rule r = { 0 };
	err e;

	if (n > 0 && p[0] == '!') {
		r.flags |= RULE_NEGATED;
		p++;
		n--;
	}
	if (n > 0 && p[n - 1] == '/') {
		r.flags |= RULE_DIR;
		n--;
	}
	if (n > 0 && memchr(p, '/', n) != NULL)
		r.flags |= RULE_ANCHORED;
	if (n > 0 && p[0] == '/') {
		p++;
		n--;
	}
	if (n == 0)
		return OK;
	if (n > IGNORE_PATTERN_MAX)
		return err_new(E_INVALID, "a pattern of more than %d bytes",
		               IGNORE_PATTERN_MAX);
	if (!glob_valid(p, n))
		return err_new(E_INVALID, "the pattern '%.*s' ends too early",
		               (int)n, p);
	if (ig->nrules == IGNORE_RULES_MAX)
		return err_new(E_LIMIT, "more than %zu patterns",
		               IGNORE_RULES_MAX);
	if (is_literal(p, n))
		r.flags |= RULE_LITERAL;
	r.p = p;
	r.len = (uint32_t)n;
	if ((e = mem_grow(&ig->rules, ig->nrules + 1, &ig->cap_rules,
	                  sizeof(*ig->rules)))
	        .code)
		return e;
	ig->rules[ig->nrules++] = r;
	return OK;
}

/* Add the rules of a file; go on behind a line that is wrong. */
static err
text_read(struct ignore *ig, const struct buf *text)
{
	const char *p = (const char *)text->p, *end = p + text->len, *next;
	err first = OK, e;
	unsigned line = 0;

	if (text->len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	for (; p < end; p = next + 1) {
		size_t n;

		next = memchr(p, '\n', (size_t)(end - p));
		if (next == NULL)
			next = end;
		n = (size_t)(next - p);
		if (n > 0 && p[n - 1] == '\r')
			n--;
		line++;
		if (n == 0 || p[0] == '#')
			continue;
		e = rule_add(ig, p, trimmed(p, n));
		err_keep(&first, err_in(e, "line %u", line));
	}
	return first;
}

err
ignore_new(char *const *exclude, struct ignore **ret)
{
	AUTO(ignore_freep) struct ignore *ig = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*ig), &ig)).code)
		return e;
	for (size_t i = 0; exclude != NULL && exclude[i] != NULL; i++)
		if ((e = rule_add(ig, exclude[i], strlen(exclude[i]))).code)
			return e;
	ig->fixed = ig->nrules;
	*ret = take(ig);
	return OK;
}

/* --- directories ---------------------------------------------------------- */

/* Open a regular file; a symbolic link could lead to what is not ours to read.
 */
static err
open_plain(int dirfd, const char *name, int *ret_fd, uint64_t *ret_size)
{
	AUTO(close_fd) int fd = -1;
	struct stat st;

	fd = openat(dirfd, name,
	            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno != ELOOP && errno != ENXIO)
		return err_sys("opening");
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return err_new(E_INVALID, "no regular file");
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = fd;
	fd = -1;
	return OK;
}

static bool
is_tagged(int dirfd)
{
	AUTO(close_fd) int fd = -1;
	char b[sizeof(TAG_TEXT) - 1];
	uint64_t size;
	size_t n = 0;
	err e;

	if (faccessat(dirfd, TAG_FILE, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	e = open_plain(dirfd, TAG_FILE, &fd, &size);
	if (!e.code)
		e = fs_pread_full(fd, b, sizeof(b), 0, &n);
	/* A tag that cannot be read leaves nothing out. */
	err_drop(e);
	return n == sizeof(b) && memcmp(b, TAG_TEXT, n) == 0;
}

/* Read the directory's file; none is an empty one. */
static err
text_load(int dirfd, struct buf *text)
{
	AUTO(close_fd) int fd = -1;
	uint64_t size;
	size_t n;
	err e;

	if (faccessat(dirfd, IGNORE_FILE, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
	    errno == ENOENT)
		return OK;
	if ((e = open_plain(dirfd, IGNORE_FILE, &fd, &size)).code)
		return e;
	if (size > IGNORE_FILE_MAX)
		return err_new(E_LIMIT, "longer than 1 MiB");
	if (buf_room(text, size) == NULL)
		return buf_done(text);
	if (!(e = fs_pread_full(fd, text->p, size, 0, &n)).code)
		text->len = n;
	return e;
}

err
ignore_enter(struct ignore *ig, int dirfd, const char *relpath)
{
	struct level l = {
		.depth = ++ig->depth,
		.base_len = strlen(relpath),
		.first = ig->nrules,
		.text = BUF_MAX(IGNORE_FILE_MAX),
	};
	AUTO(buf_release) struct buf text = BUF_MAX(IGNORE_FILE_MAX);
	err e, e2;

	e = text_load(dirfd, &text);
	l.tagged = l.base_len > 0 && is_tagged(dirfd);
	if (text.len == 0 && !l.tagged)
		return err_in(e, "%s", IGNORE_FILE);
	e2 = mem_grow(&ig->levels, ig->nlevels + 1, &ig->cap_levels,
	              sizeof(*ig->levels));
	if (e2.code) {
		err_keep(&e, e2);
		return e;
	}
	l.text = take_struct(text);
	ig->levels[ig->nlevels++] = l;
	err_keep(&e, text_read(ig, &l.text));
	return err_in(e, "%s", IGNORE_FILE);
}

void
ignore_leave(struct ignore *ig)
{
	struct level *l;

	if (ig->nlevels > 0 &&
	    (l = &ig->levels[ig->nlevels - 1])->depth == ig->depth) {
		ig->nrules = l->first;
		buf_release(&l->text);
		ig->nlevels--;
	}
	ig->depth--;
}

/* --- matching ------------------------------------------------------------- */

struct subject {
	const char *relpath;
	size_t relpath_len;
	const char *name;
	size_t name_len;
	bool is_dir;
};

static bool
rule_match(const struct rule *r, size_t base_len, const struct subject *s)
{
	if ((r->flags & RULE_DIR) && !s->is_dir)
		return false;
	if (r->flags & RULE_ANCHORED) {
		size_t skip = base_len > 0 && base_len < s->relpath_len
		    ? base_len + 1
		    : base_len;

		return glob_path(r->p, r->len, s->relpath + skip,
		                 s->relpath_len - skip, s->name, s->name_len);
	}
	if (r->flags & RULE_LITERAL)
		return r->len == s->name_len &&
		    memcmp(r->p, s->name, s->name_len) == 0;
	return glob_name(r->p, r->len, s->name, s->name_len);
}

/* 1: left out; 0: taken in; -1: none of the rules ${from} to ${to} says. */
static int
rules_say(const struct ignore *ig, size_t from, size_t to, size_t base_len,
          const struct subject *s)
{
	for (size_t i = to; i > from; i--)
		if (rule_match(&ig->rules[i - 1], base_len, s))
			return !(ig->rules[i - 1].flags & RULE_NEGATED);
	return -1;
}

bool
ignore_match(const struct ignore *ig, const char *relpath, const char *name,
             size_t name_len, bool is_dir)
{
	struct subject s = { relpath, 0, name, name_len, is_dir };
	const struct level *l;
	size_t to = ig->nrules;
	int say;

	if (ig->nrules == 0 && ig->nlevels == 0)
		return false;
	s.relpath_len = strlen(relpath);
	if (ig->nlevels > 0) {
		l = &ig->levels[ig->nlevels - 1];
		if (l->tagged && l->depth == ig->depth)
			return name_len != strlen(TAG_FILE) ||
			    memcmp(name, TAG_FILE, name_len) != 0;
	}
	if ((say = rules_say(ig, 0, ig->fixed, 0, &s)) >= 0)
		return say;
	for (size_t i = ig->nlevels; i > 0; i--) {
		l = &ig->levels[i - 1];
		say = rules_say(ig, l->first, to, l->base_len, &s);
		if (say >= 0)
			return say;
		to = l->first;
	}
	return false;
}

void
ignore_free(struct ignore *ig)
{
	if (ig == NULL)
		return;
	for (size_t i = 0; i < ig->nlevels; i++)
		buf_release(&ig->levels[i].text);
	free(ig->levels);
	free(ig->rules);
	free(ig);
}

void
ignore_freep(struct ignore **ig)
{
	ignore_free(*ig);
}
