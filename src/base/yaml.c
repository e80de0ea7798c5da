/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A tree built from libyaml's events, not its documents: bounds are checked
 * while it grows.  Names here keep clear of those that libyaml exports.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/yaml.h"

/* What is being built; the innermost open node is the last of open[]. */
struct builder {
	yaml_parser_t parser;
	const char *text; /* Borrowed; all of the input. */
	size_t n;
	struct yaml_node *root; /* Owned, until it is complete. */
	struct yaml_node *open[YAML_DEPTH_MAX];
	size_t room[YAML_DEPTH_MAX]; /* Capacity of its items and keys. */
	size_t depth;
	size_t nodes;
	unsigned documents;
};

void
yaml_drop(struct yaml_node *root)
{
	if (root == NULL)
		return;

	/* No deeper than YAML_DEPTH_MAX.  The last value may be missing. */
	for (size_t i = 0; i < root->n; i++) {
		if (root->keys != NULL)
			yaml_drop(root->keys[i]);
		yaml_drop(root->items[i]);
	}
	free(root->keys);
	free(root->items);
	free(root->text);
	free(root);
}

void
yaml_dropp(struct yaml_node **root)
{
	yaml_drop(*root);
}

static err
refuse(yaml_mark_t at, enum err_code code, const char *why)
{
	return err_new(code, "line %zu, column %zu: %s", at.line + 1,
	               at.column + 1, why);
}

/* Where the byte at ${offset} is, in lines and in bytes of the line. */
static yaml_mark_t
mark_of(const char *text, size_t offset)
{
	yaml_mark_t at = { 0 };

	for (size_t i = 0; i < offset; i++, at.column++)
		if (text[i] == '\n') {
			at.line++;
			at.column = (size_t)-1;
		}
	return at;
}

static err
parser_error(const struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	yaml_mark_t at = p->problem_mark;

	if (p->error == YAML_MEMORY_ERROR)
		return err_nomem();

	/* The decoder runs ahead of the parser, and sets no mark. */
	if (p->error == YAML_READER_ERROR)
		at = mark_of(b->text, MIN(p->problem_offset, b->n));
	return refuse(at, E_INVALID,
	              p->problem != NULL ? p->problem : "no YAML");
}

/* Make room for one more member of the innermost node. */
static err
make_room(struct builder *b)
{
	struct yaml_node *in = b->open[b->depth - 1];
	size_t *room = &b->room[b->depth - 1], keys_room = *room;
	err e = OK;

	if (in->kind == YAML_MAPPING)
		e = mem_grow(&in->keys, in->n + 1, &keys_room,
		             sizeof(struct yaml_node *));
	if (e.code == E_OK)
		e = mem_grow(&in->items, in->n + 1, room,
		             sizeof(struct yaml_node *));
	return e;
}

/* Put ${v} where the document stands; the tree owns it from then on. */
static err
place(struct builder *b, struct yaml_node *v)
{
	struct yaml_node *in;
	err e;

	if (b->depth == 0) {
		b->root = v;
		return OK;
	}
	in = b->open[b->depth - 1];

	/* A key without its value is the last, and counted already. */
	if (in->kind == YAML_MAPPING && in->n > 0 &&
	    in->items[in->n - 1] == NULL) {
		in->items[in->n - 1] = v;
		return OK;
	}
	if ((e = make_room(b)).code)
		return e;
	if (in->kind == YAML_MAPPING) {
		if (v->kind != YAML_SCALAR)
			return yaml_error(v, "a key must be a word");
		in->keys[in->n] = v;
		in->items[in->n++] = NULL;
		return OK;
	}
	in->items[in->n++] = v;
	return OK;
}

static err
new_node(struct builder *b, const yaml_event_t *ev, enum yaml_kind kind,
         struct yaml_node **ret)
{
	struct yaml_node *v;
	err e;

	if (b->nodes++ >= YAML_NODES_MAX)
		return refuse(ev->start_mark, E_LIMIT, "too many values");
	if ((e = mem_alloc(1, sizeof(*v), &v)).code)
		return e;
	v->kind = kind;
	v->line = (unsigned)ev->start_mark.line + 1;
	v->column = (unsigned)ev->start_mark.column + 1;
	*ret = v;
	return OK;
}

static err
on_scalar(struct builder *b, const yaml_event_t *ev)
{
	AUTO(yaml_dropp) struct yaml_node *v = NULL;
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	err e;

	if (ev->data.scalar.anchor != NULL)
		return refuse(ev->start_mark, E_INVALID,
		              "anchors are not supported");
	if (ev->data.scalar.tag != NULL)
		return refuse(ev->start_mark, E_INVALID,
		              "tags are not supported");
	if (memchr(text, '\0', len) != NULL)
		return refuse(ev->start_mark, E_INVALID,
		              "a zero byte in a text");
	if ((e = new_node(b, ev, YAML_SCALAR, &v)).code ||
	    (e = mem_dup(text, len, &v->text)).code)
		return e;
	v->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if ((e = place(b, v)).code)
		return e;
	v = NULL;
	return OK;
}

static err
on_open(struct builder *b, const yaml_event_t *ev, enum yaml_kind kind)
{
	bool seq = kind == YAML_SEQUENCE;
	const void *anchor = seq ? ev->data.sequence_start.anchor
				 : ev->data.mapping_start.anchor;
	const void *tag = seq ? ev->data.sequence_start.tag
			      : ev->data.mapping_start.tag;
	AUTO(yaml_dropp) struct yaml_node *v = NULL;
	err e;

	if (anchor != NULL)
		return refuse(ev->start_mark, E_INVALID,
		              "anchors are not supported");
	if (tag != NULL)
		return refuse(ev->start_mark, E_INVALID,
		              "tags are not supported");
	if (b->depth == YAML_DEPTH_MAX)
		return refuse(ev->start_mark, E_LIMIT, "nested too deep");
	if ((e = new_node(b, ev, kind, &v)).code || (e = place(b, v)).code)
		return e;
	b->open[b->depth] = v;
	b->room[b->depth++] = 0;
	v = NULL;
	return OK;
}

static int
by_text_and_place(const void *a, const void *b)
{
	const struct yaml_node *x = *(struct yaml_node *const *)a;
	const struct yaml_node *y = *(struct yaml_node *const *)b;
	int d = strcmp(x->text, y->text);

	if (d == 0)
		d = x->line < y->line ? -1 : x->line > y->line;
	if (d == 0)
		d = x->column < y->column ? -1 : x->column > y->column;
	return d;
}

/* A complete mapping may not say one thing twice. */
static err
check_unique(const struct yaml_node *map)
{
	AUTO(free_ptr) struct yaml_node **sorted = NULL;
	err e;

	if (map->n < 2)
		return OK;
	if ((e = mem_alloc(map->n, sizeof(*sorted), &sorted)).code)
		return e;
	memcpy(sorted, map->keys, map->n * sizeof(*sorted));
	qsort(sorted, map->n, sizeof(*sorted), by_text_and_place);
	for (size_t i = 1; i < map->n; i++)
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
			return yaml_error(sorted[i],
			                  "'%s' is there twice, first in line "
			                  "%u",
			                  sorted[i]->text, sorted[i - 1]->line);
	return OK;
}

static err
on_close(struct builder *b)
{
	const struct yaml_node *done = b->open[--b->depth];

	return done->kind == YAML_MAPPING ? check_unique(done) : OK;
}

static err
on_document(struct builder *b, const yaml_event_t *ev)
{
	if (b->documents++ > 0)
		return refuse(ev->start_mark, E_INVALID,
		              "a second document is not supported");
	return OK;
}

static err
on_event(struct builder *b, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, ev);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, ev, YAML_SEQUENCE);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, ev, YAML_MAPPING);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_close(b);
	case YAML_ALIAS_EVENT:
		return refuse(ev->start_mark, E_INVALID,
		              "aliases are not supported");
	default:
		return OK;
	}
}

static err
build(struct builder *b)
{
	for (bool end = false; !end;) {
		yaml_event_t ev;
		err e;

		if (!yaml_parser_parse(&b->parser, &ev))
			return parser_error(b);
		end = ev.type == YAML_STREAM_END_EVENT;
		e = on_event(b, &ev);
		yaml_event_delete(&ev);
		if (e.code)
			return e;
	}
	if (b->root == NULL)
		return err_new(E_INVALID, "line 1, column 1: nothing in it");
	return OK;
}

/*
 * Refuse tag directives before libyaml compares each with each.  The last bytes
 * of all that it takes for a line break: LF, CR, NEL, LS, PS; and of a mark.
 */
static err
check_directives(const struct builder *b)
{
	static const char breaks[] = "\n\r\x85\xa8\xa9\xbf";
	const char *p = b->text, *end = b->text + b->n;

	for (; (p = memmem(p, (size_t)(end - p), "%TAG", 4)) != NULL; p++)
		if (p == b->text || strchr(breaks, p[-1]) != NULL)
			return refuse(mark_of(b->text, (size_t)(p - b->text)),
			              E_INVALID, "tags are not supported");
	return OK;
}

static void
builder_release(struct builder *b)
{
	yaml_parser_delete(&b->parser);
	yaml_drop(b->root);
}

err
yaml_read(const void *p, size_t n, struct yaml_node **ret)
{
	AUTO(builder_release) struct builder b = { .text = p, .n = n };
	err e;

	if (n > YAML_BYTES_MAX)
		return err_new(E_LIMIT, "%zu bytes of YAML; %zu are the most",
		               n, YAML_BYTES_MAX);
	if ((e = check_directives(&b)).code)
		return e;
	if (!yaml_parser_initialize(&b.parser))
		return err_nomem();
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, p, n);
	if ((e = build(&b)).code)
		return e;
	*ret = take(b.root);
	return OK;
}

err
yaml_error(const struct yaml_node *at, const char *fmt, ...)
{
	AUTO(free_ptr) char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return err_nomem();
	}
	return err_new(E_INVALID, "line %u, column %u: %s", at->line,
	               at->column, text);
}

bool
yaml_is_null(const struct yaml_node *v)
{
	if (v == NULL)
		return true;
	return v->kind == YAML_SCALAR && !v->quoted &&
	    (*v->text == '\0' || strcmp(v->text, "~") == 0 ||
	     strcmp(v->text, "null") == 0);
}

const struct yaml_node *
yaml_get(const struct yaml_node *map, const char *key)
{
	if (map == NULL || map->kind != YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->keys[i]->text, key) == 0)
			return yaml_is_null(map->items[i]) ? NULL
							   : map->items[i];
	return NULL;
}

err
yaml_want(const struct yaml_node *v, enum yaml_kind kind)
{
	static const char *const names[] = {
		[YAML_SCALAR] = "one value",
		[YAML_SEQUENCE] = "a list (\"- ...\")",
		[YAML_MAPPING] = "\"key: value\" lines",
	};

	if (v->kind == kind)
		return OK;
	return yaml_error(v, "%s expected here", names[kind]);
}

err
yaml_str(const struct yaml_node *v, const char **ret)
{
	err e;

	if ((e = yaml_want(v, YAML_SCALAR)).code)
		return e;
	if (yaml_is_null(v))
		return yaml_error(v, "a text is missing here");
	*ret = v->text;
	return OK;
}

err
yaml_int(const struct yaml_node *v, int64_t *ret)
{
	const char *digits;
	char *end;
	long long n;
	err e;

	if ((e = yaml_want(v, YAML_SCALAR)).code)
		return e;
	digits = v->text + (*v->text == '-' || *v->text == '+');
	if (v->quoted || *digits == '\0' ||
	    digits[strspn(digits, "0123456789")] != '\0')
		return yaml_error(v, "'%s' is no whole number", v->text);

	/* 010 is eight to some readers and ten to others. */
	if (digits[0] == '0' && digits[1] != '\0')
		return yaml_error(v, "'%s': a number begins with no zero",
		                  v->text);
	errno = 0;
	n = strtoll(v->text, &end, 10);
	if (errno != 0)
		return yaml_error(v, "'%s' is too large", v->text);
	*ret = n;
	return OK;
}

err
yaml_bool(const struct yaml_node *v, bool *ret)
{
	bool yes, no;
	err e;

	if ((e = yaml_want(v, YAML_SCALAR)).code)
		return e;
	yes = !v->quoted && strcmp(v->text, "true") == 0;
	no = !v->quoted && strcmp(v->text, "false") == 0;
	if (!yes && !no)
		return yaml_error(v, "'%s' is neither true nor false", v->text);
	*ret = yes;
	return OK;
}

static bool
is_in(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

err
yaml_check_keys(const struct yaml_node *map, const char *const *known)
{
	err e;

	if ((e = yaml_want(map, YAML_MAPPING)).code)
		return e;
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *k = map->keys[i];
		const char *near;

		if (is_in(k->text, known))
			continue;
		if ((near = str_nearest(k->text, known)) != NULL)
			return yaml_error(k,
			                  "unknown key '%s': did you mean "
			                  "'%s'?",
			                  k->text, near);
		return yaml_error(k, "unknown key '%s'", k->text);
	}
	return OK;
}
